import numpy as np
import scipy.special

from keras_comic.metrics import InceptionScore
from tests.metrics import make_golden
from tests.metrics.golden import golden
from tests.test_case import TestCase


def by_numpy(logits, splits):
    """The authors' formula, on probabilities."""
    probabilities = scipy.special.softmax(logits.astype("float64"), axis=1)
    count, scores = len(logits), []
    for i in range(splits):
        part = probabilities[count * i // splits : count * (i + 1) // splits]
        mean = part.mean(0, keepdims=True)
        divergence = (part * (np.log(part) - np.log(mean))).sum(1)
        scores.append(np.exp(divergence.mean()))
    return np.mean(scores), np.std(scores)


def measured(logits, splits):
    metric = InceptionScore(num_splits=splits)
    metric.update_state(logits)
    return metric


class InceptionScoreTest(TestCase):
    def test_numpy(self):
        logits = make_golden.logits()
        for splits in (1, 4, 10):
            metric = measured(logits, splits)
            mean, spread = by_numpy(logits, splits)
            self.assertAllClose(metric.result(), mean, atol=1e-5, rtol=1e-9)
            found = metric.report().spread
            if splits == 1:
                self.assertIsNone(found)
            else:
                self.assertAllClose(found, spread, rtol=1e-9)

    def test_another_project(self):
        report = measured(make_golden.logits(), make_golden.SPLITS).report()
        mean, spread = golden()["inception_score"]["torch-fidelity"]
        self.assertAllClose(report.value, mean, atol=1e-5, rtol=0)
        self.assertAllClose(report.spread, spread, atol=1e-5, rtol=0)

    def test_extremes(self):
        # Each class once, for sure; and the same for all.
        self.assertAllClose(measured(1e4 * np.eye(6), 1).result(), 6.0)
        self.assertAllClose(measured(np.ones((5, 6)), 1).result(), 1.0)

    def test_fewer_images_than_splits(self):
        metric = measured(make_golden.logits()[:3], 10)
        self.assertEqual(metric.report().protocol["splits"], 3)
        self.assertAllClose(metric.result(), 1.0)

    def test_not_finite(self):
        self.assertTrue(np.isnan(measured(np.full((2, 3), np.nan), 1).result()))

    def test_errors(self):
        with self.assertRaisesRegex(ValueError, "Received: num_splits=0"):
            InceptionScore(num_splits=0)
