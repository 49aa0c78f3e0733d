import numpy as np

from keras_comic import losses
from tests.test_case import TestCase
from tests.test_case import noise

LOSSES = (losses.cycle_loss, losses.identity_loss)


class UnpairedTest(TestCase):
    def test_by_hand(self):
        images = np.float32([[0, 1], [2, 2]]).reshape(2, 1, 2, 1)
        others = np.float32([[0.5, -1], [2, 2]]).reshape(2, 1, 2, 1)
        for loss in LOSSES:
            # (0.5 + 2) / 2.
            self.run_loss_test(loss, (images, others), [1.25, 0.0])

    def test_errors(self):
        for loss, name in zip(
            LOSSES, ("cycled_images", "mapped_images"), strict=True
        ):
            with self.assertRaisesRegex(
                ValueError,
                f"`images` and `{name}` must have the same shape. "
                r"Received: images.shape=\(2, 8, 8, 3\), "
                rf"{name}.shape=\(2, 8, 7, 3\)",
            ):
                loss(noise(2, 8, 8, 3), noise(2, 8, 7, 3))
