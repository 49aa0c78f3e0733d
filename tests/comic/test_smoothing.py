import numpy as np
from absl.testing import parameterized

from keras_comic.comic.smoothing import check_picture
from keras_comic.comic.smoothing import from_lab
from keras_comic.comic.smoothing import gradient_size
from keras_comic.comic.smoothing import rolling_guidance
from keras_comic.comic.smoothing import to_lab
from tests.test_case import TestCase
from tests.test_case import photos


class SmoothingTest(TestCase, parameterized.TestCase):
    def test_texture_goes_and_edges_stay(self):
        image = np.full((64, 64, 3), 20.0, "float32")
        image[:, 32:] = 80.0
        noise = np.random.default_rng(0).normal(0, 4, image.shape)
        found = rolling_guidance(image + noise.astype("float32"), 2.0, 12.0)
        self.assertLess(found[:, 4:24].std(), 1.0)
        # Within two pixels from one side to the other.
        self.assertLess(found[20, 29, 0], 26)
        self.assertGreater(found[20, 34, 0], 74)

    def test_colors(self):
        image = photos(20, 30, 3)
        self.assertAllClose(
            from_lab(to_lab(image)).astype(int), image.astype(int), atol=1
        )
        step = np.zeros((9, 9), "float32")
        step[:, 5:] = 10.0
        # Sobel, divided by 8: half of a step, on both sides of it.
        self.assertAllClose(gradient_size(step)[4, 3:7], [0, 5, 5, 0])

    @parameterized.parameters(
        (np.zeros((4, 4, 3), "float32"),),
        (np.zeros((4, 4), "uint8"),),
        (np.zeros((0, 4, 3), "uint8"),),
        ("photo.jpg",),
    )
    def test_errors(self, image):
        with self.assertRaisesRegex(ValueError, "`image` must be a uint8 arr"):
            check_picture(image)
