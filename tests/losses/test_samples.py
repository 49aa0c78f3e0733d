import keras
import numpy as np

from keras_comic.losses import samples
from tests.test_case import TestCase
from tests.test_case import noise


class SamplesTest(TestCase):
    def test_sample_mean(self):
        values = noise(3, 2, 4, 5)
        self.assertAllClose(
            samples.sample_mean(values), values.mean((1, 2, 3)), atol=1e-6
        )
        self.assertAllClose(
            samples.sample_mean(values[:, 0, 0, 0]), values[:, 0, 0, 0]
        )
        self.assertEqual(samples.sample_axes(values), [1, 2, 3])

    def test_float32(self):
        self.assertDType(samples.float32(np.float16([1, 2])), "float32")

    def test_same_shape(self):
        first = keras.KerasTensor((None, 8, None, 3))
        samples.check_same_shape(first, noise(2, 8, 9, 3), "first", "second")
        for shape in ((2, 7, 9, 3), (2, 8, 9)):
            with self.assertRaisesRegex(
                ValueError,
                "`first` and `second` must have the same shape. Received: "
                r"first.shape=\(None, 8, None, 3\), second.shape=\(2, ",
            ):
                samples.check_same_shape(
                    first, noise(*shape), "first", "second"
                )
