import hashlib
import io
import struct

import numpy as np
from absl.testing import parameterized
from PIL import Image
from PIL import IptcImagePlugin

from keras_comic.provenance import iptc
from keras_comic.provenance.image_containers import jpeg_segment
from tests.provenance.test_image_containers import encoded
from tests.provenance.test_image_containers import pixels


def with_resources(*resources):
    body = b"".join(
        b"8BIM"
        + struct.pack(">H2xI", kind, len(data))
        + data
        + b"\0" * (len(data) % 2)
        for kind, data in resources
    )
    contents = encoded("JPEG")
    segment = jpeg_segment(0xED, iptc.HEADER + body)
    return contents[:20] + segment + contents[20:]


def field(number, value):
    return struct.pack(">BBBH", 0x1C, 2, number, len(value)) + value


def read(contents):
    with Image.open(io.BytesIO(contents)) as image:
        return IptcImagePlugin.getiptcinfo(image)


class IPTCTest(parameterized.TestCase):
    def test_written_fields(self):
        contents = encoded("JPEG")
        said = iptc.write_iptc(contents, "keras_comic", "0.1.0", "Größe")
        fields = read(said)
        self.assertEqual(fields[1, 90], b"\x1b%G")
        self.assertEqual(fields[2, 65], b"keras_comic")
        self.assertEqual(fields[2, 70], b"0.1.0")
        self.assertEqual(fields[2, 120], "Größe".encode())
        self.assertEqual(dict(iptc.read_iptc(said)), fields)
        np.testing.assert_array_equal(pixels(said), pixels(contents))
        self.assertEqual(iptc.read_iptc(contents), [])

    def test_is_cut_at_whole_characters(self):
        said = iptc.write_iptc(encoded("JPEG"), "a" + "ö" * 40, "1" * 11)
        fields = read(said)
        self.assertEqual(fields[2, 65], ("a" + "ö" * 15).encode())
        self.assertEqual(fields[2, 70], b"1" * 10)

    def test_other_fields_and_resources_stay(self):
        old = field(120, b"My d\xf6g") + field(25, b"a") + field(25, b"b")
        old += field(65, b"editor") + field(70, b"9")
        digest = hashlib.md5(old).digest()
        contents = with_resources(
            (0x03F3, b"resolution"), (0x0404, old), (0x0425, digest)
        )
        said = iptc.write_iptc(contents, "größe", None, "A comic")
        fields = read(said)
        self.assertEqual(fields[2, 120], b"My d\xf6g")
        self.assertEqual(fields[2, 25], [b"a", b"b"])
        # These fields have no character set.
        self.assertEqual(fields[2, 65], b"gr??e")
        self.assertNotIn((2, 70), fields)
        self.assertNotIn((1, 90), fields)
        resources = {k: v for k, _, v in iptc._resources(said)[1]}
        self.assertEqual(resources[0x03F3], b"resolution")
        self.assertEqual(
            resources[0x0425], hashlib.md5(resources[0x0404]).digest()
        )

    def test_replaced_caption(self):
        once = iptc.write_iptc(encoded("JPEG"), "a", "1", "One")
        self.assertEqual(
            read(iptc.write_iptc(once, "a", "2", "Two"))[2, 120], b"One"
        )
        twice = iptc.write_iptc(once, "a", "2", "Two", "One")
        self.assertEqual(read(twice)[2, 120], b"Two")

    def test_many_resources_need_several_segments(self):
        contents = with_resources((0x03F3, b"a" * 65_000))
        said = iptc.write_iptc(contents, "a", "1", "b" * 1_000)
        self.assertEqual(dict(iptc.read_iptc(said))[2, 120], b"b" * 1_000)
        np.testing.assert_array_equal(pixels(said), pixels(contents))

    @parameterized.named_parameters(
        ("no_resource", b"8BIN12345678", "begin with 8BIM"),
        ("cut", b"8BIM\4\4\0\0\0\0\0\x10abc", "resources .* are cut"),
        ("short", b"8BIM\4", "resources .* are cut"),
        (
            "field",
            b"8BIM\4\4\0\0\0\0\0\7\x1c\2\x78\0\x09abc",
            "fields .* are cut",
        ),
        ("long", b"8BIM\4\4\0\0\0\0\0\5\x1c\2\x78\x80\4\0", "32767 bytes"),
    )
    def test_damaged(self, body, message):
        contents = encoded("JPEG")
        segment = jpeg_segment(0xED, iptc.HEADER + body)
        contents = contents[:20] + segment + contents[20:]
        with self.assertRaisesRegex(ValueError, message):
            iptc.write_iptc(contents, "a", "1")
