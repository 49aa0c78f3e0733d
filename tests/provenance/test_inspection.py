"""Tests of `keras_comic.provenance.inspection`."""

from PIL import Image

from keras_comic.provenance.inspection import inspect_file
from keras_comic.provenance.metadata import DIGITAL_SOURCE_TYPE
from keras_comic.provenance.metadata import Provenance
from keras_comic.provenance.metadata import save_options
from keras_comic.provenance.watermark import embed_watermark
from tests.provenance.test_metadata import encoded
from tests.provenance.test_metadata import save_video
from tests.provenance.test_watermark import sample
from tests.test_case import TestCase

INK = Provenance("ink", "1")


class InspectionTest(TestCase):
    def setUp(self):
        super().setUp()
        self.folder = self.temporary_folder()

    def test_picture(self):
        path = self.folder / "a.jpg"
        marked = Image.fromarray(embed_watermark(sample("coffee"), 0xC0FFEE))
        marked.save(path, quality=75, **save_options(INK, "JPEG"))
        self.assertEqual(
            inspect_file(path), (INK, DIGITAL_SOURCE_TYPE, 0xC0FFEE)
        )

    def test_nothing(self):
        path = self.folder / "small.gif"
        path.write_bytes(encoded("GIF"))
        self.assertEqual(inspect_file(path), (None, None, None))

    def test_what_others_say(self):
        path = self.folder / "a.png"
        packet = INK.to_xmp().replace("Made from", "Drawn from")
        path.write_bytes(encoded("WEBP", xmp=packet.encode()))
        self.assertEqual(inspect_file(path), (None, DIGITAL_SOURCE_TYPE, None))

    def test_video(self):
        path = save_video(self.folder / "a.mp4", INK)
        self.assertEqual(inspect_file(path), (INK, DIGITAL_SOURCE_TYPE, None))

    def test_damaged(self):
        path = self.folder / "a.png"
        path.write_bytes(encoded("PNG")[:-40])
        with self.assertRaisesRegex(ValueError, "a.png: .*cannot be decoded"):
            inspect_file(path)
        path = self.folder / "b.mp4"
        path.write_bytes(b"\0\0\0\x08free" * 4)
        with self.assertRaisesRegex(ValueError, "b.mp4: .*must be a PNG"):
            inspect_file(path)
