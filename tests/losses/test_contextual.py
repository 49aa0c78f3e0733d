import math

import numpy as np

from keras_comic import losses
from tests.test_case import TestCase
from tests.test_case import noise


def row(*vectors):
    """One sample, a row of positions."""
    return np.float32(vectors)[None, None]


class ContextualTest(TestCase):
    def test_by_hand(self):
        # About the target's mean, 0, the targets lie east and west, the
        # features east and north: cosines (1, -1) and (0, 0), so distances
        # (0, 2) and (1, 1), in units of the nearest (plus 1e-5) (0, 2e5) and
        # (1, 1) / 1.00001. The first feature is all like the first target; the
        # second is half like either: maxima 1 and 1/2, mean 3/4.
        targets = row([1, 0], [-1, 0])
        features = row([3, 0], [0, 2])
        batch = np.concatenate([features, targets])
        self.run_loss_test(
            losses.contextual_loss,
            (batch, np.concatenate([targets, targets])),
            [-math.log(0.75), 0.0],
        )

    def test_bandwidth_by_hand(self):
        # Cosines 0.6 and -0.6: distances 0.4 and 1.6, 1 and 4 times the
        # nearest; the two features have the two targets the other way round.
        targets = row([1, 0], [-1, 0])
        features = row([0.6, 0.8], [-0.6, 0.8])
        for bandwidth in (0.5, 1.0, 4.0):
            likeness = 1.0 / (1.0 + math.exp(-3.0 / bandwidth))
            self.assertAllClose(
                losses.contextual_loss(features, targets, bandwidth),
                [-math.log(likeness)],
                atol=1e-4,
            )

    def test_definition_in_numpy(self):
        features, targets = noise(2, 3, 4, 5), noise(2, 5, 2, 5, seed=1)
        expected = []
        for x, y in zip(features, targets, strict=True):
            x, y = (v.reshape(-1, 5).astype("float64") for v in (x, y))
            x, y = x - y.mean(0), y - y.mean(0)
            lengths = np.linalg.norm(x, axis=1)[:, None]
            lengths = lengths * np.linalg.norm(y, axis=1)
            distances = 1.0 - x @ y.T / lengths
            nearest = distances.min(axis=1, keepdims=True)
            weights = np.exp((1.0 - distances / (nearest + 1e-5)) / 0.5)
            similarities = weights / weights.sum(axis=1, keepdims=True)
            expected.append(-np.log(similarities.max(axis=0).mean()))
        self.run_loss_test(
            losses.contextual_loss, (features, targets), expected, atol=1e-4
        )

    def test_errors(self):
        with self.assertRaisesRegex(
            ValueError, "`bandwidth` must be positive. Received: bandwidth=0"
        ):
            losses.contextual_loss(noise(1, 4, 4, 2), noise(1, 4, 4, 2), 0)
        for loss in (losses.contextual_loss, losses.patch_style_loss):
            with self.assertRaisesRegex(
                ValueError,
                "must have the same channels, .* Received: features.shape="
                r"\(1, 4, 4, 2\), target_features.shape=\(1, 4, 4, 3\)",
            ):
                loss(noise(1, 4, 4, 2), noise(1, 4, 4, 3))


class PatchStyleTest(TestCase):
    def test_by_hand(self):
        # Patches of one position: (2, 1) is nearest to (1, 0) in direction,
        # (0, 3) to (0, 4); squares 1 + 1 and 0 + 1 over 2 x 2 numbers.
        features = np.concatenate([row([2, 1], [0, 3]), row([1, 0], [0, 4])])
        targets = np.tile(row([1, 0], [0, 4], [-9, 0]), (2, 1, 1, 1))
        self.run_loss_test(
            lambda x, y: losses.patch_style_loss(x, y, patch_size=1),
            (features, targets),
            [0.75, 0.0],
        )

    def test_definition_in_numpy(self):
        features, targets = noise(2, 5, 6, 3), noise(2, 7, 4, 3, seed=1)

        def patches(sample):
            height, width, _ = sample.shape
            return np.stack(
                [
                    sample[y : y + 3, x : x + 3].ravel()
                    for y in range(height - 2)
                    for x in range(width - 2)
                ]
            )

        expected = []
        for x, y in zip(features, targets, strict=True):
            x, y = patches(x), patches(y)
            scores = x @ (y / np.linalg.norm(y, axis=1)[:, None]).T
            expected.append(np.mean((x - y[scores.argmax(axis=1)]) ** 2))
        self.run_loss_test(
            losses.patch_style_loss, (features, targets), expected
        )

    def test_errors(self):
        with self.assertRaisesRegex(
            ValueError,
            "`patch_size` must be a positive integer. Received: patch_size=0",
        ):
            losses.patch_style_loss(noise(1, 4, 4, 2), noise(1, 4, 4, 2), 0)
