import numpy as np
from absl.testing import parameterized
from scipy import ndimage
from skimage import data

from keras_comic.data.optical_flow import flow_validity
from keras_comic.data.optical_flow import optical_flow
from keras_comic.data.optical_flow import warp_image
from keras_comic.video.flow import FLOW_ESTIMATORS
from keras_comic.video.flow import estimate_motion
from keras_comic.video.flow import fine_optical_flow
from keras_comic.video.flow import flow_confidence
from keras_comic.video.flow import flow_places
from keras_comic.video.flow import get_flow_estimator
from keras_comic.video.flow import remap
from keras_comic.video.known_motion import moving_photo
from tests.test_case import TestCase
from tests.test_case import noise
from tests.test_case import photos


def smooth_flow(height, width, seed):
    """A random flow that changes smoothly, up to some 8 pixels."""
    random = np.random.default_rng(seed)
    grid = random.uniform(-6, 6, 2) + random.uniform(-2, 2, (3, 3, 2))
    return ndimage.zoom(grid, (height / 3, width / 3, 1)).astype("float32")


class FlowConfidenceTest(TestCase, parameterized.TestCase):
    def flows(self):
        """A flow, and one back that is wrong here and there."""
        forward = smooth_flow(48, 64, 1)
        backward = smooth_flow(48, 64, 2)
        mix = np.linspace(0, 0.5, 64, dtype="float32")[:, None]
        return forward, mix * backward - (1 - mix) * forward

    def test_is_zero_where_the_published_tests_fail(self):
        forward, backward = self.flows()
        confidence = flow_confidence(forward, backward)
        valid = flow_validity(forward, backward)
        self.assertBetween(valid.mean(), 0.2, 0.9)
        # OpenCV rounds places to 1/32 of a pixel.
        self.assertGreater(((confidence > 0) == valid).mean(), 0.99)
        self.assertBetween(confidence.min(), 0.0, 0.0)
        self.assertBetween(confidence.max(), 0.9, 1.0)
        self.assertTrue(((confidence > 0.05) & (confidence < 0.95)).any())

    def test_values(self):
        # There and back by 2 - gap: allowed is 0.01 (4 + b^2) + 0.5.
        forward = np.full((8, 40, 2), (2.0, 0.0), "float32")
        for gap in (0.0, 0.5, 0.6, 0.7, 0.8):
            backward = np.full((8, 40, 2), (gap - 2.0, 0.0), "float32")
            allowed = 0.01 * (4 + (2 - gap) ** 2) + 0.5
            expected = np.clip(2 - 2 * gap**2 / allowed, 0, 1)
            confidence = flow_confidence(forward, backward)
            self.assertAllClose(confidence[:, :38], expected, atol=1e-5)
            # Beyond the right edge.
            self.assertAllEqual(confidence[:, 38:], 0.0)

    def test_boundary_of_a_motion(self):
        forward = np.zeros((8, 32, 2), "float32")
        forward[:, :16, 1] = 0.3
        confidence = flow_confidence(forward, -forward)
        self.assertAllEqual(confidence[0, :15], 1.0)
        self.assertAllEqual(confidence[0, 15:17], 0.0)
        self.assertAllEqual(confidence[0, 17:], 1.0)

    @parameterized.parameters((1, 1), (1, 7), (7, 1))
    def test_small(self, height, width):
        still = np.zeros((height, width, 2), "float32")
        self.assertAllEqual(
            flow_confidence(still, still), np.ones((height, width))
        )

    def test_remap(self):
        flow = smooth_flow(24, 32, 3)
        image = noise(24, 32, 3)
        for interpolation, exact in (("linear", True), ("lanczos", False)):
            moved = remap(image, flow_places(flow), interpolation)
            difference = np.abs(moved - warp_image(image, flow))
            self.assertEqual(difference.mean() < 0.02, exact)
            still = flow_places(np.zeros_like(flow))
            self.assertAllClose(
                remap(image, still, interpolation), image, atol=1e-6
            )

    def test_estimators(self):
        self.assertIs(get_flow_estimator("dis"), optical_flow)
        picture = photos(16, 24, 3)
        self.assertIs(get_flow_estimator("dis_fine"), fine_optical_flow)
        for name in ("dis", "dis_fine"):
            flow = get_flow_estimator(name)(picture, picture)
            self.assertShape(flow, (16, 24, 2))
        own = lambda first, second: np.zeros((*first.shape[:2], 2))  # noqa: E731
        self.assertIs(get_flow_estimator(own), own)

    @parameterized.parameters(*FLOW_ESTIMATORS)
    def test_known_motion(self, name):
        clip = moving_photo(data.astronaut(), 96, (96, 128))
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

    def test_fine_flow(self):
        clip = moving_photo(data.astronaut(), 96, (96, 128))
        first, second = clip.frame(20), clip.frame(23)
        known, inside = clip.flow(20, 23)
        errors = []
        for estimator in (fine_optical_flow, optical_flow):
            flow = estimator(first, second)
            self.assertAllEqual(flow, estimator(first, second))
            error = np.hypot(*np.moveaxis(flow - known, -1, 0))
            errors.append(np.median(error[inside]))
        self.assertLess(errors[0], 0.1)
        self.assertLess(errors[0], 0.7 * errors[1])
        self.assertShape(fine_optical_flow(*photos(2, 5, 3, 3)), (5, 3, 2))
        for others in (first[:8], first / 255.0, first[..., 0]):
            with self.assertRaisesRegex(ValueError, "Received"):
                fine_optical_flow(first, others)

    def test_errors(self):
        for flow in ("raft", None, 3):
            with self.assertRaisesRegex(
                ValueError,
                r"one of \['dis', 'dis_fine'\] or .*flow=",
            ):
                get_flow_estimator(flow)
