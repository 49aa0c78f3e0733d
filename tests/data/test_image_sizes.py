"""Tests of `keras_comic.data.image_sizes`."""

import numpy as np

from keras_comic.data.image_sizes import fitted_size
from keras_comic.data.image_sizes import resize_short_side
from tests.test_case import TestCase
from tests.test_case import photos


class ImageSizesTest(TestCase):
    def test_sizes(self):
        for height, width in ((64, 48), (48, 64), (33, 33), (200, 31)):
            image = resize_short_side(photos(height, width, 3), 24)
            self.assertEqual(min(image.shape[:2]), 24)
            scale = 24 / min(height, width)
            self.assertAllClose(
                image.shape[:2], (height * scale, width * scale), atol=0.5
            )
            self.assertDType(image, "uint8")
        image = photos(24, 40, 3)
        self.assertIs(resize_short_side(image, 24), image)

    def test_errors(self):
        with self.assertRaisesRegex(ValueError, "Received: size=0"):
            resize_short_side(photos(8, 8, 3), 0)
        for image in (photos(8, 8), np.zeros((8, 8, 3)), photos(8, 8, 4)):
            with self.assertRaisesRegex(ValueError, "must be uint8.*Received"):
                resize_short_side(image, 4)

    def test_fitted_size(self):
        self.assertEqual(fitted_size((60, 40), 60), (60, 40))
        self.assertEqual(fitted_size((60, 40), 30), (30, 20))
        self.assertEqual(fitted_size((1000, 1), 100), (100, 1))
