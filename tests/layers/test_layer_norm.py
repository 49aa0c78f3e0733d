import keras
import numpy as np

from keras_comic.layers import LayerNorm
from tests.test_case import TestCase
from tests.test_case import noise


class LayerNormTest(TestCase):
    def test_numbers_worked_out_by_hand(self):
        # Mean 4, variance 5; with an epsilon of 4 the deviation is 3.
        layer = LayerNorm(epsilon=4.0)
        inputs = np.float32([[[[1, 3]], [[5, 7]]]])
        layer.build(inputs.shape)
        layer.set_weights([np.float32([3, 6]), np.float32([1, 2])])
        self.assertAllClose(layer(inputs), [[[[-2, 0]], [[2, 8]]]], atol=1e-5)

    def test_keras_agrees(self):
        features = noise(2, 7, 9, 4) + np.float32([0, 1, 2, 3])
        weights = [noise(4, seed=1), noise(4, seed=2)]
        layer = LayerNorm()
        reference = keras.layers.GroupNormalization(groups=1, epsilon=1e-5)
        for one in (layer, reference):
            one.build(features.shape)
            one.set_weights(weights)
        self.assertAllClose(layer(features), reference(features), atol=1e-5)
