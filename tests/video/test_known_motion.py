import cmath
import math

import numpy as np
from skimage import data

from keras_comic.data.optical_flow import warp_image
from keras_comic.video.known_motion import moving_object
from keras_comic.video.known_motion import moving_photo
from tests.test_case import TestCase

SIZE = (48, 80)


def ramp(height=100, width=160):
    """A photo whose red is its column, and whose green is its row."""
    photo = np.zeros((height, width, 3), "uint8")
    photo[..., 0] = np.arange(width)
    photo[..., 1] = np.arange(height)[:, None]
    return photo


class MovingPhotoTest(TestCase):
    def test_flow_leads_to_what_is_the_same(self):
        # Red and green say which place of the photo is seen; rounding to
        # whole numbers, of both frames, is all that may differ.
        clip = moving_photo(ramp(), 96, SIZE)
        for first, second in ((0, 1), (10, 60), (95, 3)):
            flow, valid = clip.flow(first, second)
            warped = warp_image(clip.frame(second).astype("float32"), flow)
            difference = np.abs(warped - clip.frame(first))[valid]
            self.assertLessEqual(difference.max(), 1.01)
            self.assertGreater(valid.mean(), 0.4)
        unmoved = np.abs(clip.frame(10) - clip.frame(60).astype("float32"))
        self.assertGreater(unmoved.max(), 2)

    def test_there_and_back(self):
        clip = moving_photo(ramp(), 96, SIZE)
        there, valid = clip.flow(5, 40)
        back, _ = clip.flow(40, 5)
        rounds = there + warp_image(back, there)
        # Of bilinear interpolation between the flows' own pixels.
        self.assertLess(np.abs(rounds[valid]).max(), 0.05)
        self.assertGreater(np.abs(there).max(), 1.0)
        same, all_valid = clip.flow(7, 7)
        self.assertLess(np.abs(same).max(), 1e-5)
        self.assertTrue(all_valid.all())

    def test_centre_by_hand(self):
        # A quarter of the period. The centre of the first frame looks at the
        # shift s0, bent by the waves; so does the place to which it moves.
        clip = moving_photo(ramp(), 96, (49, 81))
        flow, valid = clip.flow(0, 24)
        self.assertTrue(valid[24, 40])
        place = complex(*flow[24, 40])
        looks = []
        for time, z in ((0.0, 0.0), (math.pi / 2, place)):
            turn = cmath.exp(
                0.125 * math.sin(time + 0.7)
                + 1j * math.radians(5) * math.sin(time + 1.9)
            )
            shift = 0.06 * math.sin(time) + 0.025j * math.sin(2 * time + 0.3)
            z = turn * z + 81 * shift
            wave, bend = 2 * math.pi / (0.45 * 81), 0.006 * 81
            x = z.real + bend * math.sin(2 * time) * math.sin(
                wave * z.imag + time
            )
            y = z.imag + bend * math.cos(2 * time) * math.sin(
                wave * x + 2 - time
            )
            looks.append((x, y))
        self.assertAllClose(*looks, atol=1e-4)

    def test_smooth_and_slow(self):
        clip = moving_photo(ramp(), 96, SIZE)
        for first in range(0, 95, 5):
            flow, _ = clip.flow(first, first + 1)
            # 4 pixels of a width of 480, in proportion.
            self.assertLess(np.abs(flow).max(), 4.5 * 80 / 480)

    def test_deterministic_noise(self):
        photo = data.astronaut()
        clean = moving_photo(photo, 8, SIZE)
        noisy = moving_photo(photo, 8, SIZE, noise=3.0)
        again = moving_photo(photo, 8, SIZE, noise=3.0)
        self.assertAllEqual(noisy.frame(2), again.frame(2))
        difference = noisy.frame(2).astype("float32") - clean.frame(2)
        middle = (clean.frame(2) > 15) & (clean.frame(2) < 240)
        self.assertAllClose(difference[middle].std(), 3.0, atol=0.2)
        other = noisy.frame(3).astype("float32") - clean.frame(3)
        self.assertLess(np.corrcoef(difference.flat, other.flat)[0, 1], 0.3)

    def test_errors(self):
        with self.assertRaisesRegex(ValueError, "must be uint8"):
            moving_photo(ramp().astype("float32"))


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
