import numpy as np
from skimage import color

from keras_comic import losses
from keras_comic.layers import color_spaces
from tests.test_case import TestCase
from tests.test_case import input_gradient
from tests.test_case import noise
from tests.test_case import photos


def plain(*colors):
    """Pictures of one colour each, of RGB in [0, 1]."""
    values = np.float32(colors).reshape(-1, 1, 1, 3) * 2.0 - 1.0
    return np.tile(values, (1, 2, 3, 1))


class ColorSpacesTest(TestCase):
    def setUp(self):
        # Every corner of the cube, the dark end of sRGB, and noise.
        corners = np.stack(
            np.meshgrid([0, 255], [0, 255], [0, 255]), axis=-1
        ).reshape(1, 8, 3)
        dark = np.arange(16).reshape(1, 16, 1).repeat(3, axis=2)
        self.pixels = np.concatenate([corners, dark, photos(1, 500, 3)], axis=1)
        self.images = (self.pixels / 127.5 - 1.0).astype("float32")

    def test_yuv_of_scikit_image(self):
        found = color_spaces.rgb_to_yuv(self.images)
        self.assertDType(found, "float32")
        self.assertAllClose(
            found, color.rgb2yuv(self.pixels / 255.0), atol=1e-5
        )

    def test_lab_of_scikit_image(self):
        found = color_spaces.rgb_to_lab(self.images)
        self.assertDType(found, "float32")
        # Its white point is rounded to five digits, ours is that of white.
        self.assertAllClose(
            found, color.rgb2lab(self.pixels / 255.0), atol=1.5e-2
        )
        found = color_spaces.rgb_to_lab(self.images[None].astype("float16"))
        self.assertShape(found, (1, *self.images.shape))
        self.assertDType(found, "float32")

    def test_lab_of_grey(self):
        greys = plain(*(3 * [level] for level in np.linspace(0, 1, 21)))
        lab = self.numpy(color_spaces.rgb_to_lab(greys))
        self.assertAllClose(lab[..., 1:], np.zeros((21, 2, 3, 2)), atol=1e-4)
        self.assertAllClose(lab[0, 0, 0, 0], 0.0, atol=1e-5)
        self.assertAllClose(lab[-1, 0, 0, 0], 100.0, atol=1e-4)
        self.assertGreater(np.diff(lab[:, 0, 0, 0]).min(), 0.0)

    def test_lab_is_differentiable_everywhere(self):
        gradient = input_gradient(color_spaces.rgb_to_lab, self.images)
        self.assertFinite(gradient)
        # A dark pixel is lighter the more of any channel it has.
        lightness = input_gradient(
            lambda x: color_spaces.rgb_to_lab(x)[..., 0],
            plain([0.01, 0.02, 0.03]),
        )
        self.assertGreater(lightness.min(), 0.0)

    def test_lab_and_back(self):
        lab = color_spaces.rgb_to_lab(self.images)
        restored = color_spaces.lab_to_rgb(lab)
        self.assertDType(restored, "float32")
        self.assertAllClose(restored, self.images, atol=1e-3)
        # scikit-image agrees on colours that RGB has.
        expected = color.lab2rgb(color.rgb2lab(self.pixels / 255.0))
        self.assertAllClose(restored, 2.0 * expected - 1.0, atol=2e-3)
        # Others are clipped.
        blue = color_spaces.lab_to_rgb(np.float32([[50.0, 0.0, -200.0]]))
        self.assertAllClose(blue[0, 2], 1.0)

    def test_lab_clips(self):
        outside = np.float32([[-1.2, 1.3, 1.0]])
        self.assertAllClose(
            color_spaces.rgb_to_lab(outside),
            color_spaces.rgb_to_lab(np.float32([[-1, 1, 1]])),
        )

    def test_errors(self):
        for convert in (color_spaces.rgb_to_lab, color_spaces.rgb_to_yuv):
            with self.assertRaisesRegex(
                ValueError,
                r"`images` must be RGB, \(..., 3\). "
                r"Received: images.shape=\(2, 4\)",
            ):
                convert(noise(2, 4))

    def test_luminance(self):
        pixels = np.float32([[1, 1, 1], [-1, -1, -1], [1, -1, -1], [-1, 1, -1]])
        found = color_spaces.luminance(pixels[None, None])
        self.assertShape(found, (1, 1, 4, 1))
        self.assertAllClose(
            self.numpy(found).ravel(), [1.0, -1.0, -0.402, 0.174]
        )

    def test_public_names(self):
        self.assertIs(losses.rgb_to_lab, color_spaces.rgb_to_lab)
        self.assertIs(losses.rgb_to_yuv, color_spaces.rgb_to_yuv)
