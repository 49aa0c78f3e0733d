import numpy as np

from keras_comic.metrics.temporal_distance import TemporalDistance
from keras_comic.models import FeatureNetwork
from tests.metrics.test_perceptual_distance import by_numpy
from tests.test_case import TestCase
from tests.test_case import noise


class TemporalDistanceTest(TestCase):
    def test_by_hand(self):
        # One layer, one position: distance 2 between the axes, 0 to itself,
        # and 2 - sqrt(2) from an axis to the diagonal.
        up, right, both = (
            [np.float32(vector).reshape(1, 1, 1, 2)]
            for vector in ([0, 3], [1, 0], [2, 2])
        )
        for pairs, expected in (
            ((up, right, up, right), 0.0),
            ((up, right, up, up), 2.0),
            ((up, up, up, right), 2.0),
            ((up, both, up, right), np.sqrt(2)),
            ((up, right, up, both), np.sqrt(2)),
        ):
            metric = TemporalDistance()
            metric.update_state(*pairs)
            self.assertAllClose(metric.result(), expected, atol=1e-5)

    def test_by_numpy(self):
        arrays = np.abs(noise(4, 2, 5, 6, 4)), np.abs(noise(4, 2, 3, 3, 2))
        heads = [np.float32([1, 0, 2, 0.5]), np.float32([0.3, 1])]
        metric = TemporalDistance(heads=heads)
        metric.update_state(*zip(*arrays))
        photos, next_photos, comics, next_comics = zip(*arrays)
        expected = np.abs(
            by_numpy(comics, next_comics, heads)
            - by_numpy(photos, next_photos, heads)
        )
        self.assertAllClose(metric.result(), expected.mean(), rtol=1e-4)

    def test_frames(self):
        network = FeatureNetwork((1, 1), (2, 3))
        frames = noise(4, 2, 8, 8, 3)
        metric, of_features = TemporalDistance(network), TemporalDistance()
        metric.update_state(*frames)
        of_features.update_state(*(network(batch) for batch in frames))
        self.assertAllClose(metric.result(), of_features.result(), rtol=1e-4)
        self.assertEqual(metric.report().protocol["pairs"], 2)
        self.assertEqual(metric.report().protocol["metric"], "TemporalDistance")
