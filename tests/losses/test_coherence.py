import keras
import numpy as np

from keras_comic import losses
from keras_comic.losses.coherence import CoherencePreservingLoss
from tests.test_case import TestCase
from tests.test_case import gradients
from tests.test_case import noise


class MotionConsistencyTest(TestCase):
    def test_by_hand(self):
        comics = np.zeros((2, 1, 2, 3), "float32")
        moved = comics.copy()
        moved[0, 0, 0] = [0.3, 0.6, 0.9]  # Mean 0.6.
        moved[1, 0, 1] = -0.5
        self.run_loss_test(
            losses.motion_consistency_loss, (comics, moved), [0.3, 0.25]
        )
        # Only the first pixel counts; in the second picture, none.
        valid = np.float32([[[[1], [0]]], [[[0], [0]]]])
        found = losses.motion_consistency_loss(comics, moved, valid)
        self.assertAllClose(found, [0.6, 0.0])

    def test_shapes(self):
        with self.assertRaisesRegex(ValueError, "must have the same shape"):
            losses.motion_consistency_loss(noise(1, 4, 4, 3), noise(1, 4, 5, 3))


def reference(loss, comics, photos, rows, columns):
    """The loss of one level by loops, at known anchors."""
    dense = [
        [np.asarray(w) for w in layer.get_weights()]
        for layer in (loss.hidden_layers[0], loss.output_layers[0])
    ]

    def differences(features, sample):
        found = []
        for down in (-1, 0, 1):
            for right in (-1, 0, 1):
                if (down, right) == (0, 0):
                    continue
                for row, column in zip(rows[sample], columns[sample]):
                    anchor = features[sample, row, column]
                    other = features[sample, row + down, column + right]
                    value = (anchor - other) @ dense[0][0] + dense[0][1]
                    value = np.maximum(value, 0) @ dense[1][0] + dense[1][1]
                    found.append(value / np.linalg.norm(value))
        return np.stack(found)

    values = []
    for sample in range(len(comics)):
        logits = differences(comics, sample) @ differences(photos, sample).T
        logits = logits / loss.temperature
        rates = np.exp(logits - logits.max(axis=1, keepdims=True))
        rates = rates / rates.sum(axis=1, keepdims=True)
        values.append(-np.log(np.diag(rates)).mean())
    return values


class CoherencePreservingLossTest(TestCase):
    def test_against_loops(self):
        # With sides of 3 pixels the only anchor is the middle.
        comics, photos = noise(2, 3, 3, 4), noise(2, 3, 3, 4, seed=1)
        loss = CoherencePreservingLoss(1, projection_dim=5, seed=1)
        found = loss([comics], [photos])
        middle = np.ones((2, 1), "int32")
        expected = reference(loss, comics, photos, middle, middle)
        self.assertAllClose(found, expected, 1e-4, 1e-4)

    def test_gradients(self):
        comics = keras.Variable(noise(1, 8, 8, 4))
        photos = keras.Variable(noise(1, 8, 8, 4, seed=1))
        loss = CoherencePreservingLoss(projection_dim=6, seed=1)
        loss.build([(None, 8, 8, 4)], [(None, 8, 8, 4)])
        self.assertEqual(len(loss.trainable_variables), 4)
        found = gradients(
            lambda: loss([comics.value], [photos.value]),
            [comics, photos, *loss.trainable_variables],
        )
        self.assertGreater(np.abs(found[0]).max(), 0.0)
        if found[1] is not None:
            self.assertAllEqual(found[1], np.zeros_like(found[1]))
        for gradient in found[2:3]:
            self.assertGreater(np.abs(gradient).max(), 0.0)

    def test_config(self):
        loss = CoherencePreservingLoss(3, 0.1, 5, seed=2)
        again = CoherencePreservingLoss.from_config(loss.get_config())
        self.assertEqual(again.get_config(), loss.get_config())

    def test_errors(self):
        with self.assertRaisesRegex(ValueError, "Received: num_anchors=0"):
            CoherencePreservingLoss(0)
        with self.assertRaisesRegex(ValueError, "Received: temperature=0"):
            CoherencePreservingLoss(temperature=0.0)
        loss = CoherencePreservingLoss()
        with self.assertRaisesRegex(ValueError, "Received: 2 and 1"):
            loss([noise(1, 4, 4, 2)] * 2, [noise(1, 4, 4, 2)])
