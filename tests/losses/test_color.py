import numpy as np

from keras_comic import losses
from tests.test_case import TestCase
from tests.test_case import noise


def plain(*colors):
    """Pictures of one colour each, of RGB in [0, 1]."""
    values = np.float32(colors).reshape(-1, 1, 1, 3) * 2.0 - 1.0
    return np.tile(values, (1, 2, 3, 1))


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
