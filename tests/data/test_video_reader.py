import os
import tempfile
from fractions import Fraction

import av
import numpy as np
from absl.testing import parameterized
from PIL import Image

from keras_comic.data.video_frames import read_clips
from keras_comic.data.video_frames import read_frames
from keras_comic.data.video_reader import VideoReader
from tests.data.videos import VideoTestCase
from tests.data.videos import save_video
from tests.data.videos import scene
from tests.data.videos import set_display_matrix


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

    def test_variable_frame_rate(self):
        ticks = [0, 1, 4, 5, 9]
        path = save_video(
            self.folder / "a.mov", scene(5, seed=0), ticks=ticks, rate=10
        )
        times = [f.time for f in read_frames(path)]
        self.assertEqual(times, [tick / 10 for tick in ticks])

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
        (b"RIFF\xff\0\0\0AVI LIST", "unreadable", "cannot be opened"),
        (b"GIF89a\x10\0\x10\0\xf7\0\0", "unreadable", ""),
        (b"\x1aE\xdf\xa3\x93BB", "unreadable", "cannot be"),
    )
    def test_what_is_no_video(self, contents, reason, message):
        path = self.folder / "a.mp4"
        path.write_bytes(contents)
        self.check(path, reason, message)

    @parameterized.parameters(
        ("a.avi", "mpeg4"), ("a.mkv", "mpeg4"), ("a.webm", "libvpx-vp9")
    )
    def test_truncated(self, name, codec):
        path = save_video(
            self.folder / name,
            scene(20, seed=0),
            codec=codec,
            pixel_format="yuv420p",
        )
        contents = path.read_bytes()
        whole = [frame.image for frame in read_frames(path)]
        path.write_bytes(contents[: len(contents) * 9 // 10])
        frames, error = self.read_with_error(read_frames(path))
        self.assertEqual(error.reason, "truncated")
        self.assertRegex(str(error), r"its last 0\.\d seconds are missing")
        self.assertGreater(len(frames), 10)
        for frame, image in zip(frames[:-1], whole, strict=False):
            self.assertAllEqual(frame.image, image)
        for tenth in range(1, 9):
            path.write_bytes(contents[: len(contents) * tenth // 10])
            self.read_with_error(read_frames(path))

    @parameterized.parameters("png", "jpeg", "tiff")
    def test_pictures(self, image_format):
        path = self.folder / "a.mp4"
        Image.fromarray(scene(1, seed=0)[0]).save(path, format=image_format)
        self.check(path, "not a video", "holds no video but")

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
