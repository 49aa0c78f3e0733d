import io
import struct
import zlib

import numpy as np
from absl.testing import parameterized
from PIL import Image
from PIL import IptcImagePlugin

import keras_comic
from keras_comic.provenance import image_containers
from keras_comic.provenance.metadata import DIGITAL_SOURCE_TYPE
from keras_comic.provenance.metadata import Provenance
from keras_comic.provenance.metadata import append_provenance
from keras_comic.provenance.metadata import embed_provenance
from keras_comic.provenance.metadata import png_chunk
from keras_comic.provenance.metadata import read_provenance
from keras_comic.provenance.metadata import read_xmp
from tests.provenance.test_image_containers import FORMATS
from tests.provenance.test_image_containers import encoded
from tests.provenance.test_image_containers import picture
from tests.provenance.test_image_containers import pixels
from tests.provenance.test_video_containers import encoded_video
from tests.test_case import TestCase

INK = Provenance("adain_ink", "cc419f3f52d24abf")


class ProvenanceTest(parameterized.TestCase):
    @parameterized.parameters(
        Provenance(),
        INK,
        Provenance("hf://user/name & <co>", created="2026-11-21T18:30:00Z"),
        Provenance("Tusche, größer", "1", "other 2.0"),
    )
    def test_round_trip(self, provenance):
        packet = provenance.to_xmp()
        self.assertEqual(Provenance.from_xmp(packet), provenance)
        self.assertEqual(Provenance.from_text(provenance.to_text()), provenance)
        self.assertIn(f">{DIGITAL_SOURCE_TYPE}</Iptc4xmpExt:", packet)

    def test_says_who_made_it(self):
        self.assertEqual(INK.software, f"keras_comic {keras_comic.__version__}")

    def test_is_immutable_and_reproducible(self):
        with self.assertRaises(AttributeError):
            INK.preset = "other"
        again = Provenance("adain_ink", "cc419f3f52d24abf")
        self.assertEqual(again.to_xmp(), INK.to_xmp())

    @parameterized.parameters(
        ({"preset": ""}, ValueError, "1 to 256"),
        ({"preset": "a\nb"}, ValueError, "control"),
        ({"preset": " a"}, ValueError, "blanks"),
        ({"version": "a" * 257}, ValueError, "`version` must have"),
        ({"created": "yesterday"}, ValueError, "ISO 8601"),
        ({"preset": 3}, TypeError, "Received: preset=3"),
    )
    def test_refuses(self, arguments, kind, message):
        with self.assertRaisesRegex(kind, message):
            Provenance(**arguments)

    def test_packet_of_another_program(self):
        packet = INK.to_xmp().replace("keras_comic:", "other:")
        packet = packet.replace("xmlns:keras_comic", "xmlns:other")
        packet = packet.replace("urn:x-keras-comic:", "urn:x-other:")
        self.assertIsNone(Provenance.from_xmp(packet))
        self.assertIsNone(Provenance.from_text("Made from a photo by hand."))


class PngChunkTest(parameterized.TestCase):
    def test_chunk(self):
        chunk = png_chunk(INK)
        (length,) = struct.unpack(">I", chunk[:4])
        self.assertLen(chunk, length + 12)
        (crc,) = struct.unpack(">I", chunk[-4:])
        self.assertEqual(crc, zlib.crc32(chunk[4:-4]))

    def test_pillow_reads_it(self):
        contents = encoded("PNG")
        contents = contents[:33] + png_chunk(INK) + contents[33:]
        with Image.open(io.BytesIO(contents)) as image:
            np.testing.assert_array_equal(image, picture())
            self.assertEqual(
                image.info["XML:com.adobe.xmp"], INK.to_xmp("image/png")
            )


class EmbedTest(TestCase, parameterized.TestCase):
    @parameterized.named_parameters(*FORMATS)
    def test_pixels_stay(self, name, options):
        contents = encoded(name, **options)
        said = embed_provenance(contents, INK)
        np.testing.assert_array_equal(pixels(said), pixels(contents))
        self.assertIsNone(read_provenance(contents))
        self.assertEqual(read_provenance(said), INK)
        self.assertEqual(embed_provenance(contents, INK), said)
        self.assertEqual(embed_provenance(said, INK), said)
        self.assertEqual(read_xmp(said).count(DIGITAL_SOURCE_TYPE), 1)

    @parameterized.named_parameters(*FORMATS)
    def test_another_preset_replaces(self, name, options):
        once = embed_provenance(encoded(name, **options), INK)
        other = Provenance("other & more", "2")
        twice = embed_provenance(once, other)
        self.assertEqual(read_provenance(twice), other)
        self.assertNotIn(">adain_ink<", read_xmp(twice))
        self.assertNotIn(INK.sentence(), read_xmp(twice))
        np.testing.assert_array_equal(pixels(twice), pixels(once))

    @parameterized.named_parameters(*FORMATS)
    def test_metadata_of_others_stays(self, name, options):
        packet = (
            '<x:xmpmeta xmlns:x="adobe:ns:meta/"><r:RDF xmlns:r='
            '"http://www.w3.org/1999/02/22-rdf-syntax-ns#"><r:Description '
            'xmlns:xmp="http://ns.adobe.com/xap/1.0/" xmp:Rating="4"/>'
            "</r:RDF></x:xmpmeta>"
        )
        contents = image_containers.replace_packet(
            encoded(name, **options), packet.encode()
        )
        self.assertIsNone(read_provenance(contents))
        said = embed_provenance(contents, INK)
        self.assertIn('xmp:Rating="4"', read_xmp(said))
        self.assertEqual(read_provenance(said), INK)

    def test_refuses_to_lose_what_it_cannot_read(self):
        contents = image_containers.replace_packet(
            encoded("PNG"), b"<x:xmpmeta>"
        )
        with self.assertRaisesRegex(ValueError, "XMP packet cannot be read"):
            embed_provenance(contents, INK)

    def test_jpeg_has_iptc_fields(self):
        said = embed_provenance(encoded("JPEG"), INK)
        with Image.open(io.BytesIO(said)) as image:
            fields = IptcImagePlugin.getiptcinfo(image)
        self.assertEqual(fields[2, 65], b"keras_comic")
        self.assertEqual(fields[2, 70], keras_comic.__version__.encode())
        self.assertEqual(fields[2, 120], INK.sentence().encode())

    def test_video(self):
        contents = encoded_video("mp4")
        said = embed_provenance(contents, INK)
        self.assertTrue(said.startswith(contents))
        self.assertEqual(read_provenance(said), INK)
        file = io.BytesIO(contents)
        append_provenance(file, INK)
        self.assertEqual(file.getvalue(), said)

    @parameterized.parameters("matroska", "webm", "avi", "flv", "asf")
    def test_comments_of_other_videos(self, name):
        contents = encoded_video(name, comment=INK.to_text())
        self.assertEqual(read_provenance(contents), INK)
        self.assertIsNone(read_provenance(encoded_video(name)))
        with self.assertRaisesRegex(ValueError, "PNG, JPEG, WebP, TIFF"):
            embed_provenance(contents, INK)

    def test_errors_name_the_file(self):
        folder = self.temporary_folder()
        path = folder / "comic.png"
        path.write_bytes(embed_provenance(encoded("PNG"), INK))
        self.assertEqual(read_provenance(path), INK)
        self.assertEqual(read_provenance(str(path)), INK)
        path.write_bytes(path.read_bytes()[:200])
        with self.assertRaisesRegex(ValueError, "comic.png: The PNG file is"):
            read_provenance(path)
        path.write_bytes(b"My dog")
        with self.assertRaisesRegex(ValueError, "comic.png: .*b'My dog'"):
            read_provenance(path)
        path.write_bytes(b"")
        with self.assertRaisesRegex(ValueError, "comic.png: "):
            read_xmp(path)
        with self.assertRaises(FileNotFoundError):
            read_provenance(folder / "none.png")
        path.write_bytes(b"\x1aE\xdf\xa3" + b"x" * 30)
        with self.assertRaisesRegex(ValueError, "comic.png: The video cannot"):
            read_provenance(path)
