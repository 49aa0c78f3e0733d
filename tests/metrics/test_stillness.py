import math

import numpy as np

from keras_comic.metrics.stillness import Stillness
from tests.test_case import TestCase
from tests.test_case import noise


def by_numpy(photos, comics, threshold):
    """Sums over still pixels, pixel by pixel: change, variance, count."""
    photos, comics = ((a.astype("float64") + 1) / 2 for a in (photos, comics))
    changes, variances = [], []
    for photo, comic in zip(photos, comics):
        for row in range(photo.shape[1]):
            for column in range(photo.shape[2]):
                pixel = photo[:, row, column]
                if np.ptp(pixel, axis=0).max() > threshold:
                    continue
                made = comic[:, row, column]
                changes.append(np.abs(np.diff(made, axis=0)).mean())
                variances.append(made.var(axis=0).mean())
    return sum(changes), sum(variances), len(changes)


class StillnessTest(TestCase):
    def example(self, seed=0):
        photos = np.repeat(noise(2, 1, 5, 6, 3, seed=seed), 4, axis=1)
        photos[0, 2, :3, 2] += 0.5
        photos[1, 1, 4, :, 1] -= 0.1
        photos += 0.001 * noise(*photos.shape, seed=seed + 1)
        return photos, noise(2, 4, 5, 6, 3, seed=seed + 2)

    def test_by_hand(self):
        # Three frames of two pixels, the second of which moves.
        photos = np.zeros((1, 3, 1, 2, 3), "float32")
        photos[0, 1, 0, 1, 2] = 0.1
        comics = np.zeros((1, 3, 1, 2, 3), "float32")
        # Black, grey, white in one channel: steps of 1/2, variance of 1/6.
        comics[0, :, 0, 0, 0] = [-1, 0, 1]
        comics[0, :, 0, 1] = noise(3, 3)
        metric = Stillness()
        metric.update_state(photos, comics)
        self.assertAllClose(metric.result()["change"], 0.5 / 3)
        self.assertAllClose(metric.result()["variance"], 1 / 6 / 3)
        self.assertEqual(metric.report()["change"].protocol["still_share"], 0.5)

    def test_by_numpy(self):
        metric = Stillness(0.01)
        sums = np.zeros(3)
        for seed in (0, 3):
            arrays = self.example(seed)
            metric.update_state(*arrays)
            sums += by_numpy(*arrays, 0.01)
        self.assertGreater(sums[2], 50)
        self.assertLess(sums[2], 120)
        result = metric.result()
        self.assertAllClose(result["change"], sums[0] / sums[2], rtol=1e-4)
        self.assertAllClose(result["variance"], sums[1] / sums[2], rtol=1e-4)
        report = metric.report()
        self.assertAllClose(report["change"].value, result["change"])
        self.assertEqual(
            report["variance"].protocol,
            {
                "metric": "Stillness.variance",
                "threshold": 0.01,
                "frames": 16,
                "still_share": round(sums[2] / 120, 4),
                "resize": None,
                "crop": None,
            },
        )

    def test_threshold(self):
        # Two levels of 8 bits are still, three are not.
        photos = np.full((1, 2, 1, 2, 3), 100, "uint8")
        photos[:, 1, :, 0] += 2
        photos[:, 1, :, 1] += 3
        photos = photos.astype("float32") / 127.5 - 1.0
        metric = Stillness()
        metric.update_state(photos, photos)
        report = metric.report()["change"]
        self.assertEqual(report.protocol["still_share"], 0.5)
        self.assertAllClose(report.value, 2 / 255)

    def test_weights(self):
        arrays = self.example()
        first, second = Stillness(0.01), Stillness(0.01)
        first.update_state(*arrays, sample_weight=np.array([2.0, 0.0]))
        second.update_state(*(array[:1] for array in arrays))
        self.assertAllClose(
            first.result()["variance"], second.result()["variance"]
        )

    def test_nothing_still(self):
        metric = Stillness(0.0)
        self.assertTrue(math.isnan(float(metric.result()["change"])))
        metric.update_state(noise(1, 2, 4, 4, 3), noise(1, 2, 4, 4, 3, seed=1))
        with self.assertRaisesRegex(ValueError, "no pixel.*2 frames"):
            metric.report()

    def test_errors(self):
        with self.assertRaisesRegex(ValueError, "threshold=1.5"):
            Stillness(1.5)
        photos = noise(1, 2, 4, 4, 3)
        for others in (photos[:, :1], photos[0], photos[..., :2]):
            with self.assertRaisesRegex(ValueError, "clips of one shape"):
                Stillness().update_state(photos, others)
        with self.assertRaisesRegex(ValueError, "at least two frames"):
            Stillness().update_state(photos[:, :1], photos[:, :1])
