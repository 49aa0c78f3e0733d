import io
import struct

import numpy as np
from absl.testing import parameterized

from keras_comic.provenance import video_containers
from keras_comic.provenance.video_containers import append_packet
from keras_comic.provenance.video_containers import find_packet

PACKET = b"<x:xmpmeta>" + bytes(range(97, 123)) * 30 + b"</x:xmpmeta>"


def encoded_video(name, comment=None, num_frames=3):
    import av

    file = io.BytesIO()
    with av.open(file, "w", name, options={"fflags": "+bitexact"}) as container:
        if comment is not None:
            container.metadata["comment"] = comment
        codec = "libvpx-vp9" if name == "webm" else "mpeg4"
        if name in ("flv", "asf"):
            codec = {"flv": "flv", "asf": "wmv2"}[name]
        stream = container.add_stream(codec, rate=10)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for i in range(num_frames):
            image = np.full((48, 64, 3), 60 * i, "uint8")
            frame = av.VideoFrame.from_ndarray(image, "rgb24")
            frame.pts = i
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return file.getvalue()


def frames(contents):
    import av

    with av.open(io.BytesIO(contents)) as container:
        return [f.to_ndarray(format="rgb24") for f in container.decode(video=0)]


def appended(contents, packet=PACKET):
    file = io.BytesIO(contents)
    append_packet(file, packet)
    return file.getvalue()


class VideoContainersTest(parameterized.TestCase):
    @parameterized.parameters("mp4", "mov")
    def test_ffmpeg_reads_it(self, name):
        import av

        contents = encoded_video(name)
        self.assertTrue(video_containers.is_video(contents))
        said = appended(contents)
        self.assertTrue(said.startswith(contents))
        options = {"export_xmp": "1"}
        with av.open(io.BytesIO(said), options=options) as container:
            self.assertEqual(container.metadata["xmp"], PACKET.decode())
        np.testing.assert_array_equal(frames(said), frames(contents))
        self.assertEqual(find_packet(io.BytesIO(said)), PACKET)
        self.assertIsNone(find_packet(io.BytesIO(contents)))

    def test_replaces(self):
        said = appended(appended(encoded_video("mp4")), b"<new/>")
        self.assertEqual(find_packet(io.BytesIO(said)), b"<new/>")
        self.assertLen(frames(said), 3)

    def test_last_box_of_any_size(self):
        contents = encoded_video("mp4")
        boxes = list(video_containers._boxes(io.BytesIO(contents)))
        kind, start, _, end = boxes[-1]
        open_ended = contents[:start] + bytes(4) + contents[start + 4 :]
        self.assertEqual(appended(open_ended), appended(contents))

    def test_long_sizes(self):
        box = struct.pack(">I4sQ", 1, b"free", 20) + b"abcd"
        contents = encoded_video("mp4") + box
        self.assertEqual(find_packet(io.BytesIO(appended(contents))), PACKET)

    @parameterized.named_parameters(
        ("cut", lambda data: data[:-5]),
        ("more", lambda data: data + b"abc"),
        ("tiny", lambda data: data + struct.pack(">I4s", 4, b"free")),
        ("empty", lambda data: b""),
        ("long", lambda data: data + struct.pack(">I4s", 1, b"free")),
    )
    def test_damaged(self, damage):
        file = io.BytesIO(damage(encoded_video("mp4")))
        before = file.getvalue()
        with self.assertRaisesRegex(ValueError, "video file is damaged"):
            append_packet(file, PACKET)
        self.assertEqual(file.getvalue(), before)
        with self.assertRaisesRegex(ValueError, "video file is damaged"):
            find_packet(file)
