import itertools

import numpy as np

from keras_comic.metrics import Diversity
from tests.test_case import TestCase
from tests.test_case import noise


class DiversityTest(TestCase):
    def test_pairs(self):
        features = noise(9, 5)
        metric = Diversity()
        for start in (0, 4, 8):
            metric.update_state(features[start : start + 4])
        distances = [
            np.linalg.norm(first.astype("float64") - second)
            for first, second in itertools.combinations(features, 2)
        ]
        report = metric.report()
        self.assertAllClose(metric.result(), np.mean(distances))
        self.assertAllClose(report.spread, np.std(distances), rtol=1e-4)
        self.assertEqual(report.protocol["images"], 9)

    def test_collapse(self):
        metric = Diversity()
        metric.update_state(noise(1, 5).repeat(7, axis=0) + 1e3)
        self.assertEqual(metric.result(), 0.0)

    def test_too_few_and_not_finite(self):
        metric = Diversity()
        metric.update_state(np.ones((1, 2), "float16"))
        self.assertTrue(np.isnan(metric.result()))
        metric.update_state(np.full((1, 2), np.nan))
        self.assertTrue(np.isnan(metric.result()))
        with self.assertRaisesRegex(ValueError, "images': 2"):
            metric.report()
