import numpy as np
from absl.testing import parameterized
from skimage import data

from keras_comic.video.flow_estimators import FLOW_ESTIMATORS
from keras_comic.video.flow_estimators import estimate_motion
from keras_comic.video.flow_estimators import farneback_flow
from keras_comic.video.known_motion import moving_photo
from tests.test_case import TestCase
from tests.test_case import photos


class FlowEstimatorsTest(TestCase, parameterized.TestCase):
    @parameterized.parameters(*FLOW_ESTIMATORS)
    def test_known_motion(self, name):
        clip = moving_photo(data.astronaut(), "handheld", 96, (96, 128))
        _, estimator = FLOW_ESTIMATORS[name]
        flow, valid = estimate_motion(clip.frame(20), clip.frame(26), estimator)
        known, inside = clip.flow(20, 26)
        self.assertGreater(np.abs(known).max(), 2.0)
        self.assertGreater(valid.mean(), 0.6)
        error = np.hypot(*np.moveaxis(flow - known, -1, 0))
        self.assertLess(np.median(error[valid & inside]), 0.25)

    @parameterized.parameters(*FLOW_ESTIMATORS)
    def test_whole_pixels(self, name):
        picture = data.astronaut()[0:128, 160:288]
        moved = np.roll(picture, (1, 2), axis=(0, 1))
        flow, valid = estimate_motion(picture, moved, FLOW_ESTIMATORS[name][1])
        middle = np.s_[8:-8, 8:-8]
        self.assertGreater(valid[middle].mean(), 0.8)
        self.assertAllClose(
            np.median(flow[middle], axis=(0, 1)), [2.0, 1.0], atol=0.1
        )

    def test_small_pictures(self):
        picture = photos(5, 3, 3)
        self.assertShape(farneback_flow(picture, picture), (5, 3, 2))

    def test_same_every_time(self):
        first, second = photos(2, 40, 50, 3)
        self.assertAllEqual(
            farneback_flow(first, second), farneback_flow(first, second)
        )

    def test_errors(self):
        picture = photos(16, 16, 3)
        for others in (picture[:8], picture / 255.0, picture[..., 0]):
            with self.assertRaisesRegex(ValueError, "of one shape. Received"):
                farneback_flow(picture, others)
