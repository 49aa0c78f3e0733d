import numpy as np

from keras_comic.metrics import KernelDistance
from tests.metrics import make_golden
from tests.metrics.golden import golden
from tests.test_case import TestCase
from tests.test_case import noise


def by_loops(first, second):
    """The estimate as it is written: every pair, one by one."""

    def kernel(x, y):
        return (float(x @ y) / len(x) + 1.0) ** 3

    def of_one(points):
        return np.mean(
            [
                kernel(x, y)
                for i, x in enumerate(points)
                for j, y in enumerate(points)
                if i != j
            ]
        )

    across = np.mean([kernel(x, y) for x in first for y in second])
    return of_one(first) + of_one(second) - 2.0 * across


def make_metric(comics, fake_comics, **arguments):
    metric = KernelDistance(**arguments)
    metric.update_state(comics, fake_comics)
    return metric


class KernelDistanceTest(TestCase):
    def test_loops_with_the_same_subsets(self):
        comics, fake_comics = (
            0.3 * part.astype("float64") for part in make_golden.features()
        )
        metric = make_metric(
            comics, fake_comics, num_subsets=4, subset_size=15, seed=3
        )
        expected = [
            by_loops(comics[first], fake_comics[second])
            for first, second in metric.subsets()
        ]
        self.assertEqual(len(expected), 4)
        self.assertAllClose(metric.result(), np.mean(expected), rtol=1e-9)
        self.assertAllClose(metric.report().spread, np.std(expected), rtol=1e-9)

    def test_another_project(self):
        comics, fake_comics = make_golden.features()
        expected = golden()["kernel_distance"]["torchmetrics"]
        for (first, second), value in zip(
            make_golden.subsets(), expected, strict=True
        ):
            metric = make_metric(comics[first], fake_comics[second])
            self.assertAllClose(metric.result(), value, atol=1e-5, rtol=1e-9)

    def test_subsets(self):
        arguments = {"num_subsets": 3, "subset_size": 5}
        metric = make_metric(noise(9, 2), noise(6, 2), **arguments)
        for first, second in metric.subsets():
            self.assertEqual((len(set(first)), len(set(second))), (5, 5))
            self.assertLess(first.max(), 9)
            self.assertLess(second.max(), 6)
        again = make_metric(noise(9, 2), noise(6, 2), **arguments)
        self.assertAllEqual(again.subsets(), metric.subsets())
        other = make_metric(noise(9, 2), noise(6, 2), seed=1, **arguments)
        self.assertFalse(np.array_equal(other.subsets(), metric.subsets()))

    def test_fewer_images_than_a_subset(self):
        first, second = noise(7, 3), noise(7, 3, seed=1)
        metric = make_metric(first, second)
        self.assertAllClose(
            metric.result(),
            by_loops(first.astype("float64"), second.astype("float64")),
        )
        # A single subset has no spread; and so few images are worth a word.
        self.assertIsNone(metric.report().spread)
        self.assertIn("caution fewer than 100 images", str(metric.report()))
        protocol = metric.report().protocol
        self.assertEqual((protocol["subsets"], protocol["subset_size"]), (1, 7))
        metric.update_state(fake_comics=second)
        self.assertEqual(len(metric.subsets()), 100)

    def test_unbiased(self):
        # About 0 for two samples of one distribution, below it as often.
        values = [
            make_metric(
                noise(20, 4, seed=seed), noise(20, 4, seed=seed + 100)
            ).result()
            for seed in range(40)
        ]
        self.assertLess(abs(np.mean(values)), 2.0 * np.std(values) / 40**0.5)
        share = np.mean(np.array(values) < 0.0)
        self.assertTrue(0.3 < share < 0.8, share)

    def test_too_few_and_not_finite(self):
        metric = make_metric(np.ones((1, 2)), np.ones((3, 2)))
        self.assertTrue(np.isnan(metric.result()))
        metric.update_state(np.full((1, 2), np.inf))
        self.assertTrue(np.isnan(metric.result()))

    def test_errors(self):
        with self.assertRaisesRegex(ValueError, "Received: num_subsets=0"):
            KernelDistance(num_subsets=0)
        with self.assertRaisesRegex(ValueError, "Received: subset_size=1"):
            KernelDistance(subset_size=1)
