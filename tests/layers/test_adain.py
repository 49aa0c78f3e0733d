import numpy as np

from keras_comic.layers import AdaIN
from keras_comic.layers import channel_moments
from tests.test_case import TestCase
from tests.test_case import noise


class AdaINTest(TestCase):
    def test_layer(self):
        moments = noise(2, 8, seed=1)
        self.run_layer_test(
            AdaIN,
            {"epsilon": 1e-4},
            (noise(2, 8, 8, 4), moments),
            (2, 8, 8, 4),
            odd_inputs=(noise(2, 5, 7, 4), moments),
            odd_shape=(2, 5, 7, 4),
            num_trainable=0,
        )

    def test_numbers_worked_out_by_hand(self):
        # Mean 2, variance 1; the style asks for mean 5, deviation 2.
        inputs = np.array([1, 3, 3, 1], "float32").reshape(1, 2, 2, 1)
        outputs = AdaIN(epsilon=1e-12)(inputs, np.float32([[5, 2]]))
        self.assertAllClose(
            outputs, np.reshape([3, 7, 7, 3], (1, 2, 2, 1)), atol=1e-5
        )
        # With an epsilon of 3 the deviation is sqrt(1 + 3) = 2.
        outputs = AdaIN(epsilon=3.0)(inputs, np.float32([[5, 2]]))
        self.assertAllClose(
            outputs, np.reshape([4, 6, 6, 4], (1, 2, 2, 1)), atol=1e-5
        )

    def test_output_has_the_moments_of_the_style(self):
        features = noise(3, 9, 11, 4) * 5.0 + 2.0
        mean = noise(3, 4, seed=1)
        deviation = np.abs(noise(3, 4, seed=2)) + 0.5
        outputs = AdaIN()(features, np.concatenate([mean, deviation], axis=-1))
        output_mean, output_deviation = channel_moments(outputs)
        self.assertAllClose(output_mean, mean, atol=1e-5)
        self.assertAllClose(output_deviation, deviation, atol=1e-4)

    def test_own_moments_change_nothing(self):
        features = noise(2, 6, 6, 3) * 40.0
        moments = [self.numpy(m) for m in channel_moments(features)]
        outputs = AdaIN()(features, np.concatenate(moments, axis=-1))
        self.assertAllClose(outputs, features, atol=1e-4)

    def test_errors(self):
        with self.assertRaisesRegex(
            ValueError, "`epsilon` must be positive. Received: epsilon=0"
        ):
            AdaIN(epsilon=0)
        with self.assertRaisesRegex(
            ValueError,
            r"for each of the 4 channels, shape \(batch, 8\). "
            r"Received: style_moments.shape=\(1, 4\)",
        ):
            AdaIN()(noise(1, 8, 8, 4), noise(1, 4))
