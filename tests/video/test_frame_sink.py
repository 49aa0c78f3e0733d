import io
import os
import sys
from fractions import Fraction

import av
import numpy as np
from absl.testing import parameterized
from PIL import Image

from keras_comic.video.frame_sink import PacketWriter
from keras_comic.video.frame_sink import Sink
from keras_comic.video.frame_sink import open_sink
from keras_comic.video.frame_sink import write_frames
from keras_comic.video.frame_source import Frame
from keras_comic.video.frame_source import open_frames
from keras_comic.video.packet import Packet
from tests.data.videos import scene
from tests.test_case import TestCase

SUFFIXES = (
    ".mp4 .m4v .mov .mkv .webm .avi .ts .flv .mpg .wmv .gif .webp .png".split()
)


def timed(images, times):
    return [
        Frame(number, time, image, number == 0)
        for number, (image, time) in enumerate(zip(images, times))
    ]


class WriteFramesTest(TestCase, parameterized.TestCase):
    def setUp(self):
        super().setUp()
        self.folder = self.temporary_folder()

    def read(self, path):
        source = open_frames(path, scene_cuts=False)
        frames = list(source)
        return source, frames, np.stack([f.image for f in frames])

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

    @parameterized.parameters(".mp4", ".mkv", ".webm", ".mov", ".ts", ".avi")
    def test_colours(self, suffix):
        # Saturated colours show a wrong matrix or range at once.
        colors = np.array(
            [(255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255)]
            + [(0, 0, 0), (40, 200, 90), (255, 128, 0), (128, 128, 128)],
            "uint8",
        )
        frame = colors.reshape(2, 4, 3).repeat(32, 0).repeat(32, 1)
        path = self.folder / f"a{suffix}"
        write_frames([frame] * 3, path, 25)
        _, _, images = self.read(path)
        middles = images[1, 16::32, 16::32].astype("int64")
        difference = np.abs(middles - frame[16::32, 16::32]).max()
        self.assertLess(difference, 4)
        if suffix == ".avi":
            return
        with av.open(str(path)) as container:
            context = container.streams.video[0].codec_context
            self.assertEqual(context.colorspace, 1)
            if suffix != ".webm":
                self.assertEqual(context.color_primaries, 1)
                self.assertEqual(context.color_trc, 1)
            self.assertEqual(context.color_range, 1)

    @parameterized.parameters(".mp4", ".mkv", ".webm", ".ts", ".flv", ".png")
    def test_variable_frame_rate(self, suffix):
        times = [0, 0.04, 0.2, 0.24, 0.5, 0.54, 0.58, 1.0]
        path = self.folder / f"a{suffix}"
        frames = timed(scene(8, seed=0), times)
        write_frames(frames, path, 25, time_base=Fraction(1, 1000))
        _, found, _ = self.read(path)
        self.assertAllClose([f.time for f in found], times, atol=2e-3)

    def test_constant_rate_of_avi(self):
        times = [0, 0.04, 0.05, 0.2, 0.24]
        path = self.folder / "a.avi"
        frames = timed(scene(5, seed=0), times)
        write_frames(frames, path, 25, time_base=Fraction(1, 1000))
        _, found, _ = self.read(path)
        # The third comes half a frame too early, and is left out.
        self.assertAllClose([f.time for f in found], [0, 0.04, 0.2, 0.24])

    @parameterized.parameters(
        (".mp4", (1, 1), (2, 2)),
        (".mp4", (33, 21), (34, 22)),
        (".mkv", (33, 22), (34, 22)),
        (".webm", (33, 21), (33, 21)),
        (".webm", (1, 1), (1, 1)),
        (".avi", (33, 21), (34, 22)),
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

    @parameterized.parameters((64, 48), (128, 48), (40, 32))
    def test_same_frames_give_the_same_packets(self, width, height):
        frames = scene(10, seed=0, height=height, width=width)
        found = set()
        for _ in range(8):
            sink = open_sink("a.mp4", (width, height), 25)
            encoder, packets = sink.make_encoder(), []
            for number, frame in enumerate(frames):
                packets += encoder.encode(frame, number)
            found.add(tuple(packets + encoder.finish()))
        self.assertLen(found, 1)

    def test_lossless(self):
        frames = scene(4, seed=0)
        path = self.folder / "a.mkv"
        write_frames(frames, path, 25, codec="ffv1")
        self.assertAllEqual(self.read(path)[2], frames)

    def test_options(self):
        frames = scene(4, seed=0)
        sizes = []
        for crf in (10, 45):
            path = self.folder / f"{crf}.mp4"
            write_frames(frames, path, 25, codec_options={"crf": crf})
            sizes.append(path.stat().st_size)
        self.assertGreater(sizes[0], 1.2 * sizes[1])

    def test_mp4_begins_with_its_contents(self):
        path = self.folder / "a.mp4"
        write_frames(scene(4, seed=0), path, 25)
        contents = path.read_bytes()
        self.assertLess(contents.index(b"moov"), contents.index(b"mdat"))

    def test_folder(self):
        frames = scene(3, seed=0)
        path = self.folder / "frames"
        write_frames(timed(frames, [0, 0.1, 0.4]), path, 10)
        self.assertEqual(
            sorted(os.listdir(path)),
            [f"frame_00000{k}.png" for k in range(3)] + ["frames.ffconcat"],
        )
        self.assertAllEqual(self.read(path)[2], frames)
        text = (path / "frames.ffconcat").read_text()
        self.assertEqual(
            [line for line in text.splitlines() if "duration" in line],
            ["duration 0.100000", "duration 0.300000", "duration 0.100000"],
        )

    def test_raw_frames(self):
        frames = scene(3, seed=0)
        before, sys.stdout = sys.stdout, io.TextIOWrapper(io.BytesIO())
        try:
            write_frames(frames, "-", 25)
            written = sys.stdout.buffer.getvalue()
        finally:
            sys.stdout = before
        self.assertEqual(written, frames.tobytes())

    def test_dense_frames_of_a_gif(self):
        path = self.folder / "a.gif"
        count = write_frames(scene(60, seed=0), path, 60)
        self.assertBetween(count, 40, 51)
        source, found, _ = self.read(path)
        self.assertAllClose(source.end_time, 1.0, atol=0.03)
        self.assertGreaterEqual(
            np.diff([frame.time for frame in found]).min(), 0.0199
        )

    def test_source(self):
        # Times and rate of what is read.
        first = self.folder / "a.mkv"
        frames = timed(scene(4, seed=0), [0, 0.1, 0.4, 0.5])
        write_frames(frames, first, 10, time_base=Fraction(1, 1000))
        source = open_frames(first, scene_cuts=False)
        write_frames(source, self.folder / "b.mp4")
        _, found, _ = self.read(self.folder / "b.mp4")
        self.assertAllClose([f.time for f in found], [0, 0.1, 0.4, 0.5])

    def test_pieces_are_joined(self):
        # As one, with frames that are shown in another order than decoded.
        frames = scene(30, seed=0)
        path = self.folder / "a.mp4"
        sink = open_sink(path, (64, 48), 25, Fraction(1, 12800))
        pieces, last = [], None
        for start in range(0, 30, 10):
            encoder, packets = sink.make_encoder(), []
            for number in range(start, start + 10):
                last = sink.place(number / 25, last)
                packets += encoder.encode(frames[number], last)
            pieces.append(packets + encoder.finish())
        with sink.open(path) as file:
            writer = PacketWriter(file)
            for packets in pieces:
                for ticks in sorted(packet.pts for packet in packets):
                    writer.show(ticks)
                writer.add(packets)
            writer.finish(sink.end(30 / 25, last))
        self.assertTrue(any(p.pts != p.dts for p in pieces[0]))
        with av.open(str(path)) as container:
            stream = container.streams.video[0]
            self.assertEqual(stream.frames, 30)
            self.assertAllClose(
                float(stream.duration * stream.time_base), 1.2, atol=1e-3
            )
            dts = [p.dts for p in container.demux(stream) if p.dts is not None]
            self.assertTrue(np.all(np.diff(dts) > 0))
        _, found, images = self.read(path)
        self.assertAllClose([f.time for f in found], np.arange(30) / 25)
        error = np.abs(images.astype("float64") - frames).mean()
        self.assertLess(error, 3)

    def test_times(self):
        sink = Sink(Fraction(1, 100))
        self.assertEqual(sink.place(0.5, None), 50)
        self.assertEqual(sink.place(0.52, 50), 52)
        self.assertEqual(sink.place(0.5, 50), 51)
        self.assertEqual(sink.end(0.5, 51), 52)
        sink = Sink(Fraction(1, 100), min_ticks=2, drops=True)
        self.assertEqual(sink.place(0.51, 50), 52)
        self.assertIsNone(sink.place(0.50, 50))

    def test_what_fails_leaves_nothing(self):
        frames = [np.zeros((8, 8, 3), "uint8"), np.zeros((8, 9, 3), "uint8")]
        for name in ("a.mp4", "a.gif", "folder"):
            with self.assertRaisesRegex(ValueError, "same size, 8 x 8"):
                write_frames(frames, self.folder / name, 25)
            self.assertEqual(os.listdir(self.folder), [])

    def test_errors(self):
        frames = scene(2, seed=0)
        with self.assertRaisesRegex(ValueError, "must end in one of.*a.doc"):
            write_frames(frames, self.folder / "a.doc", 25)
        with self.assertRaisesRegex(ValueError, "no such encoder.*codec=h2"):
            write_frames(frames, self.folder / "a.mp4", 25, codec="h2")
        with self.assertRaisesRegex(ValueError, "cannot be encoded.*libx264"):
            write_frames(frames, self.folder / "a.webm", 25, codec="libx264")
        with self.assertRaisesRegex(ValueError, "`codec` is for video files"):
            write_frames(frames, self.folder / "a.gif", 25, codec="gif")
        with self.assertRaisesRegex(ValueError, "GIF has no options"):
            write_frames(
                frames, self.folder / "a.gif", 25, codec_options={"a": 1}
            )
        with self.assertRaisesRegex(ValueError, "`frame_rate` must be a pos"):
            write_frames(frames, self.folder / "a.mp4")
        with self.assertRaisesRegex(ValueError, "There is no frame to write"):
            write_frames([], self.folder / "a.mp4", 25)
        with self.assertRaisesRegex(ValueError, "must be uint8.*float32"):
            write_frames(frames.astype("float32"), self.folder / "a.mp4", 25)
        with self.assertRaisesRegex(ValueError, "at most 16383 pixels"):
            open_sink("a.webp", (20000, 10), 25)


class PacketWriterTest(TestCase):
    def test_durations(self):
        class File:
            def __init__(self):
                self.added = []

            def add(self, packet, duration):
                self.added.append((packet.pts, duration))

        file = File()
        writer = PacketWriter(file)
        for ticks in (0, 3, 5, 9):
            writer.show(ticks)
        writer.add([Packet(b"", pts, 0, True) for pts in (0, 5, 3, 9)])
        self.assertEqual(file.added, [(0, 3), (5, 4), (3, 2)])
        writer.finish(12)
        self.assertEqual(file.added[-1], (9, 3))


class PictureTest(TestCase):
    def test_png_is_a_picture_for_all(self):
        # Programs that know no APNG show the first frame.
        path = self.temporary_folder() / "a.png"
        frames = scene(2, seed=0)
        write_frames(frames, path, 10)
        with Image.open(io.BytesIO(path.read_bytes())) as picture:
            self.assertEqual(picture.format, "PNG")
            self.assertAllEqual(np.asarray(picture), frames[0])
