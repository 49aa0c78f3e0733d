import numpy as np
from keras import ops

from keras_comic.layers import channel_moments
from tests.test_case import TestCase
from tests.test_case import noise


class ChannelMomentsTest(TestCase):
    def test_numbers_worked_out_by_hand(self):
        # Channel 0: 0, 2, 4, 6 has mean 3 and variance (9+1+1+9)/4 = 5;
        # channel 1 is constant.
        features = np.float32([[[[0, 7], [2, 7]], [[4, 7], [6, 7]]]])
        mean, deviation = channel_moments(features, epsilon=1e-12)
        self.assertAllClose(mean, [[3, 7]])
        self.assertAllClose(deviation, [[np.sqrt(5), 1e-6]])
        _, deviation = channel_moments(features, epsilon=4.0)
        self.assertAllClose(deviation, [[3, 2]])

    def test_float16_does_not_overflow(self):
        features = noise(1, 8, 8, 2) * 10.0 + 2000.0
        mean, deviation = channel_moments(ops.cast(features, "float16"))
        self.assertDType(mean, "float32")
        self.assertDType(deviation, "float32")
        self.assertAllClose(mean, features.mean((1, 2)), rtol=1e-3)
        self.assertAllClose(deviation, features.std((1, 2)), rtol=1e-2)

    def test_even_picture(self):
        # All but even, as a wall or a sky is, and large.
        features = (1 + 1e-3 * noise(1, 512, 512, 2)).astype("float32")
        exact = features.astype("float64")
        mean, deviation = channel_moments(features, epsilon=0.0)
        self.assertAllClose(mean, exact.mean((1, 2)), rtol=1e-5)
        self.assertAllClose(deviation, exact.std((1, 2)), rtol=1e-4)
