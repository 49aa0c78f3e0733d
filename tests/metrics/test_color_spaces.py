import numpy as np
from skimage import color

from keras_comic.metrics.color_spaces import luminance
from keras_comic.metrics.color_spaces import rgb_to_lab
from tests.test_case import TestCase
from tests.test_case import noise


class ColorSpacesTest(TestCase):
    def test_luminance(self):
        pixels = np.float32([[1, 1, 1], [-1, -1, -1], [1, -1, -1], [-1, 1, -1]])
        found = luminance(pixels[None, None])
        self.assertShape(found, (1, 1, 4, 1))
        self.assertAllClose(
            self.numpy(found).ravel(), [1.0, -1.0, -0.402, 0.174]
        )

    def test_lab(self):
        images = noise(2, 8, 8, 3)
        images[0, 0, :3] = [[-1, -1, -1], [1, 1, 1], [-0.98, -0.99, -0.97]]
        self.assertAllClose(
            rgb_to_lab(images),
            color.rgb2lab((images.astype("float64") + 1.0) / 2.0),
            atol=1e-2,
            rtol=0,
        )
        # What lies outside is clipped.
        self.assertAllClose(
            rgb_to_lab(np.float32([[1.5, 1.0, 2.0]])), [[100, 0, 0]], atol=1e-3
        )
