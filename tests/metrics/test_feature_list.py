import numpy as np

from keras_comic.metrics.feature_list import FeatureList
from keras_comic.metrics.feature_list import check_dimensions
from keras_comic.metrics.feature_list import squared_distances
from tests.test_case import TestCase
from tests.test_case import noise


class FeatureListTest(TestCase):
    def test_order_and_merging(self):
        values = noise(7, 3)
        first, second = FeatureList(), FeatureList()
        self.assertEqual(first.array().shape, (0, 0))
        first.add(values[:2])
        first.add(values[2:5])
        second.add(values[5:])
        first.merge(second)
        self.assertEqual(first.count, 7)
        self.assertAllEqual(first.array(), values.astype("float64"))
        self.assertDType(first.array(), "float64")

    def test_keeps_its_own_copy(self):
        values = noise(2, 3)
        kept = FeatureList()
        kept.add(values)
        values[:] = 0.0
        self.assertAllEqual(kept.array(), noise(2, 3))

    def test_errors(self):
        kept = FeatureList()
        kept.add(noise(2, 3))
        with self.assertRaisesRegex(ValueError, r"before, 3.*shape=\(1, 4\)"):
            kept.add(noise(1, 4))
        check_dimensions((np.zeros((0, 0)), noise(2, 3)))
        with self.assertRaisesRegex(ValueError, "Received: 4 and 3"):
            check_dimensions((noise(1, 4), noise(2, 3)))


class SquaredDistancesTest(TestCase):
    def test_brute_force(self):
        first = noise(6, 5).astype("float64")
        second = noise(4, 5, seed=1).astype("float64")
        expected = ((first[:, None] - second) ** 2).sum(-1)
        self.assertAllClose(
            squared_distances(first, second), expected, rtol=1e-12
        )

    def test_equal_vectors_far_from_the_origin(self):
        values = noise(50, 20).astype("float64") + 1e4
        distances = squared_distances(values, values)
        self.assertAllEqual(np.diag(distances), np.zeros(50))
        self.assertAllClose(
            distances,
            ((values[:, None] - values) ** 2).sum(-1),
            atol=1e-9,
        )
