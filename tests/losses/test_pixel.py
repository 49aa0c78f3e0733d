import math

import numpy as np

from keras_comic import losses
from tests.test_case import TestCase
from tests.test_case import noise

SQUARE = np.float32([[0, 1], [3, 5]]).reshape(1, 2, 2, 1)


def halves(left, right):
    """A grey picture of two halves of 8x8 pixels."""
    picture = np.zeros((1, 8, 16, 3), "float32")
    picture[:, :, :8] = left
    picture[:, :, 8:] = right
    return picture


class PixelTest(TestCase):
    def test_total_variation_by_hand(self):
        # Down 3 and 4, mean 3.5; across 1 and 2, mean 1.5.
        images = np.concatenate([SQUARE, 0 * SQUARE + 2])
        self.run_loss_test(losses.total_variation_loss, (images,), [5.0, 0.0])
        # Channels are averaged.
        images = np.concatenate([SQUARE, 0 * SQUARE], axis=-1)
        self.assertAllClose(losses.total_variation_loss(images), [2.5])

    def test_a_soft_edge_costs_as_much_as_a_sharp_one(self):
        sharp = np.float32([0, 0, 0, 1, 1]).reshape(1, 1, 5, 1)
        soft = np.float32([0, 0.25, 0.5, 0.75, 1]).reshape(1, 1, 5, 1)
        images = np.concatenate([sharp, soft]).repeat(5, axis=1)
        self.assertAllClose(losses.total_variation_loss(images), [0.25, 0.25])

    def test_structure_by_hand(self):
        # Only the luminance term, (2ab + c1) / (a^2 + b^2 + c1) with grey
        # levels 0.5 and 1.5 above black and c1 = 0.0004.
        images = np.concatenate([halves(-0.5, -0.5)] * 2)
        targets = np.concatenate([halves(0.5, 0.5), halves(-0.5, -0.5)])
        images, targets = (np.tile(a, (1, 2, 1, 1)) for a in (images, targets))
        self.run_loss_test(
            losses.structure_loss,
            (images, targets),
            [1.0 - 1.5004 / 2.5004, 0.0],
            atol=5e-4,
        )

    def test_edge_aware_smoothness_by_hand(self):
        # An edge of 0.1 downwards in the guide: exp(-10 * 0.1) * 3.5 + 1.5.
        edge = np.float32([[0, 0], [0.1, 0.1]]).reshape(1, 2, 2, 1)
        images = np.concatenate([SQUARE, SQUARE])
        guides = np.concatenate([edge, 0 * edge])
        self.run_loss_test(
            losses.edge_aware_smoothness_loss,
            (images, guides),
            [3.5 * math.exp(-1.0) + 1.5, 5.0],
        )
        self.assertAllClose(
            losses.edge_aware_smoothness_loss(images, guides, edge_weight=0.0),
            [5.0, 5.0],
        )

    def test_tone_by_hand(self):
        # Cells -0.5, 0.5 against 0.5, -0.5, each over sqrt(0.25 + 0.01).
        images = np.concatenate([halves(-0.5, 0.5), halves(0.1, 0.1)])
        targets = np.concatenate([halves(0.5, -0.5), halves(0.9, 0.9)])
        self.run_loss_test(
            losses.tone_loss, (images, targets), [1.0 / 0.26, 0.0]
        )

    def test_edges_by_hand(self):
        # A step of 1 in grey: the two columns beside it have a gradient of
        # 1/2 each, of six columns with both neighbours; a ramp has it in all.
        step = np.zeros((1, 4, 8, 3), "float32")
        step[:, :, 4:] = 1.0
        ramp = np.zeros((1, 4, 8, 3), "float32")
        ramp += 0.25 * np.arange(8).reshape(1, 1, 8, 1)
        flat = 0.0 * step
        self.run_loss_test(
            losses.edge_loss,
            (
                np.concatenate([step, ramp, flat]),
                np.concatenate([flat, flat, flat + 1]),
            ),
            [1.0 / 6.0, 0.25, 0.0],
        )
        # The sum, not the difference, where edges run across each other.
        across = step[:, :, :, :].transpose(0, 2, 1, 3)[:, 2:6]
        self.assertAllClose(
            losses.edge_loss(across, 0 * across), [0.5], atol=1e-5
        )

    def test_edges_of_scikit_image(self):
        from skimage.filters import sobel

        images = noise(1, 9, 14, 3)
        grey = images[0] @ np.float32([0.299, 0.587, 0.114])
        # Twice our kernels, and half the sum of the squares.
        expected = sobel(grey)[1:-1, 1:-1].mean() / math.sqrt(2.0)
        self.assertAllClose(
            losses.edge_loss(images, 0 * images), [expected], atol=1e-5
        )

    def test_errors(self):
        with self.assertRaisesRegex(
            ValueError,
            r"at least 11 pixels. Received: images.shape=\(1, 8, 16, 3\)",
        ):
            losses.structure_loss(halves(0, 0), halves(0, 0))
        with self.assertRaisesRegex(
            ValueError,
            r"same shape. Received: images.shape=\(1, 8, 16, 3\), "
            r"targets.shape=\(1, 8, 8, 3\)",
        ):
            losses.edge_loss(halves(0, 0), halves(0, 0)[:, :, :8])
