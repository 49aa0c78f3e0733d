import io
import os

import pytest
from absl.testing import parameterized
from PIL import Image

from keras_comic.data import ImageError
from keras_comic.data import media_kind
from keras_comic.data.media import is_media
from keras_comic.data.media import is_video
from tests.test_case import TestCase
from tests.test_case import photos


class MediaKindTest(TestCase, parameterized.TestCase):
    def save(self, name, format, count=1, **options):
        path = self.temporary_folder() / name
        pictures = [
            Image.fromarray(photos(32, 40, 3, seed=s)) for s in range(count)
        ]
        if count > 1:
            options |= {"save_all": True, "append_images": pictures[1:]}
        pictures[0].save(path, format, **options)
        return path

    @parameterized.parameters(
        ("a.jpg", "JPEG", 1, "photo"),
        ("a.jpg", "MPO", 2, "photo"),
        ("a.tif", "TIFF", 3, "photo"),
        ("a", "PNG", 1, "photo"),
        ("a.mp4", "PNG", 1, "photo"),
        ("a.png", "GIF", 3, "animation"),
        ("a.jpg", "WEBP", 2, "animation"),
        ("a.png", "PNG", 2, "animation"),
        ("a.gif", "GIF", 1, "photo"),
    )
    def test_contents_tell(self, name, format, count, kind):
        path = self.save(name, format, count)
        self.assertEqual(media_kind(path), kind)
        self.assertEqual(is_media(path), name != "a.bin")

    @parameterized.parameters(
        ("a.3gp", "mpeg4"), ("a.vob", "mpeg2video"), ("a", "mpeg4")
    )
    def test_videos(self, name, codec):
        av = pytest.importorskip("av")
        path = self.temporary_folder() / name
        file = io.BytesIO()
        container = "mpegts" if name == "a" else path.suffix[1:]
        with av.open(file, "w", container) as output:
            stream = output.add_stream(codec, rate=25)
            stream.width, stream.height = 64, 48
            stream.pix_fmt = "yuv420p"
            frame = av.VideoFrame.from_ndarray(photos(48, 64, 3))
            for packet in [*stream.encode(frame), *stream.encode()]:
                output.mux(packet)
        path.write_bytes(file.getvalue())
        self.assertEqual(media_kind(path), "video")

    @parameterized.parameters(
        (b"", "empty"), (b"only text", "not an image"), (bytes(99), "not an")
    )
    def test_neither(self, contents, reason):
        path = self.temporary_folder() / "a.jpg"
        path.write_bytes(contents)
        with self.assertRaisesRegex(ImageError, "a.jpg") as caught:
            media_kind(path)
        self.assertStartsWith(caught.exception.reason, reason)

    def test_a_pipe_is_not_waited_for(self):
        path = self.temporary_folder() / "pipe.jpg"
        os.mkfifo(path)
        with self.assertRaisesRegex(ImageError, "not a folder or a device"):
            media_kind(path)
        self.assertFalse(is_video(path))
        self.assertFalse(is_media(path.rename(path.with_suffix(""))))
