import math

import numpy as np
from absl.testing import parameterized
from skimage import data

from keras_comic.data import warp_image
from keras_comic.video.known_motion import PATHS
from keras_comic.video.known_motion import KnownMotion
from keras_comic.video.known_motion import moving_object
from keras_comic.video.known_motion import moving_photo
from tests.test_case import TestCase
from tests.test_case import photos

SIZE = (48, 80)


def ramp(height=100, width=160):
    """A photo whose red is its column, and whose green is its row."""
    photo = np.zeros((height, width, 3), "uint8")
    photo[..., 0] = np.arange(width)
    photo[..., 1] = np.arange(height)[:, None]
    return photo


class KnownMotionTest(TestCase):
    def test_frames(self):
        frames = photos(3, 8, 8, 3)
        still = np.zeros((8, 8, 2)), np.ones((8, 8), bool)
        clip = KnownMotion("name", 3, lambda n: frames[n], lambda a, b: still)
        self.assertLen(clip, 3)
        self.assertAllEqual(np.stack(list(clip)), frames)
        self.assertEqual(clip.flow(0, 2)[0].dtype, "float32")
        for call in (lambda: clip.frame(3), lambda: clip.flow(0, -1)):
            with self.assertRaisesRegex(ValueError, "the frames 0 to 2"):
                call()
        with self.assertRaisesRegex(ValueError, "num_frames=0"):
            KnownMotion("name", 0, None, None)

    def assertLen(self, container, length):
        self.assertEqual(len(container), length)


class MovingPhotoTest(TestCase, parameterized.TestCase):
    @parameterized.parameters(*PATHS)
    def test_flow_leads_to_what_is_the_same(self, path):
        # Red and green say which place of the photo is seen; rounding to
        # whole numbers, of both frames, is all that may differ.
        clip = moving_photo(ramp(), path, 96, SIZE)
        for first, second in ((0, 1), (10, 60), (95, 3)):
            flow, valid = clip.flow(first, second)
            warped = warp_image(clip.frame(second).astype("float32"), flow)
            difference = np.abs(warped - clip.frame(first))[valid]
            self.assertLessEqual(difference.max(), 1.01)
            self.assertGreater(valid.mean(), 0.4)
        unmoved = np.abs(clip.frame(10) - clip.frame(60).astype("float32"))
        self.assertGreater(unmoved.max(), 2)

    @parameterized.parameters(*PATHS)
    def test_there_and_back(self, path):
        clip = moving_photo(ramp(), path, 96, SIZE)
        there, valid = clip.flow(5, 40)
        back, _ = clip.flow(40, 5)
        rounds = there + warp_image(back, there)
        # Of bilinear interpolation between the flows' own pixels.
        self.assertLess(np.abs(rounds[valid]).max(), 0.05)
        self.assertGreater(np.abs(there).max(), 1.0)
        same, all_valid = clip.flow(7, 7)
        self.assertLess(np.abs(same).max(), 1e-5)
        self.assertTrue(all_valid.all())

    def test_pan_by_hand(self):
        clip = moving_photo(ramp(), "pan", 96, SIZE)
        flow, valid = clip.flow(0, 24)
        # A quarter of the period: the camera has moved to the right by 0.12
        # of the width, and by 0.05 (sin(pi + 0.3) - sin(0.3)) down.
        across, down = -0.12 * 80, 2 * 0.05 * 80 * math.sin(0.3)
        self.assertAllClose(flow[..., 0], across, atol=1e-4)
        self.assertAllClose(flow[..., 1], down, atol=1e-4)
        self.assertFalse(valid[:, :9].any())
        self.assertTrue(valid[:40, 10:].all())

    def test_zoom_by_hand(self):
        clip = moving_photo(ramp(), "zoom", 96, SIZE)
        flow, _ = clip.flow(0, 24)
        # From no zoom to one by exp(0.25), about the centre.
        across = np.arange(80) - 39.5
        expected = across * (math.exp(-0.25) - 1)
        self.assertAllClose(flow[20, :, 0], expected, atol=1e-4)

    def test_rotation_by_hand(self):
        clip = moving_photo(ramp(), "rotation", 96, SIZE)
        flow, _ = clip.flow(0, 24)
        x, y = -39.5, -23.5
        cosine, sine = math.cos(math.radians(10)), math.sin(math.radians(10))
        self.assertAllClose(
            flow[0, 0],
            [cosine * x + sine * y - x, cosine * y - sine * x - y],
            atol=1e-4,
        )

    def test_error_of_a_photograph(self):
        # Its frames are the same but for what sampling does.
        clip = moving_photo(data.astronaut(), "handheld", 96, SIZE)
        frames = [clip.frame(n).astype("float32") for n in (30, 48)]
        flow, valid = clip.flow(30, 48)
        error = (warp_image(frames[1], flow) - frames[0])[valid]
        unmoved = (frames[1] - frames[0])[valid]
        self.assertLess((error**2).mean(), 0.05 * (unmoved**2).mean())

    def test_smooth_and_slow(self):
        for path in PATHS:
            clip = moving_photo(ramp(), path, 96, SIZE)
            for first in range(0, 95, 5):
                flow, _ = clip.flow(first, first + 1)
                # 4 pixels of a width of 480, in proportion.
                self.assertLess(np.abs(flow).max(), 4.5 * 80 / 480)

    def test_deterministic_noise(self):
        photo = data.astronaut()
        clean = moving_photo(photo, "pan", 8, SIZE)
        noisy = moving_photo(photo, "pan", 8, SIZE, noise=3.0, seed=1)
        again = moving_photo(photo, "pan", 8, SIZE, noise=3.0, seed=1)
        self.assertAllEqual(noisy.frame(2), again.frame(2))
        difference = noisy.frame(2).astype("float32") - clean.frame(2)
        middle = (clean.frame(2) > 15) & (clean.frame(2) < 240)
        self.assertAllClose(difference[middle].std(), 3.0, atol=0.2)
        other = noisy.frame(3).astype("float32") - clean.frame(3)
        self.assertLess(np.corrcoef(difference.flat, other.flat)[0, 1], 0.3)

    def test_errors(self):
        for arguments, message in (
            ((ramp().astype("float32"),), "A photo must be a uint8"),
            ((ramp(), "dolly"), "`path` must be one of pan.*'dolly'"),
            ((ramp(), "pan", 0), "num_frames=0"),
            ((ramp(), "pan", 8, (4, 80)), "`size` must be.*4, 80"),
            ((ramp(), "pan", 8, SIZE, -1.0), "noise=-1.0"),
        ):
            with self.assertRaisesRegex(ValueError, message):
                moving_photo(*arguments)


class MovingObjectTest(TestCase):
    def setUp(self):
        self.clip = moving_object(
            data.astronaut(), data.coffee(), 96, SIZE, 0.05
        )

    def test_what_stands_still(self):
        first, second = self.clip.frame(0), self.clip.frame(12)
        changed = (first != second).any(-1)
        # The disc where it was and where it is, and some of the edges.
        self.assertGreater(changed.mean(), 0.08)
        self.assertLess(changed.mean(), 0.13)
        flow, valid = self.clip.flow(0, 12)
        still = valid & (flow == 0).all(-1)
        self.assertAllEqual(first[still], second[still])

    def test_area(self):
        flow, _ = self.clip.flow(0, 12)
        moved = (flow != 0).any(-1).mean()
        self.assertAllClose(moved, 0.05, atol=0.005)

    def test_flow_leads_to_what_is_the_same(self):
        flow, valid = self.clip.flow(3, 20)
        moving = valid & (flow != 0).any(-1)
        self.assertGreater(moving.sum(), 60)
        # By a whole number of pixels the disc stays what it is.
        warped = warp_image(self.clip.frame(20).astype("float32"), flow)
        error = np.abs(warped - self.clip.frame(3))
        self.assertLess(error[moving].mean(), 8.0)
        unmoved = np.abs(
            self.clip.frame(20).astype("float32") - self.clip.frame(3)
        )
        self.assertGreater(unmoved[moving].mean(), 3 * error[moving].mean())

    def test_hidden(self):
        flow, valid = self.clip.flow(0, 12)
        # Where the disc goes is hidden, unless it was the disc already.
        goes_to, _ = self.clip.flow(12, 0)
        covered = (goes_to != 0).any(-1) & (flow == 0).all(-1)
        self.assertGreater(covered.sum(), 50)
        self.assertFalse(valid[covered].any())

    def test_errors(self):
        with self.assertRaisesRegex(ValueError, "share=0.5"):
            moving_object(ramp(), share=0.5)
        with self.assertRaisesRegex(ValueError, "A photo must be"):
            moving_object(ramp(), ramp()[..., 0])
