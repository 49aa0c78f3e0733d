import numpy as np

from keras_comic.layers import ImageConverter
from tests.test_case import MIXED_POLICIES
from tests.test_case import TestCase
from tests.test_case import compiled
from tests.test_case import noise
from tests.test_case import photos


class ImageConverterTest(TestCase):
    def test_ends_and_middle(self):
        pixels = np.uint8([[[0, 255, 51]]])
        self.assertAllClose(ImageConverter()(pixels), [[[-1.0, 1.0, -0.6]]])

    def test_every_value_comes_back(self):
        pixels = np.repeat(np.arange(256, dtype="uint8")[:, None], 3, axis=1)
        pixels = pixels.reshape(1, 16, 16, 3)
        converter = ImageConverter()
        images = converter(pixels)
        self.assertDType(images, "float32")
        self.assertEqual(self.numpy(images).min(), -1.0)
        self.assertEqual(self.numpy(images).max(), 1.0)
        restored = converter.inverse(images)
        self.assertDType(restored, "uint8")
        self.assertAllEqual(restored, pixels)

    def test_inverse_rounds_and_clips(self):
        images = np.float32([[[-1.5, 1.5, 0.4 / 127.5 - 1.0]]])
        self.assertAllEqual(ImageConverter().inverse(images), [[[0, 255, 0]]])
        images = np.float32([[[0.6 / 127.5 - 1.0, 1.0 - 0.6 / 127.5, 0.001]]])
        self.assertAllEqual(ImageConverter().inverse(images), [[[1, 254, 128]]])

    def test_batches_images_and_graphs(self):
        converter = ImageConverter()
        for shape in ((2, 5, 7, 3), (5, 7, 3)):
            pixels = photos(*shape)
            self.assertShape(converter(pixels), shape)
            self.assertAllClose(
                compiled(lambda x: converter(x))(pixels), converter(pixels)
            )

    def test_float32_under_every_policy(self):
        for policy in MIXED_POLICIES:
            converter = ImageConverter(dtype=policy)
            images = converter(photos(1, 5, 7, 3))
            self.assertDType(images, "float32")
        self.run_config_test(converter)

    def test_low_precision_comes_back_as_pixels(self):
        restored = ImageConverter().inverse(noise(1, 5, 7, 3).astype("float16"))
        self.assertDType(restored, "uint8")

    def test_errors(self):
        converter = ImageConverter()
        with self.assertRaisesRegex(
            TypeError, "must be uint8 .* Received: images.dtype=float32"
        ):
            converter(noise(1, 5, 7, 3))
        with self.assertRaisesRegex(
            ValueError, r"must be RGB, .* Received: images.shape=\(1, 5, 7, 4\)"
        ):
            converter(photos(1, 5, 7, 4))
        with self.assertRaisesRegex(
            TypeError, "of a float dtype, .* Received: images.dtype=uint8"
        ):
            converter.inverse(photos(1, 5, 7, 3))
        with self.assertRaisesRegex(
            ValueError, r"Received: images.shape=\(5, 7\)"
        ):
            converter.inverse(noise(5, 7))
