import numpy as np
import scipy.linalg

from keras_comic.metrics import FrechetDistance
from keras_comic.models import FeatureNetwork
from tests.metrics import make_golden
from tests.metrics.golden import golden
from tests.test_case import TestCase
from tests.test_case import noise


def by_square_root(comics, fake_comics):
    """The formula as it is written, by SciPy's matrix square root."""
    comics, fake_comics = (
        part.astype("float64") for part in (comics, fake_comics)
    )
    first, second = (np.cov(part.T) for part in (comics, fake_comics))
    shift = comics.mean(0) - fake_comics.mean(0)
    root = scipy.linalg.sqrtm(first @ second)
    return shift @ shift + np.trace(first + second - 2.0 * np.real(root))


def by_singular_values(comics, fake_comics):
    """Exact for fewer samples than dimensions: no covariance is formed."""
    parts = []
    for part in (comics.astype("float64"), fake_comics.astype("float64")):
        parts.append((part - part.mean(0)) / np.sqrt(len(part) - 1))
    overlap = np.linalg.svd(parts[0] @ parts[1].T, compute_uv=False).sum()
    shift = comics.mean(0, "float64") - fake_comics.mean(0, "float64")
    return shift @ shift + sum((p**2).sum() for p in parts) - 2.0 * overlap


def measured(comics, fake_comics):
    metric = FrechetDistance()
    metric.update_state(comics, fake_comics)
    return metric.result()


class FrechetDistanceTest(TestCase):
    def test_by_hand(self):
        # Means 1 and 6; variances 2 and 18: 25 + 2 + 18 - 2 * 6.
        self.assertAllClose(
            measured(np.array([[0.0], [2.0]]), np.array([[3.0], [9.0]])),
            33.0,
            rtol=1e-12,
        )

    def test_other_projects(self):
        comics, fake_comics = make_golden.features()
        distance = measured(comics, fake_comics)
        self.assertAllClose(
            distance, by_square_root(comics, fake_comics), rtol=1e-9
        )
        for value in golden()["frechet_distance"].values():
            self.assertAllClose(distance, value, rtol=1e-5)

    def test_fewer_samples_than_dimensions(self):
        comics = noise(12, 64)
        fake_comics = noise(9, 64, seed=1) @ noise(64, 64, seed=2)
        # Half of the samples are those of the other side.
        mixed = np.concatenate([comics[:5], fake_comics[:4]])
        for other in (fake_comics, mixed):
            self.assertAllClose(
                measured(comics, other),
                by_singular_values(comics, other),
                rtol=1e-9,
            )

    def test_equal_sets(self):
        few = noise(6, 64) * 100.0
        self.assertAllClose(measured(few, few[::-1].copy()), 0.0, atol=1e-7)
        constant = np.ones((4, 3))
        self.assertEqual(measured(constant, constant), 0.0)
        self.assertEqual(measured(constant, constant + 1.0), 3.0)

    def test_batches_of_any_size(self):
        # A mean that is large against the deviation costs few digits.
        comics = noise(40, 8).astype("float64") + 1e5
        fake_comics = 1.5 * noise(30, 8, seed=1).astype("float64") + 1e5
        metric = FrechetDistance()
        for start, end in ((0, 1), (1, 1), (1, 8), (8, 40)):
            metric.update_state(comics=comics[start:end])
        metric.update_state(fake_comics=fake_comics)
        self.assertAllClose(
            metric.result(), by_square_root(comics, fake_comics), rtol=1e-7
        )

    def test_images(self):
        network = FeatureNetwork((1, 1), (4, 5))
        photos, comics = noise(9, 8, 8, 3), noise(7, 12, 8, 3, seed=1)
        metric = FrechetDistance(network, "relu2_1")
        metric.update_state(comics, photos)
        features = [
            self.numpy(network(images)["relu2_1"]).mean((1, 2))
            for images in (comics, photos)
        ]
        self.assertAllClose(
            metric.result(), by_singular_values(*features), rtol=1e-4
        )

    def test_too_few_and_not_finite(self):
        self.assertTrue(np.isnan(FrechetDistance().result()))
        self.assertTrue(np.isnan(measured(np.ones((1, 2)), np.ones((5, 2)))))
        metric = FrechetDistance()
        metric.update_state(np.array([[1.0], [np.nan]]), np.ones((2, 1)))
        self.assertTrue(np.isnan(metric.result()))
        with self.assertRaisesRegex(ValueError, "features must be finite"):
            metric.report()
