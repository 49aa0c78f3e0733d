from fractions import Fraction

import av
import numpy as np
from absl.testing import parameterized

from keras_comic.video.frame_sink import open_sink
from keras_comic.video.frame_sink import write_frames
from keras_comic.video.sink import PacketWriter
from tests.data.videos import scene
from tests.video.sink_test_case import SinkTestCase


class VideoSinkTest(SinkTestCase):
    @parameterized.parameters(".mp4", ".mkv", ".webm", ".mov", ".ts")
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
        with av.open(str(path)) as container:
            context = container.streams.video[0].codec_context
            self.assertEqual(context.colorspace, 1)
            if suffix != ".webm":
                self.assertEqual(context.color_primaries, 1)
                self.assertEqual(context.color_trc, 1)
            self.assertEqual(context.color_range, 1)

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

    def test_mp4_begins_with_its_contents(self):
        path = self.folder / "a.mp4"
        write_frames(scene(4, seed=0), path, 25)
        contents = path.read_bytes()
        self.assertLess(contents.index(b"moov"), contents.index(b"mdat"))

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
