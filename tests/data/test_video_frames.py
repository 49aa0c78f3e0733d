import importlib
import itertools
import os
import pickle
import sys
import tempfile
import tracemalloc
from fractions import Fraction

import av
import numpy as np
from absl.testing import parameterized
from PIL import Image

from keras_comic.data.images import read_image
from keras_comic.data.video_frames import MAX_CANDIDATES
from keras_comic.data.video_frames import VIDEO_SUFFIXES
from keras_comic.data.video_frames import ArrayFrame
from keras_comic.data.video_frames import VideoError
from keras_comic.data.video_frames import VideoReader
from keras_comic.data.video_frames import mark_scenes
from keras_comic.data.video_frames import read_clips
from keras_comic.data.video_frames import read_frames
from tests.data.videos import save_sound
from tests.data.videos import save_video
from tests.data.videos import scene
from tests.data.videos import set_display_matrix
from tests.test_case import SHARED
from tests.test_case import TestCase
from tests.test_case import shared

CLIPS = SHARED / "data" / "clips"


def difference(images, expected):
    return np.abs(np.asarray(images, "float64") - expected).mean()


class VideoTestCase(TestCase, parameterized.TestCase):
    def setUp(self):
        super().setUp()
        self.folder = self.temporary_folder()

    def read_with_error(self, frames):
        """What came before the error, and the error."""
        found = []
        with self.assertRaises(VideoError) as caught:
            for frame in frames:
                found.append(frame)
        return found, caught.exception


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

    def test_variable_frame_rate(self):
        ticks = [0, 1, 4, 5, 9]
        path = save_video(
            self.folder / "a.mov", scene(5, seed=0), ticks=ticks, rate=10
        )
        times = [f.time for f in read_frames(path)]
        self.assertEqual(times, [tick / 10 for tick in ticks])

    def test_times_count_from_the_start_of_the_file(self):
        path = save_video(
            self.folder / "a.mkv",
            scene(3, seed=0),
            codec="ffv1",
            pixel_format="bgr0",
            ticks=[10, 11, 14],
        )
        times = [f.time for f in read_frames(path)]
        self.assertEqual(times, [0.0, 0.1, 0.4])

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

    def test_picture_beside_sound(self):
        path = save_video(
            self.folder / "a.mp4",
            scene(4, seed=0),
            codec="mpeg4",
            pixel_format="yuv420p",
            sound=True,
        )
        self.assertLen(list(read_frames(path)), 4)

    @parameterized.parameters(
        (1, 0, 0, 1, lambda image: image),
        (0, 1, -1, 0, lambda image: np.rot90(image, -1)),
        (-1, 0, 0, -1, lambda image: np.rot90(image, 2)),
        (0, -1, 1, 0, lambda image: np.rot90(image, 1)),
        (-1, 0, 0, 1, lambda image: image[:, ::-1]),
        (1, 0, 0, -1, lambda image: image[::-1]),
        (0, 1, 1, 0, lambda image: np.swapaxes(image, 0, 1)),
        (0, -1, -1, 0, lambda image: np.rot90(np.swapaxes(image, 0, 1), 2)),
    )
    def test_rotation(self, a, b, c, d, turn):
        frames = scene(2, seed=0)
        path = save_video(self.folder / "a.mov", frames)
        set_display_matrix(path, a, b, c, d)
        for frame, expected in zip(read_frames(path), frames, strict=True):
            self.assertAllEqual(frame.image, turn(expected))

    @parameterized.parameters(
        (Fraction(2), (48, 128)),
        (Fraction(1, 2), (96, 64)),
        (Fraction(64, 45), (48, 91)),
        (Fraction(100), (48, 64)),
    )
    def test_square_pixels(self, aspect, size):
        frames = scene(1, seed=0)
        path = save_video(self.folder / "a.mov", frames, aspect=aspect)
        image = next(read_frames(path)).image
        self.assertShape(image, (*size, 3))
        expected = Image.fromarray(frames[0]).resize(size[::-1])
        self.assertLess(difference(image, np.asarray(expected)), 2)

    def test_square_pixels_of_a_turned_video(self):
        frames = scene(1, seed=0)
        path = save_video(self.folder / "a.mov", frames, aspect=Fraction(2))
        set_display_matrix(path, 0, 1, -1, 0)
        self.assertShape(next(read_frames(path)).image, (128, 48, 3))

    def test_transparent_pixels_lie_on_white(self):
        frames = scene(2, seed=0)
        alpha = np.full(frames.shape[:3] + (1,), 255, "uint8")
        alpha[:, :24] = 0
        path = save_video(
            self.folder / "a.mov",
            np.concatenate([frames, alpha], axis=-1),
            pixel_format="rgba",
        )
        image = next(read_frames(path)).image
        self.assertAllEqual(image[:24], np.full((24, 64, 3), 255))
        self.assertAllEqual(image[24:], frames[0, 24:])

    @parameterized.parameters((1, 48), (6, 48), (None, 48), (None, 720))
    def test_color_matrix(self, colorspace, height):
        # What names no matrix is BT.601 when small, BT.709 when large.
        frames = np.full((1, height, 64, 3), (40, 200, 90), "uint8")
        path = save_video(
            self.folder / "a.mkv",
            frames,
            codec="ffv1",
            pixel_format="yuv444p",
            colorspace=colorspace,
        )
        image = next(read_frames(path)).image
        expected = (40, 200, 90)
        if colorspace is None and height == 720:
            expected = (29, 178, 87)
        self.assertLess(difference(image, expected), 2.5)

    def test_nothing_is_printed(self):
        path = save_video(
            self.folder / "a.mp4",
            scene(20, seed=0),
            codec="mpeg4",
            pixel_format="yuv420p",
        )
        path.write_bytes(path.read_bytes()[:-900])
        with tempfile.TemporaryFile() as output:
            kept = os.dup(2)
            try:
                os.dup2(output.fileno(), 2)
                found, error = self.read_with_error(read_frames(path))
            finally:
                os.dup2(kept, 2)
                os.close(kept)
            output.seek(0)
            self.assertEqual(output.read(), b"")
        self.assertEqual(error.reason, "truncated")

    def test_suffixes(self):
        self.assertIn(".mp4", VIDEO_SUFFIXES)
        self.assertNotIn(".jpg", VIDEO_SUFFIXES)

    def test_errors(self):
        with self.assertRaisesRegex(
            FileNotFoundError, r"no such file\. Received: path=missing\.mp4"
        ):
            read_frames("missing.mp4")
        with self.assertRaisesRegex(
            ValueError, "not a folder.*Received: path="
        ):
            read_frames(self.folder)
        path = save_video(self.folder / "a.mov", scene(2, seed=0))
        for every in (0, -1, 1.5):
            with self.assertRaisesRegex(
                ValueError, f"`every` must be a pos.*Received: every={every}"
            ):
                read_frames(path, every=every)
        with self.assertRaisesRegex(ValueError, "exclude each other.*every=2"):
            read_frames(path, every=2, scene_cuts=True)

    @parameterized.parameters(
        ("av", read_frames, {}),
        ("scenedetect", read_frames, {"scene_cuts": True}),
        ("scenedetect", read_clips, {"num_frames": 2}),
    )
    def test_libraries_that_are_not_installed(self, name, read, arguments):
        path = save_video(self.folder / "a.mov", scene(2, seed=0))
        module = importlib.import_module(name)
        sys.modules[name] = None
        try:
            with self.assertRaisesRegex(
                ImportError, rf"`{name}`.*`pip install keras-comic\[video\]`"
            ):
                read(path, **arguments)
        finally:
            sys.modules[name] = module


class VideoReaderTest(VideoTestCase):
    def test_properties(self):
        path = save_video(
            self.folder / "a.mov",
            scene(6, seed=0),
            rate=8,
            aspect=Fraction(2),
        )
        set_display_matrix(path, 0, 1, -1, 0)
        reader = VideoReader(path)
        found = reader.read_properties()
        self.assertEqual((found.width, found.height), (48, 128))
        self.assertEqual((found.frame_rate, found.num_frames), (8, 6))
        self.assertEqual((found.duration, found.changes), (0.75, ()))
        for frame in reader.frames():
            self.assertEqual(frame.upright_size, (48, 128))
            ticks = Fraction(frame.time) / found.time_base
            self.assertEqual(ticks.denominator, 1)
        self.assertEqual(frame.duration, 0.125)

    @parameterized.parameters(
        ("yuv420p10le", 1, ["10-bit colours"]),
        ("yuv420p10le", 16, ["10-bit colours", r"dynamic range \(PQ\)"]),
        ("yuv420p", 18, [r"dynamic range \(HLG\)"]),
        ("yuv420p", 14, ["colours of BT.2020"]),
    )
    def test_what_is_changed(self, pixel_format, transfer, changes):
        path = self.folder / "a.mkv"
        with av.open(str(path), "w") as container:
            stream = container.add_stream("ffv1", rate=10)
            stream.width, stream.height = 64, 48
            stream.pix_fmt = pixel_format
            stream.codec_context.color_trc = transfer
            if transfer != 1:
                stream.codec_context.color_primaries = 9
            for pixels in scene(2, seed=0):
                frame = av.VideoFrame.from_ndarray(pixels, "rgb24")
                container.mux(stream.encode(frame))
            container.mux(stream.encode())
        found = VideoReader(path).read_properties().changes
        self.assertLen(found, len(changes))
        for text, expected in zip(found, changes, strict=True):
            self.assertRegex(text, expected)
        image = next(read_frames(path)).image
        self.assertDType(image, "uint8")
        self.assertGreater(np.ptp(image.astype("int64")), 50)

    def test_scenes_of_arrays(self):
        images = np.concatenate([scene(8, seed=0), scene(8, seed=1)])
        frames = [
            ArrayFrame(image, number, number / 10, number in (0, 13))
            for number, image in enumerate(images)
        ]
        starts = [f.number for f, starts in mark_scenes(frames) if starts]
        self.assertEqual(starts, [0, 8, 13])


class BrokenVideosTest(VideoTestCase):
    def check(self, path, reason, message, num_frames=0):
        found, error = self.read_with_error(read_frames(path))
        self.assertEqual(error.reason, reason)
        self.assertRegex(str(error), f"{message}.*Received: path=.*{path.name}")
        self.assertLen(found, num_frames)

    @parameterized.parameters(
        (b"", "unreadable", "file is empty"),
        (b"<!DOCTYPE html><html></html>" * 40, "not a video", "not a video"),
        (b"#EXTM3U\n#EXTINF:1,\n/etc/passwd\n", "not a video", "not a video"),
        (bytes(range(256)) * 20, "not a video", "not a video"),
        (b"\0\0\0\x18ftypisom" + bytes(12), "truncated", "contents is missing"),
        (b"RIFF\xff\0\0\0AVI LIST", "truncated", "16 of the 263 bytes"),
        (b"GIF89a\x10\0\x10\0\xf7\0\0", "truncated", "no end mark"),
        (b"\x1aE\xdf\xa3\x93BB", "unreadable", "cannot be"),
    )
    def test_what_is_no_video(self, contents, reason, message):
        path = self.folder / "a.mp4"
        path.write_bytes(contents)
        self.check(path, reason, message)

    def test_sound_alone(self):
        path = save_sound(self.folder / "a.mp4")
        self.check(path, "not a video", "no video stream")

    @parameterized.parameters("png", "jpeg", "tiff")
    def test_pictures(self, image_format):
        path = self.folder / "a.mp4"
        Image.fromarray(scene(1, seed=0)[0]).save(path, format=image_format)
        self.check(path, "not a video", "holds no video but")

    @parameterized.parameters(
        ("a.mp4", "mpeg4", "yuv420p"),
        ("a.avi", "mpeg4", "yuv420p"),
        ("a.mkv", "mpeg4", "yuv420p"),
        ("a.webm", "libvpx-vp9", "yuv420p"),
        ("a.gif", "gif", "rgb8"),
    )
    def test_truncated(self, name, codec, pixel_format):
        path = save_video(
            self.folder / name,
            scene(20, seed=0),
            codec=codec,
            pixel_format=pixel_format,
        )
        contents = path.read_bytes()
        whole = [f.image for f in read_frames(path)]
        for tenth in range(1, 10):
            path.write_bytes(contents[: len(contents) * tenth // 10])
            found, error = self.read_with_error(read_frames(path))
            self.assertEqual(error.reason, "truncated", str(error))
            for frame, image in zip(found[:-1], whole, strict=False):
                self.assertAllEqual(frame.image, image)
        if name != "a.mp4":
            # An MP4's table of contents stands at its end.
            self.assertGreater(len(found), 10)

    def test_unknown_codec(self):
        path = save_video(self.folder / "a.mov", scene(2, seed=0))
        path.write_bytes(path.read_bytes().replace(b"png ", b"q7x9"))
        self.check(path, "unreadable", "codec that FFmpeg cannot")

    def test_damage_up_to_the_next_key_frame(self):
        path = save_video(
            self.folder / "a.avi",
            scene(20, seed=0),
            codec="mpeg4",
            pixel_format="yuv420p",
            key_interval=5,
        )
        whole = [f.image for f in read_frames(path)]
        contents = bytearray(path.read_bytes())
        # The chunks of the eighth to the tenth frame.
        chunks = [
            place
            for place in range(contents.index(b"movi"), len(contents))
            if contents[place : place + 4] == b"00dc"
        ]
        for place in chunks[7:10]:
            contents[place + 8 : place + 24] = bytes(16)
        path.write_bytes(contents)
        found, error = self.read_with_error(read_frames(path))
        self.assertEqual(error.reason, "unreadable")
        self.assertRegex(str(error), "damaged after frame 6;")
        kept = [*range(7), *range(10, 20)]
        self.assertEqual([f.number for f in found], list(range(17)))
        self.assertAllClose([f.time for f in found], np.array(kept) / 10)
        for frame, number in zip(found, kept, strict=True):
            self.assertAllEqual(frame.image, whole[number])
        # No clip spans the gap.
        clips, error = self.read_with_error(read_clips(path, 4))
        self.assertEqual(error.reason, "unreadable")
        self.assertEqual([clip.number for clip in clips], [0, 7, 11])

    def test_error_survives_pickling(self):
        error = pickle.loads(pickle.dumps(VideoError("Wrong.", "truncated")))
        self.assertEqual((str(error), error.reason), ("Wrong.", "truncated"))


class ScenesTest(VideoTestCase):
    def save_scenes(self, *lengths):
        scenes = [scene(n, seed=k) for k, n in enumerate(lengths)]
        return save_video(self.folder / "a.mov", np.concatenate(scenes))

    @parameterized.parameters(
        ((20,),),
        ((20, 9, 30),),
        ((3, 3, 4, 3),),
        ((1, 10),),
        ((10, 1),),
        ((1,),),
    )
    def test_one_frame_of_each_scene(self, lengths):
        path = self.save_scenes(*lengths)
        found = list(read_frames(path, scene_cuts=True))
        starts = [0, *itertools.accumulate(lengths)]
        self.assertLen(found, len(lengths))
        every = list(read_frames(path))
        for frame, start, length in zip(found, starts, lengths, strict=False):
            middle = start + (length - 1) / 2
            self.assertLessEqual(abs(frame.number - middle), length / 4 + 0.5)
            self.assertAllEqual(frame.image, every[frame.number].image)
            self.assertEqual(frame.time, every[frame.number].time)

    def test_the_sharpest(self):
        # Of 24 frames, every fourth is kept; 8, 12 and 16 are in the middle.
        frames = scene(24, seed=0)
        noise = np.random.default_rng(0).integers(-9, 9, frames.shape[1:])
        frames[[4, 15]] = np.clip(frames[[4, 15]] + 2 * noise, 0, 255)
        frames[16] = np.clip(frames[16] + noise, 0, 255)
        path = save_video(self.folder / "a.mov", frames)
        chosen = [f.number for f in read_frames(path, scene_cuts=True)]
        self.assertEqual(chosen, [16])

    def test_motion_is_no_cut(self):
        frames = scene(120, seed=0)[::4]
        path = save_video(self.folder / "a.mov", frames)
        self.assertLen(list(read_frames(path, scene_cuts=True)), 1)

    def test_a_flash_is_one_cut(self):
        frames = scene(24, seed=0)
        frames[12] = 255
        path = save_video(self.folder / "a.mov", frames)
        self.assertLen(list(read_frames(path, scene_cuts=True)), 2)

    def test_memory_of_a_long_scene(self):
        # 300 frames of 27 KiB; PyAV's own are not counted.
        path = save_video(
            self.folder / "a.mp4",
            scene(300, seed=0, height=96, width=96),
            codec="mpeg4",
            pixel_format="yuv420p",
        )
        next(read_frames(path, scene_cuts=True))
        for read in (
            lambda: list(read_frames(path, scene_cuts=True)),
            lambda: [clip.number for clip in read_clips(path, 4)],
        ):
            tracemalloc.start()
            read()
            _, peak = tracemalloc.get_traced_memory()
            tracemalloc.stop()
            self.assertLess(peak, 40 * 96 * 96 * 3)
        self.assertLess(MAX_CANDIDATES, 16)


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

    def test_max_side(self):
        path = save_video(self.folder / "a.mov", scene(4, seed=0))
        clip = next(read_clips(path, 2, max_side=32))
        self.assertShape(clip.frames, (2, 24, 32, 3))
        clip = next(read_clips(path, 2, max_side=100))
        self.assertShape(clip.frames, (2, 48, 64, 3))

    def save_folder(self, numbers, seeds=None):
        frames = scene(len(numbers), seed=0)
        for place, number in enumerate(numbers):
            if seeds is not None:
                frames[place] = scene(1, seeds[place])[0]
            path = self.folder / f"frame_{number}.png"
            Image.fromarray(frames[place]).save(path)
        (self.folder / "notes.txt").touch()
        (self.folder / "cover.png").touch()
        return frames

    def test_folder(self):
        # In the order of the numbers, not of the names.
        frames = self.save_folder(range(8, 14))
        clips = list(read_clips(self.folder, 3, frames_per_second=4.0))
        self.assertEqual([clip.number for clip in clips], [8, 11])
        self.assertAllEqual(clips[0].frames, frames[:3])
        self.assertAllEqual(clips[1].frames, frames[3:])
        self.assertAllClose(clips[1].times, [0.75, 1.0, 1.25])

    def test_folder_with_gaps_and_cuts(self):
        self.save_folder([0, 5, 10, 20, 25, 30, 35])
        clips = list(read_clips(self.folder, 3, max_side=32))
        self.assertEqual([clip.number for clip in clips], [0, 20])
        self.assertShape(clips[0].frames, (3, 24, 32, 3))
        self.save_folder(range(8), seeds=[1, 1, 1, 1, 2, 2, 2, 2])
        (self.folder / "frame_35.png").unlink()
        for number in (10, 20, 25, 30):
            (self.folder / f"frame_{number}.png").unlink()
        clips = list(read_clips(self.folder, 3))
        self.assertEqual([clip.number for clip in clips], [0, 4])

    def test_folder_of_one_image(self):
        frames = self.save_folder([7])
        clips = list(read_clips(self.folder, 1))
        self.assertAllEqual(clips[0].frames, frames)
        self.assertAllEqual(
            clips[0].frames[0], read_image(self.folder / "frame_7.png")
        )

    def test_errors(self):
        path = save_video(self.folder / "a.mov", scene(2, seed=0))
        for name in ("num_frames", "stride", "step", "max_side"):
            arguments = {"num_frames": 2, name: 0}
            with self.assertRaisesRegex(
                ValueError, f"`{name}` must be a pos.*Received: {name}=0"
            ):
                read_clips(path, **arguments)
        with self.assertRaisesRegex(ValueError, "`frames_per_second` must be"):
            read_clips(path, 2, frames_per_second=0)
        with self.assertRaisesRegex(FileNotFoundError, "no such file"):
            read_clips(self.folder / "missing", 2)

    def test_errors_of_folders(self):
        with self.assertRaisesRegex(ValueError, "no numbered images.*Received"):
            read_clips(self.folder, 2)
        self.save_folder([1, 2])
        Image.new("RGB", (8, 8)).save(self.folder / "frame_02.png")
        with self.assertRaisesRegex(ValueError, "Two images have the number 2"):
            read_clips(self.folder, 2)
        (self.folder / "frame_02.png").unlink()
        Image.new("RGB", (8, 8)).save(self.folder / "other_3.png")
        with self.assertRaisesRegex(ValueError, "one sequence in a folder"):
            read_clips(self.folder, 2)


@shared
class SharedClipsTest(VideoTestCase):
    @parameterized.parameters(
        "bbb_cartoon", "interior_pan", "person_walk_intel", "street_static"
    )
    def test_each_is_one_scene(self, name):
        path = CLIPS / f"{name}.mp4"
        self.assertLen(list(read_frames(path, scene_cuts=True)), 1)

    def test_cuts_between_them(self):
        # Every 24 frames from one clip to the next.
        frames, names = [], ("bbb_cartoon", "interior_pan", "street_static")
        for name in names:
            reader = read_clips(CLIPS / f"{name}.mp4", 24, max_side=160)
            frames.append(next(reader).frames)
        path = save_video(
            self.folder / "a.mp4",
            np.concatenate(frames),
            codec="mpeg4",
            pixel_format="yuv420p",
        )
        found = [f.number // 24 for f in read_frames(path, scene_cuts=True)]
        self.assertEqual(found, [0, 1, 2])
        clips = [clip.number for clip in read_clips(path, 10)]
        self.assertEqual(clips, [0, 10, 24, 34, 48, 58])
