import numpy as np

from keras_comic import losses
from tests.test_case import TestCase
from tests.test_case import noise


def column(*values):
    """Features of one channel: one sample, one column of positions."""
    return np.float32(values).reshape(1, -1, 1, 1)


class PerceptualTest(TestCase):
    def test_content_by_hand(self):
        # 1, 3 and 5, 1 become -1, 1 and 1, -1: squared difference 4.
        features = np.concatenate([column(1, 3), column(2, 8)])
        targets = np.concatenate([column(5, 1), column(0, 5)])
        self.run_loss_test(
            losses.content_loss, (features, targets), [4.0, 0.0], atol=1e-3
        )

    def test_features_by_hand(self):
        features = np.concatenate([column(1, 3), column(2, 8)])
        targets = np.concatenate([column(5, 1), column(2, 8)])
        self.run_loss_test(losses.feature_loss, (features, targets), [3.0, 0.0])
        self.run_loss_test(
            lambda x, y: losses.feature_loss(x, y, squared=True),
            (features, targets),
            # (16 + 4) / 2.
            [10.0, 0.0],
        )

    def test_moments_style_by_hand(self):
        # Mean 2, deviation 1 against mean 5, deviation 5: 9 + 16.
        features = np.concatenate([column(1, 3), column(4, 4)])
        targets = np.concatenate([column(0, 10), column(4, 4)])
        self.run_loss_test(
            losses.moments_style_loss,
            ([features], [targets]),
            [25.0, 0.0],
            atol=1e-3,
        )
        self.run_loss_test(
            losses.moments_style_loss,
            ([features, 2 * features], [targets, 2 * targets]),
            [125.0, 0.0],
            atol=1e-2,
        )

    def test_gram_matrix_by_hand(self):
        features = np.float32([[1, 2], [3, 4]]).reshape(1, 2, 1, 2)
        gram = losses.gram_matrix(features)
        self.assertDType(gram, "float32")
        # F^T F = [[10, 14], [14, 20]], over 2 positions and 2 channels.
        self.assertAllClose(gram, [[[2.5, 3.5], [3.5, 5.0]]])

    def test_gram_style_by_hand(self):
        features = np.float32([[1, 2], [3, 4]]).reshape(1, 2, 1, 2)
        features = np.concatenate([features, 0 * features])
        targets = np.zeros((2, 2, 1, 2))
        # (2.5^2 + 3.5^2 + 3.5^2 + 5^2) / 4.
        self.run_loss_test(
            losses.gram_style_loss, ([features], [targets]), [13.9375, 0.0]
        )
        self.run_loss_test(
            losses.gram_style_loss,
            ([features, features], [targets, targets]),
            [27.875, 0.0],
        )

    def test_gram_sees_what_moments_do_not(self):
        # Two channels that go together, or do not.
        rows = np.float32([[1, 1], [-1, -1], [1, 1], [-1, -1]])
        together = rows.reshape(1, 4, 1, 2)
        apart = (rows * [1, -1]).reshape(1, 4, 1, 2).astype("float32")
        self.assertAllClose(
            losses.moments_style_loss([together], [apart]), [0.0]
        )
        # Products off the diagonal 1/2 against -1/2: (1 + 1) / 4.
        self.assertAllClose(losses.gram_style_loss([together], [apart]), [0.5])

    def test_errors(self):
        for loss in (losses.content_loss, losses.feature_loss):
            with self.assertRaisesRegex(
                ValueError,
                r"must have the same shape. Received: features.shape="
                r"\(2, 8, 8, 4\), target_features.shape=\(2, 8, 7, 4\)",
            ):
                loss(noise(2, 8, 8, 4), noise(2, 8, 7, 4))
        features = [noise(1, 8, 8, 4)]
        for loss in (losses.moments_style_loss, losses.gram_style_loss):
            with self.assertRaisesRegex(
                ValueError, "at least one. Received: 1 and 2 entries"
            ):
                loss(features, features * 2)
            with self.assertRaisesRegex(
                ValueError, "at least one. Received: 0 and 0 entries"
            ):
                loss([], [])
