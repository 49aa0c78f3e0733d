import keras
import numpy as np

from keras_comic.layers import ConditionalInstanceNormalization
from tests.test_case import TestCase
from tests.test_case import noise


class ConditionalInstanceNormalizationTest(TestCase):
    def test_layer(self):
        style = noise(2, 6, seed=1)
        self.run_layer_test(
            ConditionalInstanceNormalization,
            {"epsilon": 1e-4},
            (noise(2, 8, 8, 4), style),
            (2, 8, 8, 4),
            odd_inputs=(noise(2, 5, 7, 4), style),
            odd_shape=(2, 5, 7, 4),
            num_trainable=2,
        )

    def test_a_style_of_zeros_starts_as_instance_normalization(self):
        features = noise(2, 7, 9, 4) * 3.0 + 1.0
        layer = ConditionalInstanceNormalization()
        reference = keras.layers.GroupNormalization(groups=-1, epsilon=1e-5)
        self.assertAllClose(
            layer(features, np.zeros((2, 6), "float32")),
            reference(features),
            atol=1e-5,
        )

    def test_a_mix_of_styles_is_the_mix_of_the_outputs(self):
        features = noise(1, 8, 8, 4)
        one, other = noise(1, 6, seed=1), noise(1, 6, seed=2)
        layer = ConditionalInstanceNormalization()
        mixed = layer(features, 0.3 * one + 0.7 * other)
        expected = 0.3 * layer(features, one) + 0.7 * layer(features, other)
        self.assertAllClose(mixed, expected, atol=1e-5)
