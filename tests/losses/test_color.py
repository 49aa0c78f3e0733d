import numpy as np
from skimage import color

from keras_comic import losses
from tests.test_case import TestCase
from tests.test_case import input_gradient
from tests.test_case import noise
from tests.test_case import photos


def plain(*colors):
    """Pictures of one colour each, of RGB in [0, 1]."""
    values = np.float32(colors).reshape(-1, 1, 1, 3) * 2.0 - 1.0
    return np.tile(values, (1, 2, 3, 1))


class SpacesTest(TestCase):
    def setUp(self):
        # Every corner of the cube, the dark end of sRGB, and noise.
        corners = np.stack(
            np.meshgrid([0, 255], [0, 255], [0, 255]), axis=-1
        ).reshape(1, 8, 3)
        dark = np.arange(16).reshape(1, 16, 1).repeat(3, axis=2)
        self.pixels = np.concatenate([corners, dark, photos(1, 500, 3)], axis=1)
        self.images = (self.pixels / 127.5 - 1.0).astype("float32")

    def test_yuv_of_scikit_image(self):
        found = losses.rgb_to_yuv(self.images)
        self.assertDType(found, "float32")
        self.assertAllClose(
            found, color.rgb2yuv(self.pixels / 255.0), atol=1e-6
        )

    def test_lab_of_scikit_image(self):
        found = losses.rgb_to_lab(self.images)
        self.assertDType(found, "float32")
        # Its white point is rounded to five digits, ours is that of white.
        self.assertAllClose(
            found, color.rgb2lab(self.pixels / 255.0), atol=1.5e-2
        )
        found = losses.rgb_to_lab(self.images[None].astype("float16"))
        self.assertShape(found, (1, *self.images.shape))
        self.assertDType(found, "float32")

    def test_lab_of_grey(self):
        greys = plain(*(3 * [level] for level in np.linspace(0, 1, 21)))
        lab = self.numpy(losses.rgb_to_lab(greys))
        self.assertAllClose(lab[..., 1:], np.zeros((21, 2, 3, 2)), atol=1e-4)
        self.assertAllClose(lab[0, 0, 0, 0], 0.0, atol=1e-5)
        self.assertAllClose(lab[-1, 0, 0, 0], 100.0, atol=1e-4)
        self.assertGreater(np.diff(lab[:, 0, 0, 0]).min(), 0.0)

    def test_lab_is_differentiable_everywhere(self):
        gradient = input_gradient(losses.rgb_to_lab, self.images)
        self.assertFinite(gradient)
        # A dark pixel is lighter the more of any channel it has.
        lightness = input_gradient(
            lambda x: losses.rgb_to_lab(x)[..., 0], plain([0.01, 0.02, 0.03])
        )
        self.assertGreater(lightness.min(), 0.0)

    def test_lab_clips(self):
        outside = np.float32([[-1.2, 1.3, 1.0]])
        self.assertAllClose(
            losses.rgb_to_lab(outside),
            losses.rgb_to_lab(np.float32([[-1, 1, 1]])),
        )

    def test_errors(self):
        for convert in (losses.rgb_to_lab, losses.rgb_to_yuv):
            with self.assertRaisesRegex(
                ValueError,
                r"`images` must be RGB, \(..., 3\). "
                r"Received: images.shape=\(2, 4\)",
            ):
                convert(noise(2, 4))


class ColorLossesTest(TestCase):
    def test_yuv_by_hand(self):
        # White and black: 1 in Y alone. Red and blue: 0.299 - 0.114 in Y, and
        # half the squares of the differences in U and V.
        images = plain([1, 1, 1], [1, 0, 0], [0.5, 0.2, 0.9])
        targets = plain([0, 0, 0], [0, 0, 1], [0.5, 0.2, 0.9])
        u, v = -0.14714119 - 0.43601035, 0.61497538 + 0.10001026
        self.run_loss_test(
            losses.yuv_color_loss,
            (images, targets),
            [1.0, 0.185 + (u**2 + v**2) / 2.0, 0.0],
        )
        # A smaller delta: a line for both.
        expected = 0.185 + 0.1 * (-u - 0.05) + 0.1 * (v - 0.05)
        self.assertAllClose(
            losses.yuv_color_loss(images, targets, delta=0.1)[1], expected
        )

    def test_lab_by_hand(self):
        # Lab of sRGB's red and blue, as tables have it.
        images = plain([1, 1, 1], [1, 0, 0], [0.5, 0.2, 0.9])
        targets = plain([0, 0, 0], [0, 0, 1], [0.5, 0.2, 0.9])
        differences = (53.24 - 32.30, 80.09 - 79.19, 67.20 + 107.86)
        self.run_loss_test(
            losses.lab_color_loss,
            (images, targets),
            [1.0, sum(differences) / 100.0, 0.0],
            atol=1e-3,
        )

    def test_gradients_lead_to_the_target(self):
        images, targets = noise(1, 8, 8, 3), noise(1, 8, 8, 3, seed=1)
        for loss in (losses.yuv_color_loss, losses.lab_color_loss):
            gradient = input_gradient(
                lambda x, loss=loss: loss(x, targets), images
            )
            before = self.numpy(loss(images, targets))
            after = self.numpy(loss(images - 0.1 * gradient, targets))
            self.assertLess(after[0], before[0])

    def test_errors(self):
        images = noise(1, 8, 8, 3)
        for loss in (losses.yuv_color_loss, losses.lab_color_loss):
            with self.assertRaisesRegex(
                ValueError, "`images` and `targets` must have the same shape"
            ):
                loss(images, images[:, :4])
        with self.assertRaisesRegex(
            ValueError, "`delta` must be positive. Received: delta=0"
        ):
            losses.yuv_color_loss(images, images, delta=0)
