import numpy as np

from keras_comic.metrics import PerceptualDistance
from keras_comic.metrics.warped_distance import WarpedDistance
from keras_comic.models import FeatureNetwork
from tests.metrics.test_warping_error import warp_by_numpy
from tests.test_case import TestCase
from tests.test_case import noise


class WarpedDistanceTest(TestCase):
    def setUp(self):
        self.network = FeatureNetwork((1, 1), (2, 3))
        self.frames, self.next_frames = noise(2, 2, 8, 10, 3)
        self.flow = 3 * noise(2, 8, 10, 2, seed=1)
        self.valid = noise(2, 8, 10, seed=2) > -0.5

    def warped(self):
        warped = np.stack(
            [warp_by_numpy(*pair) for pair in zip(self.next_frames, self.flow)]
        )
        return np.where(self.valid[..., None], warped, self.frames).astype(
            "float32"
        )

    def expected(self):
        """The distance of frames that NumPy has warped."""
        distance = PerceptualDistance(self.network)
        distance.update_state(self.frames, self.warped())
        return distance.result()

    def test_frames(self):
        metric = WarpedDistance(self.network)
        for i in range(2):
            metric.update_state(
                *(
                    array[i : i + 1]
                    for array in (
                        self.frames,
                        self.next_frames,
                        self.flow,
                        self.valid,
                    )
                )
            )
        self.assertAllClose(metric.result(), self.expected(), rtol=1e-4)

    def test_activations(self):
        metric = WarpedDistance()
        metric.update_state(
            self.network(self.frames), self.network(self.warped())
        )
        self.assertAllClose(metric.result(), self.expected(), rtol=1e-4)

    def test_protocol(self):
        metric = WarpedDistance(self.network, flow="DIS", frames_apart=1)
        metric.update_state(self.frames, self.next_frames, self.flow)
        protocol = metric.report().protocol
        self.assertEqual(protocol["metric"], "WarpedDistance")
        self.assertEqual(protocol["flow"], "DIS")
        self.assertEqual(protocol["frames_apart"], 1)
        self.assertEqual(protocol["network"], "FeatureNetwork")

    def test_errors(self):
        with self.assertRaisesRegex(ValueError, "there must be a flow"):
            WarpedDistance(self.network).update_state(
                self.frames, self.next_frames
            )
        with self.assertRaisesRegex(ValueError, "no flow"):
            WarpedDistance().update_state(
                [self.frames], [self.next_frames], self.flow
            )
        with self.assertRaisesRegex(ValueError, "one shape"):
            WarpedDistance(self.network).update_state(
                self.frames, self.next_frames[:, :4], self.flow
            )
