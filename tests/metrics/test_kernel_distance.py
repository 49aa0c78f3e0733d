import numpy as np

from keras_comic.metrics import KernelDistance
from keras_comic.metrics.kernel_distance import kernel_distance
from tests.metrics import make_golden
from tests.metrics.golden import golden
from tests.test_case import TestCase
from tests.test_case import noise


def by_loops(first, second):
    """The estimate as it is written: every pair, one by one."""

    def kernel(x, y):
        return (float(x @ y) / len(x) + 1.0) ** 3

    def mean(values):
        return sum(values) / len(values)

    def of_one(points):
        return mean(
            [
                kernel(x, y)
                for i, x in enumerate(points)
                for j, y in enumerate(points)
                if i != j
            ]
        )

    across = mean([kernel(x, y) for x in first for y in second])
    return of_one(first) + of_one(second) - 2.0 * across


class KernelDistanceTest(TestCase):
    def test_loops_with_the_same_subsets(self):
        comics, fake_comics = (
            0.3 * part.astype("float64") for part in make_golden.features()
        )
        metric = KernelDistance(num_subsets=4, subset_size=15, seed=3)
        metric.update_state(comics, fake_comics)
        subsets = metric.subsets()
        self.assertEqual(len(subsets), 4)
        expected = [
            by_loops(comics[first], fake_comics[second])
            for first, second in subsets
        ]
        self.assertAllClose(
            metric.result(), np.mean(expected), atol=1e-6, rtol=1e-12
        )
        self.assertAllClose(metric.report().spread, np.std(expected), rtol=1e-9)

    def test_another_project(self):
        comics, fake_comics = (
            part.astype("float64") for part in make_golden.features()
        )
        expected = golden()["kernel_distance"]["torchmetrics"]
        for (first, second), value in zip(
            make_golden.subsets(), expected, strict=True
        ):
            self.assertAllClose(
                kernel_distance(comics[first], fake_comics[second]),
                value,
                atol=1e-6,
                rtol=1e-12,
            )

    def test_subsets(self):
        metric = KernelDistance(num_subsets=3, subset_size=5)
        metric.update_state(noise(9, 2), noise(6, 2))
        for first, second in metric.subsets():
            self.assertEqual(len(set(first)), 5)
            self.assertEqual(len(set(second)), 5)
            self.assertLess(first.max(), 9)
            self.assertLess(second.max(), 6)
        again = KernelDistance(num_subsets=3, subset_size=5)
        again.update_state(noise(9, 2), noise(6, 2))
        self.assertAllEqual(again.subsets(), metric.subsets())
        other = KernelDistance(num_subsets=3, subset_size=5, seed=1)
        other.update_state(noise(9, 2), noise(6, 2))
        self.assertFalse(np.array_equal(other.subsets(), metric.subsets()))

    def test_fewer_images_than_a_subset(self):
        metric = KernelDistance()
        first, second = noise(7, 3), noise(7, 3, seed=1)
        metric.update_state(first, second)
        self.assertEqual(len(metric.subsets()), 1)
        self.assertAllClose(
            metric.result(),
            by_loops(first.astype("float64"), second.astype("float64")),
        )
        protocol = metric.report().protocol
        self.assertEqual((protocol["subsets"], protocol["subset_size"]), (1, 7))
        metric.update_state(fake_comics=second)
        self.assertEqual(len(metric.subsets()), 100)

    def test_unbiased(self):
        # About 0 for two samples of one distribution, below it as often.
        values = []
        for seed in range(40):
            metric = KernelDistance()
            metric.update_state(
                noise(20, 4, seed=seed), noise(20, 4, seed=seed + 100)
            )
            values.append(metric.result())
        self.assertLess(abs(np.mean(values)), 2.0 * np.std(values) / 40**0.5)
        self.assertBetween(np.mean(np.array(values) < 0.0), 0.3, 0.8)

    def assertBetween(self, value, low, high):
        self.assertGreaterEqual(value, low)
        self.assertLessEqual(value, high)

    def test_batches_and_half_precision(self):
        comics, fake_comics = (
            part.astype("float16") for part in make_golden.features()
        )
        whole, parts = KernelDistance(), KernelDistance()
        whole.update_state(comics, fake_comics)
        for start in range(0, 120, 50):
            parts.update_state(
                comics[start : start + 50], fake_comics[start : start + 50]
            )
        self.assertEqual(parts.result(), whole.result())
        merged = KernelDistance()
        merged.merge_state([parts])
        self.assertEqual(merged.result(), whole.result())

    def test_config(self):
        metric = KernelDistance(num_subsets=3, subset_size=5, seed=1)
        revived = KernelDistance.from_config(metric.get_config())
        self.assertEqual(revived.get_config(), metric.get_config())

    def test_too_few_and_not_finite(self):
        metric = KernelDistance()
        metric.update_state(np.ones((1, 2)), np.ones((3, 2)))
        self.assertTrue(np.isnan(metric.result()))
        metric.update_state(np.full((1, 2), np.inf))
        self.assertTrue(np.isnan(metric.result()))

    def test_errors(self):
        with self.assertRaisesRegex(ValueError, "Received: num_subsets=0"):
            KernelDistance(num_subsets=0)
        with self.assertRaisesRegex(ValueError, "Received: subset_size=1"):
            KernelDistance(subset_size=1)
        metric = KernelDistance()
        metric.update_state(np.ones((3, 2)), np.ones((3, 4)))
        with self.assertRaisesRegex(ValueError, "Received: 2 and 4"):
            metric.result()
