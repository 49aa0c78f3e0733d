import io
import struct
import zlib

import numpy as np
from absl.testing import parameterized
from PIL import Image

import keras_comic
from keras_comic.provenance.metadata import DIGITAL_SOURCE_TYPE
from keras_comic.provenance.metadata import Provenance
from keras_comic.provenance.metadata import png_chunk

INK = Provenance("adain_ink", "cc419f3f52d24abf")


def picture(height=20, width=31):
    values = np.arange(height * width * 3) % 251
    return values.astype("uint8").reshape(height, width, 3)


def encoded(file_format, **options):
    file = io.BytesIO()
    Image.fromarray(picture()).save(file, file_format, **options)
    return file.getvalue()


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
