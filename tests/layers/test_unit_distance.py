import numpy as np

from keras_comic.layers.unit_distance import unit_distance
from tests.test_case import TestCase
from tests.test_case import input_gradient
from tests.test_case import noise


class UnitDistanceTest(TestCase):
    def test_by_hand(self):
        # Lengths 5 and 2: (0.6, 0.8) and (0, 1), then twice the same.
        features = np.float32([[[[3, 4], [1, 1]]]])
        targets = np.float32([[[[0, 2], [7, 7]]]])
        expected = (0.36 + 0.04) / 2.0
        found = unit_distance(features, targets)
        self.assertShape(found, (1,))
        self.assertAllClose(found, [expected])
        found = unit_distance(features, targets, np.float32([1.0, 0.0]))
        self.assertAllClose(found, [0.36 / 2.0])

    def test_half_precision_is_summed_in_float32(self):
        features = noise(1, 2, 2, 300).astype("float16") * 200
        found = unit_distance(features, -features)
        self.assertDType(found, "float32")
        self.assertAllClose(found, [4.0], rtol=1e-3)

    def test_gradient_where_all_is_zero(self):
        gradient = input_gradient(
            lambda x: unit_distance(x, noise(1, 2, 2, 3)),
            np.zeros((1, 2, 2, 3), "float32"),
        )
        self.assertFinite(gradient)
