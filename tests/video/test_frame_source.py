import io
import os
import sys
import threading
import warnings
from fractions import Fraction

import av
import numpy as np
from absl.testing import parameterized
from PIL import Image

from keras_comic.data.video_reader import VideoError
from keras_comic.video.frame_source import open_frames
from tests.data.videos import save_video
from tests.data.videos import scene
from tests.data.videos import set_display_matrix
from tests.test_case import TestCase
from tests.video.test_frame_readers import save_animation


def frame_of(shade, height, width):
    return np.full((height, width, 3), shade, "uint8")


def images(frames):
    return np.stack([frame.image for frame in frames])


def read_with_error(frames):
    """What came before the error, and the error."""
    found = []
    try:
        for frame in frames:
            found.append(frame)
    except VideoError as error:
        return found, error
    return found, None


class OpenFramesTest(TestCase, parameterized.TestCase):
    def setUp(self):
        super().setUp()
        self.folder = self.temporary_folder()

    def test_video(self):
        frames = scene(6, seed=0)
        path = save_video(self.folder / "a.mov", frames, rate=8)
        source = open_frames(path)
        self.assertEqual((source.width, source.height), (64, 48))
        self.assertEqual(source.frame_rate, 8)
        self.assertEqual((source.num_frames, source.duration), (6, 0.75))
        for _ in range(2):
            found = list(source)
            self.assertEqual([f.number for f in found], list(range(6)))
            self.assertEqual([f.time for f in found], [k / 8 for k in range(6)])
            self.assertAllEqual(images(found), frames)
            self.assertDType(found[0].image, "uint8")
            self.assertEqual(
                [f.starts_scene for f in found], [True] + 5 * [False]
            )
            self.assertEqual(source.end_time, 0.75)
        self.assertTrue(source.is_repeatable)
        self.assertFalse(source.is_live)

    def test_scenes(self):
        frames = np.concatenate([scene(9, seed=0), scene(7, seed=1)])
        path = save_video(self.folder / "a.mov", frames)
        starts = [f.number for f in open_frames(path) if f.starts_scene]
        self.assertEqual(starts, [0, 9])
        source = open_frames(path, scene_cuts=False)
        starts = [f.number for f in source if f.starts_scene]
        self.assertEqual(starts, [0])

    def test_parts(self):
        frames = np.concatenate([scene(9, seed=0), scene(7, seed=1)])
        path = save_video(self.folder / "a.mov", frames)
        source = open_frames(path)
        found = list(source.read(every=5))
        self.assertEqual([f.number for f in found], [0, 5, 9, 10, 15])
        found = list(source.read(start=8))
        self.assertEqual([f.number for f in found], list(range(8, 16)))
        self.assertEqual([f.starts_scene for f in found][:3], [0, 1, 0])
        found = list(open_frames(path, max_frames=3))
        self.assertLen(found, 3)
        self.assertEqual(open_frames(path, max_frames=3).num_frames, 3)
        self.assertEqual(open_frames(path, max_frames=99).num_frames, 16)

    def test_variable_frame_rate_rotation_and_aspect(self):
        ticks = [0, 1, 4, 5, 9]
        path = save_video(
            self.folder / "a.mov",
            scene(5, seed=0),
            ticks=ticks,
            aspect=Fraction(2),
        )
        set_display_matrix(path, 0, 1, -1, 0)
        source = open_frames(path)
        self.assertEqual((source.width, source.height), (48, 128))
        found = list(source)
        self.assertAllClose([f.time for f in found], np.array(ticks) / 10)
        self.assertShape(found[0].image, (128, 48, 3))

    def test_ten_bits(self):
        frames = scene(3, seed=0)
        path = save_video(
            self.folder / "a.mkv",
            frames,
            codec="libx264",
            pixel_format="yuv420p10le",
        )
        with self.assertWarnsRegex(UserWarning, "a.mkv: 10-bit colours are"):
            source = open_frames(path)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            found = images(source)
        error = np.abs(found.astype("float64") - frames).mean()
        self.assertLess(error, 3)

    def test_interlaced(self):
        # Of a light bar that moves, even rows show one moment, odd the next.
        path = self.folder / "a.mpg"
        with av.open(str(path), "w") as container:
            stream = container.add_stream("mpeg2video", rate=25)
            stream.height, stream.width = 64, 96
            stream.pix_fmt = "yuv420p"
            stream.options = {"flags": "+ildct+ilme"}
            for number in range(6):
                pixels = np.full((64, 96, 3), 40, "uint8")
                for row in (0, 1):
                    start = 8 * number + 4 * row
                    pixels[row::2, start : start + 16] = 220
                frame = av.VideoFrame.from_ndarray(pixels, "rgb24")
                container.mux(stream.encode(frame))
            container.mux(stream.encode())
        with self.assertWarnsRegex(UserWarning, "interlaced frames are"):
            found = images(open_frames(path)).astype("float64")
        self.assertEqual(len(found), 6)
        # As they are, neighbouring rows differ by 15 on average.
        self.assertLess(np.abs(np.diff(found, axis=1)).mean(), 3)
        self.assertGreater(found.max(), 200)

    @parameterized.parameters("a.gif", "a.webp", "a.png")
    def test_animation(self, name):
        frames = scene(3, seed=0, height=24, width=32)
        path = save_animation(self.folder / name, frames, [50, 200, 100])
        source = open_frames(path)
        found = list(source)
        self.assertAllClose([f.time for f in found], [0, 0.05, 0.25])
        self.assertAllClose(source.end_time, 0.35)
        if name != "a.gif":
            self.assertAllEqual(images(found), frames)

    def test_folder(self):
        frames = scene(4, seed=0)
        for number, frame in enumerate(frames, start=8):
            Image.fromarray(frame).save(self.folder / f"frame_{number}.png")
        source = open_frames(self.folder, frame_rate=10)
        self.assertEqual(source.num_frames, 4)
        self.assertEqual(source.frame_rate, 10)
        found = list(source)
        self.assertEqual([f.number for f in found], [0, 1, 2, 3])
        self.assertAllClose([f.time for f in found], [0, 0.1, 0.2, 0.3])
        self.assertAllEqual(images(found), frames)
        self.assertEqual(open_frames(self.folder).frame_rate, 24)

    def test_folder_with_a_broken_image(self):
        for number, frame in enumerate(scene(6, seed=0)):
            Image.fromarray(frame).save(self.folder / f"frame_{number}.png")
        (self.folder / "frame_4.png").write_bytes(b"\x89PNG\r\n\x1a\n")
        found, error = read_with_error(open_frames(self.folder))
        self.assertLen(found, 4)
        self.assertEqual(error.reason, "unreadable")
        self.assertRegex(str(error), "frame_4.png")

    def test_raw_frames(self):
        frames = scene(3, seed=0)
        source = open_frames(io.BytesIO(frames.tobytes()), (64, 48), 5)
        found = list(source)
        self.assertAllEqual(images(found), frames)
        self.assertAllClose([f.time for f in found], [0, 0.2, 0.4])
        self.assertFalse(source.is_repeatable)
        with self.assertRaisesRegex(ValueError, "only once"):
            list(source)
        contents = frames.tobytes()[:-100]
        found, error = read_with_error(
            open_frames(io.BytesIO(contents), (64, 48), 5)
        )
        self.assertLen(found, 2)
        self.assertRegex(str(error), "Frame 2 is cut off: it has 9116 of 9216")
        found, error = read_with_error(open_frames(io.BytesIO(), (64, 48), 5))
        self.assertEqual((found, error.reason), ([], "unreadable"))

    def test_pipe(self):
        # A pipe hands over less than a frame at a time.
        frames = scene(2, seed=0)
        reading, writing = os.pipe()

        def write():
            with os.fdopen(writing, "wb") as file:
                file.write(frames.tobytes())

        thread = threading.Thread(target=write)
        thread.start()
        before = sys.stdin
        sys.stdin = os.fdopen(reading, "r")
        try:
            found = images(open_frames("-", (64, 48), "30000/1001"))
        finally:
            sys.stdin.close()
            sys.stdin = before
            thread.join()
        self.assertAllEqual(found, frames)

    def test_size_that_changes(self):
        frames = scene(4, seed=0)
        for number, frame in enumerate(frames):
            if number == 2:
                frame = frame_of(200, 48, 32)
            Image.fromarray(frame).save(self.folder / f"{number}.png")
        warned = "frame 2 on, frames are 32 x 48 pixels, and not 64 x 48"
        with self.assertWarnsRegex(UserWarning, warned) as caught:
            found = list(open_frames(self.folder))
        self.assertLen(caught.warnings, 1)
        found_images = images(found)
        self.assertAllEqual(found_images[[0, 1, 3]], frames[[0, 1, 3]])
        self.assertAllEqual(found_images[2, :, 16:48], frame_of(200, 48, 32))
        self.assertAllEqual(found_images[2, :, :16], frame_of(0, 48, 16))
        self.assertAllEqual(found_images[2, :, 48:], frame_of(0, 48, 16))
        self.assertEqual([f.starts_scene for f in found], [1, 0, 1, 1])

    def test_stream_whose_size_changes(self):
        parts = b""
        for number, shape in enumerate([(48, 64), (96, 64), (24, 64)]):
            frames = np.stack([frame_of(200, *shape)] * 3)
            path = save_video(
                self.folder / f"{number}.ts",
                frames,
                codec="libx264",
                pixel_format="yuv420p",
            )
            parts += path.read_bytes()
        path = self.folder / "a.ts"
        path.write_bytes(parts)
        with self.assertWarnsRegex(UserWarning, "frame 3 on.*64 x 96") as found:
            frames = images(open_frames(path, scene_cuts=False))
        self.assertLen(found.warnings, 1)
        # The middle of each is the picture, and what is left is black.
        for frame, rows, columns in zip(
            frames[[0, 4, 8]],
            [(0, 48), (0, 48), (12, 36)],
            [(0, 64), (16, 48), (0, 64)],
        ):
            picture = frame[slice(*rows), slice(*columns)]
            self.assertAllClose(picture, np.full(picture.shape, 200), atol=3)
            rest = frame.astype("int64").sum() - picture.astype("int64").sum()
            self.assertLess(rest, 4 * frame.size)

    def test_max_side(self):
        frames = scene(2, seed=0)
        for number, frame in enumerate(frames):
            Image.fromarray(frame).save(self.folder / f"{number}.png")
        source = open_frames(self.folder, max_side=50)
        self.assertEqual(source.original_size, (64, 48))
        # 50 x 37.5, even.
        self.assertEqual((source.width, source.height), (50, 38))
        expected = [
            np.asarray(Image.fromarray(f).resize((50, 38), Image.LANCZOS))
            for f in frames
        ]
        self.assertAllEqual(images(source), np.stack(expected))
        whole = open_frames(self.folder, max_side=64)
        self.assertAllEqual(images(whole), frames)
        self.assertNotEqual(source.identity(), whole.identity())
        raw = io.BytesIO(frames.tobytes())
        source = open_frames(raw, (64, 48), 25, max_side=20)
        self.assertEqual(images(source).shape, (2, 14, 20, 3))

    def test_truncated(self):
        path = save_video(
            self.folder / "a.mkv",
            scene(20, seed=0),
            codec="mpeg4",
            pixel_format="yuv420p",
        )
        contents = path.read_bytes()
        path.write_bytes(contents[: len(contents) * 8 // 10])
        found, error = read_with_error(open_frames(path))
        self.assertBetween(len(found), 3, 17)
        self.assertEqual(error.reason, "truncated")

    def test_file_that_changes(self):
        path = save_video(self.folder / "a.mov", scene(20, seed=0))
        source = iter(open_frames(path))
        next(source)
        with open(path, "ab") as file:
            file.write(b"more")
        with self.assertRaisesRegex(
            VideoError, "changed while it was read.*path=.*a.mov"
        ) as caught:
            list(source)
        self.assertEqual(caught.exception.reason, "changed")

    def test_image_that_changes(self):
        for number, frame in enumerate(scene(4, seed=0)):
            Image.fromarray(frame).save(self.folder / f"frame_{number}.png")
        source = open_frames(self.folder)
        Image.new("RGB", (64, 48)).save(self.folder / "frame_2.png")
        with self.assertRaisesRegex(VideoError, "changed.*frame_2.png"):
            list(source)

    def test_identity(self):
        path = save_video(self.folder / "a.mov", scene(3, seed=0))
        first = open_frames(path).identity()
        self.assertEqual(open_frames(path).identity(), first)
        self.assertNotEqual(open_frames(path, max_frames=2).identity(), first)
        os.utime(path, ns=(1, 1))
        self.assertNotEqual(open_frames(path).identity(), first)

    def test_errors(self):
        with self.assertRaisesRegex(FileNotFoundError, "source=missing.mp4"):
            open_frames("missing.mp4")
        path = save_video(self.folder / "a.mov", scene(2, seed=0))
        with self.assertRaisesRegex(ValueError, "`size` is for.*a.mov"):
            open_frames(path, size=(3, 4))
        with self.assertRaisesRegex(ValueError, "`frame_rate` is for fold"):
            open_frames(path, frame_rate=25)
        with self.assertRaisesRegex(ValueError, "Raw frames need `size=.wid"):
            open_frames("-", frame_rate=25)
        with self.assertRaisesRegex(ValueError, "`frame_rate` must be a"):
            open_frames("-", (3, 4), 0)
        with self.assertRaisesRegex(ValueError, "no such camera.*webcam:97"):
            open_frames("webcam:97")
        with self.assertRaisesRegex(ValueError, "no numbered images"):
            open_frames(self.folder)
