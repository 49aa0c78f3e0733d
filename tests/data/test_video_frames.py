import itertools

import numpy as np
from absl.testing import parameterized

from keras_comic.data.video_frames import read_clips
from keras_comic.data.video_frames import read_frames
from tests.data.videos import VideoTestCase
from tests.data.videos import save_video
from tests.data.videos import scene


def difference(images, expected):
    return np.abs(np.asarray(images, "float64") - expected).mean()


class ReadFramesTest(VideoTestCase):
    def test_frames_and_times(self):
        frames = scene(5, seed=0)
        path = save_video(self.folder / "a.mov", frames, rate=8)
        found = list(read_frames(str(path)))
        self.assertEqual([f.number for f in found], [0, 1, 2, 3, 4])
        self.assertEqual(
            [f.time for f in found], [0.0, 0.125, 0.25, 0.375, 0.5]
        )
        self.assertAllEqual(np.stack([f.image for f in found]), frames)
        self.assertDType(found[0].image, "uint8")

    def test_every(self):
        frames = scene(7, seed=0)
        path = save_video(self.folder / "a.mov", frames)
        found = list(read_frames(path, every=3))
        self.assertEqual([f.number for f in found], [0, 3, 6])
        self.assertAllEqual(np.stack([f.image for f in found]), frames[::3])

    @parameterized.parameters(
        ("a.mp4", "libx264", "yuv420p", 3.0),
        ("a.mkv", "libx264", "yuv420p10le", 3.0),
        ("a.webm", "libvpx-vp9", "yuv420p", 3.0),
        ("a.avi", "mpeg4", "yuv420p", 3.0),
        ("a.mpg", "mpeg2video", "yuv420p", 3.0),
        ("a.ts", "libx264", "yuv420p", 3.0),
        ("a.gif", "gif", "rgb8", 20.0),
    )
    def test_formats(self, name, codec, pixel_format, tolerance):
        frames = scene(4, seed=0)
        path = save_video(
            self.folder / name,
            frames,
            codec=codec,
            pixel_format=pixel_format,
            rate=25,
        )
        found = list(read_frames(path))
        self.assertAllClose([f.time for f in found], np.arange(4) / 25)
        self.assertLess(difference([f.image for f in found], frames), tolerance)
        again = list(read_frames(path))
        for first, second in zip(found, again, strict=True):
            self.assertAllEqual(first.image, second.image)

    def test_errors(self):
        with self.assertRaisesRegex(
            FileNotFoundError, r"no such file\. Received: path=missing\.mp4"
        ):
            read_frames("missing.mp4")
        with self.assertRaisesRegex(
            ValueError, "not a folder.*Received: path="
        ):
            read_frames(self.folder)


class ReadClipsTest(VideoTestCase):
    def test_clips(self):
        frames = scene(10, seed=0)
        path = save_video(self.folder / "a.mov", frames)
        clips = list(read_clips(path, num_frames=3))
        self.assertEqual([clip.number for clip in clips], [0, 3, 6])
        for clip in clips:
            chosen = slice(clip.number, clip.number + 3)
            self.assertAllEqual(clip.frames, frames[chosen])
            self.assertAllClose(clip.times, np.arange(10)[chosen] / 10)
            self.assertDType(clip.frames, "uint8")
            self.assertDType(clip.times, "float64")

    @parameterized.parameters(
        (dict(stride=1), [0, 1, 2, 3, 4, 5, 6, 7]),
        (dict(stride=2), [0, 2, 4, 6]),
        (dict(stride=5), [0, 5]),
        (dict(step=2), [0]),
        (dict(step=2, stride=3), [0, 3]),
        (dict(step=4, stride=1), [0, 1]),
    )
    def test_stride_and_step(self, arguments, numbers):
        frames = scene(10, seed=0)
        path = save_video(self.folder / "a.mov", frames)
        clips = list(read_clips(path, num_frames=3, **arguments))
        self.assertEqual([clip.number for clip in clips], numbers)
        step = arguments.get("step", 1)
        for clip in clips:
            chosen = slice(clip.number, clip.number + 2 * step + 1, step)
            self.assertAllEqual(clip.frames, frames[chosen])
            self.assertAllClose(clip.times, np.arange(10)[chosen] / 10)

    @parameterized.parameters((4, None, [0, 10, 14, 19]), (5, 1, [0, 1, 10]))
    def test_never_across_a_cut(self, num_frames, stride, numbers):
        lengths = (6, 4, 9, 5) if stride is None else (6, 4, 5, 3)
        scenes = [scene(n, seed=k) for k, n in enumerate(lengths)]
        path = save_video(self.folder / "a.mov", np.concatenate(scenes))
        clips = read_clips(path, num_frames, stride=stride)
        found = [clip.number for clip in clips]
        starts = [0, *itertools.accumulate(lengths)]
        expected = [
            start + offset
            for start, length in zip(starts, lengths, strict=False)
            for offset in range(
                0, length - num_frames + 1, stride or num_frames
            )
        ]
        self.assertEqual(found, expected)

    def test_errors(self):
        with self.assertRaisesRegex(FileNotFoundError, "no such file"):
            read_clips(self.folder / "missing", 2)
