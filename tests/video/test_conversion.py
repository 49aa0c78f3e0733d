import io
import os
import random
import signal
import subprocess
import sys
import time
import tracemalloc

import av
import numpy as np
import pytest
from absl.testing import parameterized
from PIL import Image

from keras_comic.data.video_reader import VideoError
from keras_comic.provenance.metadata import Provenance
from keras_comic.provenance.metadata import read_provenance
from keras_comic.provenance.watermark import embed_watermark
from keras_comic.provenance.watermark import read_watermark
from keras_comic.video import conversion
from keras_comic.video.conversion import convert_video
from keras_comic.video.frame_sink import write_frames
from keras_comic.video.frame_source import open_frames
from keras_comic.video.frame_stylizer import FrameStylizer
from tests.data.videos import save_sound
from tests.data.videos import save_video
from tests.data.videos import scene
from tests.provenance.test_watermark import sample
from tests.test_case import ROOT
from tests.test_case import TestCase
from tests.video.clips import Negative
from tests.video.clips import Shifted
from tests.video.clips import Trail
from tests.video.clips import duration_of
from tests.video.clips import save_with_sound
from tests.video.clips import times_of


class Interrupted(Exception):
    pass


class ConvertVideoTest(TestCase, parameterized.TestCase):
    def setUp(self):
        super().setUp()
        self.folder = self.temporary_folder()
        before = conversion.PIECE_FRAMES
        self.addCleanup(setattr, conversion, "PIECE_FRAMES", before)
        conversion.PIECE_FRAMES = 10

    def images(self, path):
        frames = open_frames(path, scene_cuts=False)
        return np.stack([frame.image for frame in frames])

    def save(self, num_frames=34, name="in.mkv"):
        # Two scenes, without loss.
        half = num_frames // 2
        frames = np.concatenate(
            [scene(half, seed=0), scene(num_frames - half, seed=1)]
        )
        path = self.folder / name
        write_frames(frames, path, 25, codec="ffv1")
        return path, frames

    def stylized(self, frames, starts=(0, 17)):
        trail = Trail()
        return np.stack(
            [trail.stylize(f, k in starts) for k, f in enumerate(frames)]
        )

    def test_stylizes_every_frame(self):
        path, frames = self.save()
        calls = []
        done = convert_video(
            path,
            self.folder / "out.png",
            Trail(),
            progress=lambda *numbers: calls.append(numbers),
        )
        self.assertEqual(done.output, self.folder / "out.png")
        self.assertEqual((done.num_frames, done.num_resumed), (34, 0))
        self.assertEqual((done.share, done.problem, done.tracks), (1, None, []))
        found = self.images(done.output)
        self.assertAllEqual(found, self.stylized(frames))
        self.assertEqual(calls, [(k, 34) for k in range(1, 35)])
        self.assertCountEqual(os.listdir(self.folder), ["in.mkv", "out.png"])

    def test_compare(self):
        path, frames = self.save()
        done = convert_video(
            path, self.folder / "out.png", Negative(), compare=True
        )
        found = self.images(done.output)
        self.assertAllEqual(found, np.concatenate([frames, 255 - frames], 2))

    @parameterized.parameters(
        "b.mp4", "b.webm", "b.gif", "b.webp", "b.png", "b"
    )
    def test_outputs(self, name):
        path, frames = self.save(24)
        done = convert_video(path, self.folder / name, Negative())
        found = open_frames(done.output, frame_rate=25 if name == "b" else None)
        found = list(found)
        self.assertLen(found, 24)
        self.assertAllClose([f.time for f in found], np.arange(24) / 25)
        images = np.stack([frame.image for frame in found])
        error = np.abs(images.astype("float64") - (255 - frames)).mean()
        self.assertLess(error, 5 if name == "b.gif" else 3)
        self.assertCountEqual(os.listdir(self.folder), ["in.mkv", name])

    def test_variable_frame_rate_is_kept(self):
        ticks = [0, 1, 4, 5, 9, 10, 11, 30, 31, 32, 40, 45, 46]
        path = save_video(self.folder / "a.mov", scene(13, seed=0), ticks=ticks)
        done = convert_video(path, self.folder / "b.mp4", Negative())
        found = [frame.time for frame in open_frames(done.output)]
        self.assertAllClose(found, np.array(ticks) / 10)

    def test_sound(self):
        path = save_with_sound(self.folder / "a.mp4", scene(25, seed=0))
        for name, report in (
            ("b.mp4", "aac, copied"),
            ("b.gif", "left out: aac"),
        ):
            done = convert_video(path, self.folder / name, Negative())
            self.assertEqual(done.tracks, [report])
        target = self.folder / "b.mp4"
        self.assertAllClose(times_of(target)[1], 0.4, atol=1 / 25)
        for kind in ("video", "audio"):
            self.assertAllClose(
                duration_of(target, kind), duration_of(path, kind), atol=1 / 25
            )
        done = convert_video(path, target, Negative(), False, overwrite=True)
        done = convert_video(
            path, self.folder / "c.mp4", Negative(), sound=False
        )
        self.assertEqual(done.tracks, [])
        with av.open(str(done.output)) as container:
            self.assertLen(container.streams, 1)

    def test_several_runs_at_once(self):
        path, frames = self.save(8)
        output = self.folder / "out.png"

        class Second(Trail):
            def stylize(stylizer, frame, starts_scene=False):
                with self.assertRaisesRegex(
                    ValueError, "Another run is writing.*out.png"
                ):
                    convert_video(path, output, Negative(), resume=True)
                return super().stylize(frame, starts_scene)

        done = convert_video(path, output, Second())
        self.assertEqual((done.num_frames, done.problem), (8, None))
        self.assertAllEqual(self.images(output), self.stylized(frames, [0, 4]))
        self.assertCountEqual(os.listdir(self.folder), ["in.mkv", "out.png"])
        # What a killed run left locks nothing.
        lock = self.folder / "out.png.lock"
        lock.touch()
        convert_video(path, output, Trail(), overwrite=True)
        self.assertFalse(lock.exists())

    def test_long_name(self):
        path, _ = self.save(4)
        output = self.folder / ("é" * 125 + ".png")
        self.assertEqual(convert_video(path, output, Trail()).num_frames, 4)
        self.assertCountEqual(os.listdir(self.folder), ["in.mkv", output.name])

    @parameterized.parameters("a.mkv", "a.mp4")
    def test_truncated(self, name):
        path = save_with_sound(
            self.folder / "whole.mkv", scene(75, seed=0, height=96), seconds=3.0
        )
        # Of an MP4, the table of contents comes first.
        path = convert_video(path, self.folder / name, Negative()).output
        contents = path.read_bytes()
        path.write_bytes(contents[: len(contents) * 6 // 10])
        done = convert_video(path, self.folder / "b.mp4", Negative())
        self.assertBetween(done.num_frames, 10, 70)
        self.assertRegex(done.problem, "cut off")
        video = duration_of(done.output, "video")
        self.assertAllClose(video, done.num_frames / 25, atol=1 / 25)
        # Of the sound, what stands before the break, and no more.
        audio = duration_of(done.output, "audio")
        self.assertBetween(audio, video - 0.25, video + 0.05)

    def test_part(self):
        path = save_with_sound(self.folder / "a.mp4", scene(25, seed=0))
        frames = open_frames(path, max_frames=15)
        done = convert_video(frames, self.folder / "b.mp4", Negative())
        self.assertEqual((done.num_frames, done.problem), (15, None))
        self.assertAllClose(duration_of(done.output, "video"), 0.6)
        self.assertAllClose(duration_of(done.output, "audio"), 0.6, atol=1 / 25)

    def test_first_pass(self):
        path, frames = self.save()
        stylizer = Shifted()
        done = convert_video(path, self.folder / "out.png", stylizer)
        # Every eighth, and the first of each scene.
        self.assertEqual(stylizer.seen, [0, 8, 16, 17, 24, 32])
        mean = np.mean([frames[k].mean() for k in stylizer.seen])
        expected = frames // 2 + int(mean) // 2
        self.assertAllEqual(self.images(done.output), expected)

    @parameterized.parameters("out.mkv", "out.gif", "out")
    def test_resumed(self, name):
        path, frames = self.save(57)
        starts = (0, 28)
        for count in (3, 13, 27):
            stylizer, calls = Trail(), []

            def progress(done, total, count=count, calls=calls):
                calls.append(done)
                if len(calls) == count:
                    raise Interrupted

            with self.assertRaises(Interrupted):
                convert_video(
                    path,
                    self.folder / name,
                    stylizer,
                    resume=True,
                    progress=progress,
                )
            self.assertFalse((self.folder / name).exists())
            self.assertTrue((self.folder / f"{name}.parts").is_dir())
        done = convert_video(path, self.folder / name, Trail(), resume=True)
        self.assertEqual((done.num_frames, done.num_resumed), (57, 30))
        whole = convert_video(path, self.folder / f"whole{name}", Trail())
        self.assertAllEqual(self.images(done.output), self.images(whole.output))
        if name == "out":
            self.assertAllEqual(
                self.images(done.output), self.stylized(frames, starts)
            )

    def test_resumed_behind_the_first_pass(self):
        path, _ = self.save()

        def interrupt(done, total):
            raise Interrupted

        for _ in range(2):
            stylizer = Shifted()
            with self.assertRaises(Interrupted):
                convert_video(
                    path,
                    self.folder / "b.mkv",
                    stylizer,
                    resume=True,
                    progress=interrupt,
                )
        # The second time, what the first has found is taken.
        self.assertEqual(stylizer.seen, [])
        done = convert_video(
            path, self.folder / "b.mkv", Shifted(), resume=True
        )
        whole = convert_video(path, self.folder / "c.mkv", Shifted())
        self.assertAllEqual(self.images(done.output), self.images(whole.output))

    def interrupt_at(self, path, output, count, **options):
        def progress(done, total):
            if done == count:
                raise Interrupted

        with self.assertRaises(Interrupted):
            convert_video(path, output, Trail(), progress=progress, **options)

    def test_unfinished_work_of_something_else(self):
        path, _ = self.save()
        output = self.folder / "b.mkv"
        self.interrupt_at(path, output, 15)
        with self.assertRaisesRegex(ValueError, "Go on with it by `resume="):
            convert_video(path, output, Trail())
        other = Trail()
        other.describe = lambda: {"style": "wash"}
        for stylizer, compare, name in (
            (other, False, "key"),
            (Trail(), True, "compare"),
            (Negative(), False, "stylizer"),
        ):
            with self.assertRaisesRegex(ValueError, f"of something.*{name}="):
                convert_video(path, output, stylizer, compare, resume=True)
        os.utime(path, (1, 1))
        with self.assertRaisesRegex(ValueError, "of something else.*source="):
            convert_video(path, output, Trail(), resume=True)

    def test_file_that_changes(self):
        path, _ = self.save()

        def change(done, total):
            if done == 5:
                with open(path, "ab") as file:
                    file.write(b"more")

        with self.assertRaisesRegex(VideoError, "changed while.*in.mkv"):
            convert_video(
                path, self.folder / "b.mp4", Negative(), progress=change
            )
        self.assertFalse((self.folder / "b.mp4").exists())

    def test_folders_and_animations(self):
        frames = scene(5, seed=0)
        for number, frame in enumerate(frames):
            Image.fromarray(frame).save(self.folder / f"{number}.png")
        source = open_frames(self.folder, frame_rate=10)
        output = self.temporary_folder() / "a.png"
        convert_video(source, output, Negative())
        self.assertAllEqual(self.images(output), 255 - frames)
        folder = self.temporary_folder()
        done = convert_video(output, folder, Negative())
        self.assertAllEqual(self.images(done.output), frames)
        with self.assertRaisesRegex(FileExistsError, "`overwrite=True`"):
            convert_video(output, folder, Negative())
        convert_video(output, folder, Trail(), overwrite=True)
        self.assertAllEqual(
            self.images(folder), self.stylized(255 - frames, (0,))
        )
        (folder / "letter.txt").touch()
        with self.assertRaisesRegex(ValueError, "other files.*letter.txt"):
            convert_video(output, folder, Trail(), overwrite=True)
        self.assertLen(list(folder.iterdir()), 7)

    def test_raw_frames(self):
        frames = scene(4, seed=0)
        source = open_frames(io.BytesIO(frames.tobytes()), (64, 48), 10)
        output = self.folder / "a.png"
        convert_video(source, output, Negative())
        self.assertAllEqual(self.images(output), 255 - frames)
        source = open_frames(io.BytesIO(frames.tobytes()), (64, 48), 10)
        output = self.folder / "b.mkv"
        with self.assertRaisesRegex(ValueError, "cannot be gone on with"):
            convert_video(source, output, Negative(), resume=True)
        with self.assertRaisesRegex(ValueError, "looks at the whole video"):
            convert_video(source, output, Shifted())

    def test_raw_frames_to_standard_output(self):
        path, frames = self.save(6)
        before, sys.stdout = sys.stdout, io.TextIOWrapper(io.BytesIO())
        try:
            done = convert_video(path, "-", Negative())
            written = sys.stdout.buffer.getvalue()
        finally:
            sys.stdout = before
        self.assertEqual((done.output, done.num_frames), ("-", 6))
        self.assertEqual(written, (255 - frames).tobytes())

    def test_memory(self):
        # 300 frames; of the later ones no more is held than of the first.
        path = self.folder / "a.mkv"
        frames = np.tile(scene(10, seed=0, height=96, width=96), (30, 1, 1, 1))
        write_frames(frames, path, 25, codec="ffv1")
        del frames
        peaks = []

        def progress(done, total):
            if done in (100, 300):
                peaks.append(tracemalloc.get_traced_memory()[1])

        tracemalloc.start()
        convert_video(path, self.folder / "b.mp4", Trail(), progress=progress)
        tracemalloc.stop()
        self.assertLess(peaks[1], 1.05 * peaks[0] + 3 * 96 * 96 * 3)
        self.assertLess(peaks[1], 60 * 96 * 96 * 3)

    @pytest.mark.skipif(
        not hasattr(os, "geteuid") or os.geteuid() != 0,
        reason="only root makes a small disk",
    )
    def test_full_disk(self):
        path = self.folder / "a.mkv"
        noise = np.random.default_rng(0).integers(0, 256, (60, 64, 64, 3))
        write_frames(noise.astype("uint8"), path, 25, codec="ffv1")
        disk = self.folder / "disk"
        disk.mkdir()
        command = ["mount", "-t", "tmpfs", "-o", "size=500k", "none", disk]
        if subprocess.run(command, capture_output=True).returncode:
            self.skipTest("no small disk can be made here")
        self.addCleanup(subprocess.run, ["umount", "-l", disk])
        output = disk / "b"

        def enlarge(size):
            subprocess.run(
                ["mount", "-o", f"remount,size={size}", disk], check=True
            )

        with self.assertRaisesRegex(
            OSError, r"disk is full. 30 frames are kept in .*b.parts"
        ):
            convert_video(path, output, Negative())
        # Enough for the pieces, but not for the file.
        enlarge("1200k")
        for _ in range(2):
            with self.assertRaisesRegex(
                OSError, "disk is full. 60 frames are kept"
            ):
                convert_video(path, output, Negative(), resume=True)
            self.assertEqual(os.listdir(disk), ["b.parts"])
        enlarge("4m")
        done = convert_video(path, output, Negative(), resume=True)
        self.assertEqual((done.num_frames, done.num_resumed), (60, 60))
        self.assertAllEqual(self.images(output), 255 - noise)

    def test_stylizer_of_another_size(self):
        class Half(FrameStylizer):
            def stylize(self, frame, starts_scene=False):
                return frame[::2, ::2]

        path, _ = self.save(3)
        with self.assertRaisesRegex(ValueError, "`Half` must return frames"):
            convert_video(path, self.folder / "b.mp4", Half())

    def test_errors(self):
        path, _ = self.save(3)
        with self.assertRaisesRegex(FileNotFoundError, "source=missing.mp4"):
            convert_video("missing.mp4", self.folder / "b.mp4", Negative())
        with self.assertRaisesRegex(ValueError, "must be another file"):
            convert_video(path, path, Negative(), overwrite=True)
        with self.assertRaisesRegex(FileExistsError, "there already"):
            convert_video(path, path, Negative())
        with self.assertRaisesRegex(ValueError, "must end in one of"):
            convert_video(path, self.folder / "b.doc", Negative())
        silent = save_sound(self.folder / "sound.mp4")
        with self.assertRaisesRegex(VideoError, "no video stream"):
            convert_video(silent, self.folder / "b.mp4", Negative())
        empty = self.folder / "empty.mp4"
        with av.open(str(empty), "w") as container:
            stream = container.add_stream("libx264", rate=25)
            stream.width = stream.height = 32
            container.start_encoding()
        with self.assertRaisesRegex(VideoError, "video"):
            convert_video(empty, self.folder / "b.mp4", Negative())
        self.assertNotIn("b.mp4", os.listdir(self.folder))


CHILD = """
import sys
from keras_comic.video import conversion
from tests.video.clips import Trail
conversion.PIECE_FRAMES = 10
print("begun", flush=True)
conversion.convert_video(sys.argv[1], sys.argv[2], Trail(), resume=True)
"""


@pytest.mark.slow
class KilledTest(TestCase):
    def test_killed_ten_times(self):
        folder = self.temporary_folder()
        path = folder / "a.mp4"
        frames = np.concatenate(
            [scene(110, seed=k, height=128, width=160) for k in range(3)]
        )
        write_frames(frames, path, 25)
        whole, output = folder / "whole.mp4", folder / "b.mp4"

        def begin(target):
            child = subprocess.Popen(
                [sys.executable, "-c", CHILD, path, target],
                cwd=ROOT,
                stdout=subprocess.PIPE,
            )
            self.addCleanup(child.stdout.close)
            child.stdout.readline()
            return child

        child = begin(whole)
        start = time.monotonic()
        self.assertEqual(child.wait(), 0)
        seconds = time.monotonic() - start
        moments, kept = random.Random(0), []
        for _ in range(10):
            child = begin(output)
            time.sleep(moments.uniform(0, seconds / 8))
            child.send_signal(signal.SIGKILL)
            self.assertEqual(child.wait(), -signal.SIGKILL)
            self.assertFalse(output.exists())
            parts = folder / "b.mp4.parts"
            kept.append(len(list(parts.glob("segment_*"))))
        self.assertEqual(kept, sorted(kept))
        self.assertEqual(begin(output).wait(), 0)
        self.assertGreater(max(kept), 2)
        self.assertEqual(output.read_bytes(), whole.read_bytes())
        first = [f.image for f in open_frames(whole, scene_cuts=False)]
        second = [f.image for f in open_frames(output, scene_cuts=False)]
        self.assertEqual(len(first), len(frames))
        self.assertAllEqual(np.stack(first), np.stack(second))


class Stated(Negative):
    provenance = Provenance("ink", "1")

    def __init__(self, watermark=None):
        self.watermark = watermark


class ProvenanceTest(TestCase, parameterized.TestCase):
    def setUp(self):
        super().setUp()
        self.folder = self.temporary_folder()
        self.source = self.folder / "in.mkv"
        write_frames(scene(4, 0), self.source, 25, codec="ffv1")

    def convert(self, name, stylizer=None, **options):
        output = self.folder / name
        convert_video(self.source, output, stylizer or Stated(), **options)
        return output

    def images(self, path):
        frames = open_frames(path, scene_cuts=False)
        return np.stack([frame.image for frame in frames])

    @parameterized.parameters(
        "a.mp4", "a.mov", "a.mkv", "a.webm", "a.gif", "a.webp", "a.png"
    )
    def test_is_stated(self, name):
        stated = self.convert(name)
        self.assertEqual(read_provenance(stated), Stated().provenance)
        plain = self.convert(f"plain.{name}", Negative())
        self.assertIsNone(read_provenance(plain))
        self.assertAllEqual(self.images(stated), self.images(plain))
        again = self.convert(f"again.{name}")
        self.assertEqual(again.read_bytes(), stated.read_bytes())

    def test_folder_of_frames(self):
        folder = self.convert("frames")
        paths = sorted(folder.glob("*.png"))
        self.assertLen(paths, 4)
        for path in paths:
            self.assertEqual(read_provenance(path), Stated().provenance)
        self.assertAllEqual(self.images(folder), 255 - scene(4, 0))

    @parameterized.parameters("a.mp4", "a.webp")
    def test_resumed_video_is_the_same(self, name):
        before = conversion.PIECE_FRAMES
        self.addCleanup(setattr, conversion, "PIECE_FRAMES", before)
        conversion.PIECE_FRAMES = 1
        whole = self.convert(f"whole.{name}")

        def interrupt(done, total):
            if done == 2:
                raise Interrupted

        with self.assertRaises(Interrupted):
            self.convert(name, progress=interrupt)
        path = self.convert(name, resume=True)
        self.assertEqual(path.read_bytes(), whole.read_bytes())

    def test_watermark(self):
        frames = np.stack(
            [np.roll(sample("coffee", 256, 288), k, 1) for k in range(3)]
        )
        write_frames(frames, self.source, 25, codec="ffv1")
        path = self.convert("a.mp4", Stated(0xC0FFEE))
        # At this size, H.264 may lose it in frames that are no key frames.
        self.assertEqual(read_watermark(self.images(path)[0]), 0xC0FFEE)
        path = self.convert("b.png", Stated(1))
        for image, frame in zip(self.images(path), frames):
            self.assertAllEqual(image, embed_watermark(255 - frame, 1))
        with self.assertRaisesRegex(ValueError, "identifier must be"):
            self.convert("c.mp4", Stated(-1))
        write_frames(scene(2, 0, 64, 64), self.source, 25, codec="ffv1")
        with self.assertRaisesRegex(ValueError, "at least 128.*64 x 64"):
            self.convert("c.mp4", Stated(1))
