"""All levels on all kinds of networks, and the networks that are refused."""

import numpy as np
from absl.testing import parameterized

from keras_comic.models.network_runner import NetworkRunner
from keras_comic.video import VideoStylizer
from keras_comic.video import convert_video
from keras_comic.video import open_frames
from keras_comic.video import write_frames
from keras_comic.video.difference_stylizer import DifferenceStylizer
from keras_comic.video.video_stylizer import CONSISTENCIES
from tests.test_case import TestCase
from tests.test_case import photos
from tests.tiny_families import TinyCodes
from tests.tiny_families import TinyComic
from tests.tiny_families import TinyPainter
from tests.video.runners import moving_square
from tests.video.runners import smooth_picture

STYLE = photos(32, 40, 3, seed=1)
FAMILIES = {
    "comic": (TinyComic, None),
    "painter": (TinyPainter, STYLE),
}


def distance(one, other):
    return np.abs(one.astype(int) - other.astype(int)).max()


class LevelsTest(TestCase, parameterized.TestCase):
    def stylizer(self, family, consistency, **options):
        make, style = FAMILIES[family]
        return VideoStylizer(make(), style, consistency, **options)

    @parameterized.product(family=list(FAMILIES), consistency=CONSISTENCIES)
    def test_video(self, family, consistency):
        folder = self.temporary_folder()
        frames = moving_square(5, 50, 70, step=2)
        write_frames(frames, folder / "in.png", 10)
        stylizer = self.stylizer(family, consistency)
        done = convert_video(folder / "in.png", folder / "out.png", stylizer)
        self.assertEqual(done.num_frames, 5)
        comics = [f.image for f in open_frames(done.output, scene_cuts=False)]
        make, style = FAMILIES[family]
        alone = make().stylize(frames, style)
        self.assertShape(np.stack(comics), frames.shape)
        if consistency == "none":
            self.assertLessEqual(distance(np.stack(comics), alone), 1)
        # They are comics of these frames, at every level.
        self.assertLess(np.abs(np.stack(comics) - alone.astype(int)).mean(), 6)

    @parameterized.parameters(*FAMILIES)
    def test_strengths_differ(self, family):
        frame = smooth_picture(48, 64)
        comics = [
            self.stylizer(
                family, "statistics", first_pass=False, strength=strength
            ).stylize(frame)
            for strength in (0.0, 0.5, 1.0)
        ]
        self.assertAllEqual(comics[0], frame)
        make, style = FAMILIES[family]
        for comic, strength in zip(comics, (0.0, 0.5, 1.0)):
            expected = make().stylize(frame, style, strength)
            self.assertLessEqual(distance(comic, expected), 1)
        self.assertGreater(distance(comics[0], comics[1]), 5)
        self.assertGreater(distance(comics[1], comics[2]), 5)

    def test_shared_statistics_flicker_less(self):
        # A light at the right goes on and off; the left stays as it is.
        frames = np.stack([smooth_picture(64, 128) // 2] * 6)
        frames[1::2, :, 96:] = 255
        comics, flickers = {}, {}
        for level in ("none", "statistics"):
            stylizer = self.stylizer("painter", level, first_pass=False)
            left = [stylizer.stylize(frame)[:, :80] for frame in frames]
            comics[level] = np.stack(left).astype("float64")
            flickers[level] = np.abs(np.diff(comics[level], axis=0)).mean()
        self.assertGreater(flickers["none"], 0.5)
        self.assertLess(flickers["statistics"], 0.3 * flickers["none"])
        self.assertGreater(distance(*comics.values()), 1)

    def test_nothing_to_share_costs_nothing(self):
        frames = moving_square(3)
        stylizer = self.stylizer("comic", "statistics")
        self.assertFalse(stylizer.needs_first_pass)
        for frame, comic in zip(frames, TinyComic().stylize(frames)):
            self.assertLessEqual(distance(stylizer.stylize(frame), comic), 1)
        self.assertFalse(self.stylizer("comic", "difference").needs_first_pass)

    @parameterized.parameters(*FAMILIES)
    def test_windows_equal_the_whole(self, family):
        make, style = FAMILIES[family]
        runner = NetworkRunner(make(), style)
        frame = runner.pad(smooth_picture(90, 130)[None])
        statistics = runner.statistics_of(frame)
        whole = runner.run(frame, statistics)
        step, field = runner.alignment, runner.receptive_field
        top, left = 4 * step, 2 * step
        window = np.s_[:, top : top + 12 * step, left : left + 16 * step]
        part = runner.run(frame[window], statistics)
        inner = np.s_[:, field : 12 * step - field, field : 16 * step - field]
        self.assertLessEqual(distance(part[inner], whole[window][inner]), 1)

    @parameterized.parameters(*FAMILIES)
    def test_difference_engine_equals_the_whole_frame(self, family):
        make, style = FAMILIES[family]
        frames = moving_square(6, 99, 161)
        runner = NetworkRunner(make(), style)
        stylizer = DifferenceStylizer(runner, "running", refresh_frames=None)
        last = stylizer.stylize(frames[0])
        statistics = runner.statistics_of(frames[:1])
        for frame in frames[1:]:
            comic = stylizer.stylize(frame)
            mask = stylizer.last_mask
            self.assertAllEqual(comic[~mask], last[~mask])
            self.assertLess(stylizer.last_share, 0.9)
            whole = runner.run(frame[None], statistics)[0].astype("float64")
            error = np.mean((comic - whole) ** 2)
            # 35 dB.
            self.assertLess(error, 255**2 / 10**3.5)
            last = comic

    def test_other_kinds_of_model(self):
        for consistency in CONSISTENCIES:
            with self.assertRaisesRegex(TypeError, "'latent_generator'"):
                VideoStylizer(TinyCodes(), consistency=consistency)
