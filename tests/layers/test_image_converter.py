import numpy as np

from keras_comic.layers import to_float
from keras_comic.layers import to_pixels
from keras_comic.layers import to_uint8
from tests.test_case import TestCase
from tests.test_case import compiled
from tests.test_case import noise


class ImageConverterTest(TestCase):
    def test_ends_and_middle(self):
        self.assertAllClose(to_float(np.uint8([0, 255, 51])), [-1.0, 1.0, -0.6])
        self.assertAllClose(to_float([0.0, 127.5]), [-1.0, 0.0])
        self.assertAllClose(
            to_pixels([-1.0, 1.0, 0.001, 1.5]), [0.0, 255.0, 127.6275, 255.0]
        )

    def test_every_value_comes_back(self):
        pixels = np.arange(256, dtype="uint8").reshape(1, 8, 32, 1)
        images = to_float(pixels)
        self.assertDType(images, "float32")
        self.assertDType(to_uint8(images), "uint8")
        self.assertAllEqual(to_uint8(images), pixels)
        self.assertAllEqual(
            compiled(lambda x: to_uint8(to_float(x)))(pixels), pixels
        )

    def test_rounds_and_clips(self):
        edge = 0.6 / 127.5
        images = np.float32([-1.5, 1.5, -1 + edge / 2, -1 + edge, 1 - edge])
        self.assertAllEqual(to_uint8(images), [0, 255, 0, 1, 254])

    def test_low_precision(self):
        images = noise(1, 5, 7, 3).astype("float16")
        self.assertDType(to_uint8(images), "uint8")
        self.assertDType(to_pixels(images), "float32")
