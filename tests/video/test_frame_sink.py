import os
from fractions import Fraction

import numpy as np
from absl.testing import parameterized

from keras_comic.video.frame_sink import open_sink
from keras_comic.video.frame_sink import write_frames
from keras_comic.video.frame_source import open_frames
from tests.data.videos import scene
from tests.video.sink_test_case import SinkTestCase
from tests.video.sink_test_case import timed

SUFFIXES = ".mp4 .m4v .mov .mkv .webm .ts .gif .webp .png".split()


class WriteFramesTest(SinkTestCase):
    @parameterized.parameters(*SUFFIXES)
    def test_round_trip(self, suffix):
        frames = scene(12, seed=0)
        path = self.folder / f"a{suffix}"
        self.assertEqual(write_frames(frames, path, 25), 12)
        self.assertEqual(os.listdir(self.folder), [path.name])
        _, found, images = self.read(path)
        self.assertLen(found, 12)
        self.assertAllClose(
            [f.time for f in found], np.arange(12) / 25, atol=1e-3
        )
        error = np.abs(images.astype("float64") - frames).mean()
        self.assertLess(error, 5 if suffix == ".gif" else 3)

    @parameterized.parameters(".mp4", ".mkv", ".webm", ".ts", ".png")
    def test_variable_frame_rate(self, suffix):
        times = [0, 0.04, 0.2, 0.24, 0.5, 0.54, 0.58, 1.0]
        path = self.folder / f"a{suffix}"
        frames = timed(scene(8, seed=0), times)
        write_frames(frames, path, 25, time_base=Fraction(1, 1000))
        _, found, _ = self.read(path)
        self.assertAllClose([f.time for f in found], times, atol=2e-3)

    @parameterized.parameters(
        (".mp4", (1, 1), (2, 2)),
        (".mp4", (33, 21), (34, 22)),
        (".mkv", (33, 22), (34, 22)),
        (".webm", (33, 21), (33, 21)),
        (".webm", (1, 1), (1, 1)),
        (".gif", (1, 1), (1, 1)),
        (".webp", (33, 21), (33, 21)),
        (".png", (1, 1), (1, 1)),
    )
    def test_odd_sizes(self, suffix, size, expected):
        frames = scene(3, seed=0, height=size[1], width=size[0])
        path = self.folder / f"a{suffix}"
        write_frames(frames, path, 25)
        _, _, images = self.read(path)
        self.assertEqual(images.shape[2:0:-1], expected)
        part = images[:, : size[1], : size[0]].astype("float64")
        self.assertLess(np.abs(part - frames).mean(), 8)

    def test_source(self):
        # Times and rate of what is read.
        first = self.folder / "a.mkv"
        frames = timed(scene(4, seed=0), [0, 0.1, 0.4, 0.5])
        write_frames(frames, first, 10, time_base=Fraction(1, 1000))
        source = open_frames(first, scene_cuts=False)
        write_frames(source, self.folder / "b.mp4")
        _, found, _ = self.read(self.folder / "b.mp4")
        self.assertAllClose([f.time for f in found], [0, 0.1, 0.4, 0.5])

    def test_errors(self):
        frames = scene(2, seed=0)
        with self.assertRaisesRegex(ValueError, "must end in one of.*a.doc"):
            write_frames(frames, self.folder / "a.doc", 25)
        with self.assertRaisesRegex(ValueError, "cannot be encoded.*codec=h2"):
            write_frames(frames, self.folder / "a.mp4", 25, codec="h2")
        with self.assertRaisesRegex(ValueError, "cannot be encoded.*libx264"):
            write_frames(frames, self.folder / "a.webm", 25, codec="libx264")
        with self.assertRaisesRegex(ValueError, "`codec` is for video files"):
            write_frames(frames, self.folder / "a.gif", 25, codec="gif")
        with self.assertRaisesRegex(ValueError, "`frame_rate` must be given"):
            write_frames(frames, self.folder / "a.mp4")
        with self.assertRaisesRegex(ValueError, "There is no frame to write"):
            write_frames([], self.folder / "a.mp4", 25)
        with self.assertRaisesRegex(ValueError, "must be uint8.*float32"):
            write_frames(frames.astype("float32"), self.folder / "a.mp4", 25)
        with self.assertRaisesRegex(ValueError, "at most 16383 pixels"):
            open_sink("a.webp", (20000, 10), 25)
