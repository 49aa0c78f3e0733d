import numpy as np

from keras_comic.metrics import StyleLoss
from keras_comic.models import FeatureNetwork
from tests.test_case import TestCase
from tests.test_case import noise


def by_numpy(firsts, seconds):
    total = 0.0
    for first, second in zip(firsts, seconds):
        grams = []
        for maps in (first, second):
            rows = maps.astype("float64").reshape(len(maps), -1, maps.shape[-1])
            grams.append(rows.transpose(0, 2, 1) @ rows / rows.shape[1])
        total += ((grams[0] - grams[1]) ** 2).mean((1, 2))
    return total


class StyleLossTest(TestCase):
    def test_features_that_the_caller_gives(self):
        # Drawings of another size.
        comics = [noise(3, 5, 6, 4), noise(3, 2, 4, 7, seed=1)]
        made = [noise(3, 4, 6, 4, seed=2), noise(3, 2, 2, 7, seed=3)]
        metric = StyleLoss()
        metric.update_state(comics, made)
        self.assertAllClose(
            metric.result(), by_numpy(comics, made).mean(), rtol=1e-4
        )
        parts = StyleLoss()
        for i in range(3):
            parts.update_state(
                *([m[i : i + 1] for m in maps] for maps in (comics, made))
            )
        self.assertAllClose(parts.result(), metric.result(), rtol=1e-5)

    def test_one_drawing_for_all(self):
        network = FeatureNetwork((1, 1), (4, 5))
        drawing, made = noise(1, 12, 8, 3), noise(3, 8, 8, 3, seed=1)
        one, many = StyleLoss(network), StyleLoss(network)
        one.update_state(drawing, made)
        many.update_state(drawing.repeat(3, axis=0), made)
        self.assertAllClose(one.result(), many.result(), rtol=1e-4)
        self.assertEqual(one.report().protocol["pairs"], 3)

    def test_half_precision_does_not_overflow(self):
        maps = np.full((1, 16, 16, 2), 400.0, "float16")
        metric = StyleLoss()
        metric.update_state([maps], [2 * maps])
        self.assertAllClose(metric.result(), (3 * 400.0**2) ** 2, rtol=1e-4)

    def test_weights(self):
        made = [noise(2, 4, 4, 3)]
        metric = StyleLoss()
        metric.update_state([noise(1, 4, 4, 3, seed=1)], made, np.array([1, 0]))
        alone = StyleLoss()
        alone.update_state([noise(1, 4, 4, 3, seed=1)], [made[0][:1]])
        self.assertAllClose(metric.result(), alone.result(), rtol=1e-5)

    def test_errors(self):
        maps = noise(1, 2, 2, 3)
        with self.assertRaisesRegex(ValueError, r"Received: \[1, 2\] layers"):
            StyleLoss().update_state([maps], [maps, maps])
