from collections import namedtuple

import numpy as np
from absl.testing import parameterized

from keras_comic.video.difference_stylizer import DifferenceStylizer
from tests.test_case import TestCase
from tests.test_case import photos
from tests.video.runners import moving_square
from tests.video.runners import small_runner
from tests.video.runners import smooth_picture

Frame = namedtuple("Frame", ["number", "time", "image", "starts_scene"])


def make_stylizer(mode="running", **kwargs):
    return DifferenceStylizer(small_runner(), mode, **kwargs)


def noisy(frame, deviation, seed):
    noise = np.random.default_rng(seed).normal(0.0, deviation, frame.shape)
    return np.clip(np.rint(frame + noise), 0, 255).astype("uint8")


def shifted(frame, amount):
    return np.clip(frame.astype(int) + amount, 0, 255).astype("uint8")


class DifferenceStylizerTest(TestCase, parameterized.TestCase):
    def test_a_still_scene_costs_nothing(self):
        stylizer = make_stylizer()
        frame = smooth_picture(96, 128)
        first = stylizer.stylize(frame)
        self.assertEqual(stylizer.last_share, 1.0)
        self.assertTrue(stylizer.last_mask.all())
        for _ in range(5):
            self.assertAllEqual(stylizer.stylize(frame), first)
            self.assertEqual(stylizer.last_share, 0.0)
            self.assertFalse(stylizer.last_mask.any())

    def test_what_moves(self):
        frames = moving_square(8, 128, 256)
        stylizer = make_stylizer(refresh_frames=None)
        last = stylizer.stylize(frames[0])
        statistics = stylizer.runner.statistics_of(frames[:1])
        for frame in frames[1:]:
            comic = stylizer.stylize(frame)
            mask = stylizer.last_mask
            self.assertShape(mask, (128, 256))
            # Still regions are the very same.
            self.assertAllEqual(comic[~mask], last[~mask])
            self.assertGreater(stylizer.last_share, 0.0)
            self.assertLess(stylizer.last_share, 0.6)
            whole = stylizer.runner.run(frame[None], statistics)[0]
            error = np.mean((comic[mask].astype(float) - whole[mask]) ** 2)
            # 35 dB.
            self.assertLess(error, 255**2 / 10**3.5)
            last = comic
        # And nothing is left behind.
        error = np.abs(last.astype(int) - whole)
        self.assertLess(error.mean(), 1.0)
        self.assertLess(np.quantile(error, 0.999), 40)

    def test_a_thing_leaves_no_ghost(self):
        empty = smooth_picture(96, 160) // 2
        frames = [empty.copy() for _ in range(3)]
        frames[1][40:64, 64:88] = 255
        stylizer = make_stylizer(refresh_frames=None)
        first, second, third = map(stylizer.stylize, frames)
        self.assertGreater(np.abs(first.astype(int) - second).max(), 50)
        ghost = np.abs(first.astype(int) - third)[32:72, 56:96]
        self.assertLess(ghost.mean(), 0.5)
        self.assertLess(np.abs(first.astype(int) - third).mean(), 0.5)

    def test_noise_is_not_a_change(self):
        frame = smooth_picture(96, 128)
        stylizer = make_stylizer(refresh_frames=None)
        first = stylizer.stylize(noisy(frame, 2.0, 0))
        for seed in range(1, 5):
            comic = stylizer.stylize(noisy(frame, 2.0, seed))
            self.assertAllEqual(comic, first)
        # A thing of little contrast is.
        frame[32:64, 48:80] = shifted(frame[32:64, 48:80], 24)
        stylizer.stylize(noisy(frame, 2.0, 9))
        self.assertTrue(stylizer.last_mask[32:64, 48:80].all())

    def test_noise_floor(self):
        frame = smooth_picture(96, 128) // 2
        brighter = shifted(frame, 12)
        for floor, share in ((30.0, 0.0), (6.0, 1.0)):
            stylizer = make_stylizer(noise_floor=floor, refresh_frames=None)
            stylizer.stylize(frame)
            stylizer.stylize(brighter)
            self.assertEqual(stylizer.last_share, share)

    def test_slow_changes_add_up(self):
        frame = smooth_picture(96, 128) // 2
        stylizer = make_stylizer(noise_floor=10.0, refresh_frames=None)
        stylizer.stylize(frame)
        seen = 0
        for step in range(1, 31):
            stylizer.stylize(shifted(frame, step))
            seen += stylizer.last_share > 0
        self.assertBetween(seen, 2, 3)

    def test_refresh(self):
        frame = smooth_picture(128, 128)
        stylizer = make_stylizer(refresh_frames=8, noise_floor=20.0)
        last = stylizer.stylize(frame)
        # One pixel of 128x128 differs, by less than the floor.
        other = frame.copy()
        other[100, 30] = shifted(other[100, 30], 3)
        touched = np.zeros((128, 128), bool)
        for _ in range(8):
            comic = stylizer.stylize(other)
            touched |= stylizer.last_mask
            still = ~stylizer.last_mask
            self.assertAllEqual(comic[still], last[still])
            last = comic
        self.assertAllEqual(np.argwhere(touched).min(0), [96, 16])
        self.assertAllEqual(np.argwhere(touched).max(0), [111, 31])
        # All of it, once in so many frames.
        noise = noisy(frame, 2.0, 0)
        touched = np.zeros((128, 128), int)
        for _ in range(8):
            stylizer.stylize(noise)
            touched += stylizer.last_mask
        self.assertAllEqual(touched, np.ones((128, 128), int))

    def test_scenes(self):
        stylizer = make_stylizer()
        one, other = smooth_picture(96, 128), smooth_picture(96, 128, 5) // 2
        stylizer.stylize(one)
        comic = stylizer.stylize(other, starts_scene=True)
        self.assertEqual(stylizer.last_share, 1.0)
        self.assertAllClose(
            comic, stylizer.runner.run(other[None])[0], atol=1.0
        )
        # A frame of another size is a scene, too.
        self.assertShape(stylizer.stylize(one[:50, :61]), (50, 61, 3))
        self.assertEqual(stylizer.last_share, 1.0)

    def test_two_passes(self):
        frames = moving_square(4)
        stylizer = make_stylizer("two_pass")
        self.assertTrue(stylizer.needs_first_pass)
        with self.assertRaisesRegex(ValueError, "call `prepare`"):
            stylizer.stylize(frames[0])
        stylizer = make_stylizer("two_pass")
        stylizer.prepare(
            [Frame(8 * n, n / 3, f, n == 0) for n, f in enumerate(frames)]
        )
        statistics = stylizer.runner.statistics_of(frames)
        expected = stylizer.runner.run(frames[:1], statistics)[0]
        found = stylizer.stylize(frames[0]).astype(int)
        self.assertLessEqual(np.abs(found - expected).max(), 1)

    def test_statistics_move_only_where_nothing_is_kept(self):
        frames = moving_square(3)
        stylizer = make_stylizer(refresh_frames=None)
        stylizer.stylize(frames[0])
        before = stylizer.get_state()["now.mean"]
        stylizer.stylize(frames[1])
        self.assertAllEqual(stylizer.get_state()["now.mean"], before)
        stylizer.stylize(255 - frames[2])
        self.assertEqual(stylizer.last_share, 1.0)
        self.assertNotAllClose(stylizer.get_state()["now.mean"], before)

    @parameterized.parameters("two_pass", "running")
    def test_goes_on_from_a_state(self, mode):
        frames = [noisy(f, 2.0, n) for n, f in enumerate(moving_square(8))]
        numbered = [Frame(n, n / 3, f, n == 0) for n, f in enumerate(frames)]
        whole = make_stylizer(mode, refresh_frames=5)
        whole.prepare(numbered)
        for frame in frames[:4]:
            whole.stylize(frame)
        path = self.temporary_folder() / "state.npz"
        np.savez(path, **whole.get_state())
        expected = [whole.stylize(frame) for frame in frames[4:]]
        other = make_stylizer(mode, refresh_frames=5)
        with np.load(path) as state:
            other.set_state(dict(state))
        self.assertAllEqual(
            [other.stylize(frame) for frame in frames[4:]], expected
        )
        self.assertAllEqual(other.last_mask, whole.last_mask)
        # Forgotten, it begins anew.
        other.reset()
        self.assertIsNone(other.last_mask)
        other.prepare(numbered)
        again = make_stylizer(mode, refresh_frames=5)
        again.prepare(numbered)
        for frame in frames[:3]:
            self.assertAllEqual(other.stylize(frame), again.stylize(frame))

    def test_odd_sizes(self):
        for height, width in ((1, 1), (35, 61), (97, 33)):
            stylizer = make_stylizer(refresh_frames=2)
            frame = photos(height, width, 3)
            for seed in range(3):
                comic = stylizer.stylize(noisy(frame, 9.0, seed))
                self.assertShape(comic, (height, width, 3))
                self.assertShape(stylizer.last_mask, (height, width))

    def test_outputs_are_not_shared(self):
        stylizer = make_stylizer()
        frame = smooth_picture(40, 48)
        first = stylizer.stylize(frame)
        expected = first.copy()
        first[:] = 0
        self.assertAllEqual(stylizer.stylize(frame), expected)
