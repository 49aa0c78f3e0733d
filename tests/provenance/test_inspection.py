import builtins
import io
from unittest import mock

import numpy as np
from PIL import Image

from keras_comic.provenance.image_containers import replace_packet
from keras_comic.provenance.inspection import inspect_file
from keras_comic.provenance.metadata import DIGITAL_SOURCE_TYPE
from keras_comic.provenance.metadata import Provenance
from keras_comic.provenance.metadata import embed_provenance
from keras_comic.provenance.watermark import embed_watermark
from tests.provenance.test_image_containers import encoded
from tests.provenance.test_video_containers import encoded_video
from tests.provenance.test_watermark import sample
from tests.test_case import TestCase

INK = Provenance("ink", "1")


class InspectionTest(TestCase):
    def setUp(self):
        self.folder = self.temporary_folder()

    def write(self, name, contents):
        path = self.folder / name
        path.write_bytes(contents)
        return path

    def test_picture(self):
        file = io.BytesIO()
        marked = embed_watermark(sample("coffee"), 0xC0FFEE)
        Image.fromarray(marked).save(file, "JPEG", quality=75)
        path = self.write("a.jpg", embed_provenance(file.getvalue(), INK))
        found = inspect_file(path)
        self.assertEqual(found, (INK, DIGITAL_SOURCE_TYPE, 0xC0FFEE))

    def test_nothing(self):
        path = self.write("a.png", encoded("PNG"))
        self.assertEqual(inspect_file(path), (None, None, None))

    def test_what_others_say(self):
        packet = INK.to_xmp().replace("urn:x-keras-comic:", "urn:x-other:")
        path = self.write(
            "a.png", replace_packet(encoded("PNG"), packet.encode())
        )
        self.assertEqual(inspect_file(path), (None, DIGITAL_SOURCE_TYPE, None))

    def test_video(self):
        path = self.write("a.mp4", embed_provenance(encoded_video("mp4"), INK))
        self.assertEqual(inspect_file(path), (INK, DIGITAL_SOURCE_TYPE, None))
        contents = encoded_video("matroska", comment=INK.to_text())
        path = self.write("a.mkv", contents)
        self.assertEqual(inspect_file(path), (INK, None, None))

    def test_damaged(self):
        contents = encoded("PNG")
        at = contents.index(b"IDAT") + 8
        contents = contents[:at] + b"\0\0\0\0" + contents[at + 4 :]
        path = self.write("a.png", contents)
        with self.assertRaisesRegex(ValueError, "a.png: .*cannot be decoded"):
            inspect_file(path)
        path = self.write("b.mp4", b"\0\0\0\x08free" * 4)
        with self.assertRaisesRegex(ValueError, "b.mp4: .*cannot be decoded"):
            inspect_file(path)

    def test_video_without_its_library(self):
        path = self.write("a.mp4", encoded_video("mp4"))
        original = builtins.__import__

        def without(name, *arguments, **options):
            if name == "av":
                raise ImportError(name)
            return original(name, *arguments, **options)

        with mock.patch("builtins.__import__", without):
            with self.assertRaisesRegex(ImportError, r"keras-comic\[video\]"):
                inspect_file(path)

    def test_small_pictures(self):
        file = io.BytesIO()
        Image.fromarray(np.zeros((20, 20, 3), "uint8")).save(file, "GIF")
        path = self.write("a.gif", file.getvalue())
        self.assertIsNone(inspect_file(path).watermark)
