import keras
import numpy as np

from keras_comic.layers import InstanceNormalization
from tests.test_case import TestCase
from tests.test_case import noise


class InstanceNormalizationTest(TestCase):
    def test_numbers_worked_out_by_hand(self):
        # Mean 2, variance 1; with an epsilon of 3 the deviation is 2.
        layer = InstanceNormalization(epsilon=3.0)
        inputs = np.array([1, 3, 3, 1], "float32").reshape(1, 2, 2, 1)
        layer.build(inputs.shape)
        layer.set_weights([np.float32([4]), np.float32([5])])
        self.assertAllClose(
            layer(inputs), np.reshape([3, 7, 7, 3], (1, 2, 2, 1)), atol=1e-5
        )

    def test_weights_are_those_of_group_normalization(self):
        layer = InstanceNormalization()
        reference = keras.layers.GroupNormalization(groups=-1, epsilon=1e-5)
        features = noise(2, 7, 9, 4) * 3.0 + 1.0
        layer.build(features.shape)
        reference.build(features.shape)
        weights = [noise(4, seed=1), noise(4, seed=2)]
        layer.set_weights(weights)
        reference.set_weights(weights)
        self.assertAllClose(layer(features), reference(features), atol=1e-5)
        for own, other in zip(layer.weights, reference.weights, strict=True):
            self.assertEqual(own.name, other.name)
