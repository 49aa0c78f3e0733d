import struct
import zlib

from absl.testing import parameterized
from PIL import Image

from keras_comic.data.image_headers import Header
from keras_comic.data.image_headers import exif_orientation
from keras_comic.data.image_headers import read_header
from tests.data.bad_files import BROKEN_EXIF
from tests.data.bad_files import encode
from tests.data.bad_files import encode_png
from tests.data.bad_files import exif
from tests.data.bad_files import picture
from tests.data.bad_files import png_chunk
from tests.data.bad_files import with_segment
from tests.test_case import TestCase


def exif_block(order, *entries):
    """An EXIF block with a directory of `(tag, type, count, value)`."""
    directory = b"".join(
        struct.pack(order + ("HHIHxx" if kind == 3 else "HHII"), *entry)
        for entry in entries
        for kind in entry[1:2]
    )
    mark = {"<": b"II*\0", ">": b"MM\0*"}[order]
    return b"".join(
        [
            b"Exif\0\0" + mark,
            struct.pack(order + "IH", 8, len(entries)),
            directory,
        ]
    )


class SizeTest(parameterized.TestCase, TestCase):
    @parameterized.parameters(
        ("JPEG", "JPEG", {}),
        ("JPEG", "JPEG", {"progressive": True}),
        ("PNG", "PNG", {}),
        ("GIF", "GIF", {}),
        ("BMP", "BMP", {}),
        ("WEBP", "WEBP", {}),
        ("WEBP", "WEBP", {"lossless": True}),
        ("WEBP", "WEBP", {"exif": exif(6)}),
    )
    def test_as_written(self, name, file_format, arguments):
        contents = encode(picture(21, 34), file_format, **arguments)
        header = read_header(name, contents)
        self.assertEqual((header.width, header.height), (34, 21))
        self.assertIsNone(header.damage)

    def test_rows_from_top_to_bottom(self):
        contents = bytearray(encode(picture(21, 34), "BMP"))
        struct.pack_into("<i", contents, 22, -21)
        header = read_header("BMP", bytes(contents))
        self.assertEqual((header.width, header.height), (34, 21))

    def test_first_bitmaps(self):
        contents = b"BM" + bytes(12) + struct.pack("<IHH", 12, 34, 21)
        header = read_header("BMP", contents)
        self.assertEqual((header.width, header.height), (34, 21))

    @parameterized.parameters(
        # Both sides as multiples of 8: 24 high, then 40 wide.
        ((0b1, 1), (2, 5), (0, 3), (4, 5), 40, 24),
        # 24 high, and 4 to 3.
        ((0b1, 1), (2, 5), (3, 3), (0, 5), 32, 24),
        # In 9 and in 13 bits.
        ((0b0, 1), (0 | 20 << 2, 11), (0, 3), (1 | 999 << 2, 15), 1000, 21),
        # In 30 bits.
        ((0b0, 1), (3 | 79_999 << 2, 32), (1, 3), (0, 5), 80_000, 80_000),
    )
    def test_jpeg_xl(self, *parts):
        *parts, width, height = parts
        packed = place = 0
        for value, bits in parts:
            packed |= value << place
            place += bits
        stream = b"\xff\x0a" + packed.to_bytes(12, "little")
        box = struct.pack(">I4s", 8 + len(stream), b"jxlc") + stream
        part = struct.pack(">I4sI", 12 + len(stream), b"jxlp", 0) + stream
        start = b"\0\0\0\x0cJXL \r\n\x87\n"
        for contents in (stream, start + box, start + part):
            header = read_header("JXL", contents)
            self.assertEqual((header.width, header.height), (width, height))

    def test_largest_of_the_sizes_in_boxes(self):
        sizes = [
            struct.pack(">I4sIII", 20, b"ispe", 0, *size)
            for size in ((512, 512), (4000, 3000), (160, 120))
        ]
        for name in ("AVIF", "HEIF"):
            header = read_header(name, b"\0\0\0\x08ftyp" + b"".join(sizes))
            self.assertEqual((header.width, header.height), (4000, 3000))

    def test_malformed(self):
        for name in ("JPEG", "PNG", "GIF", "BMP", "WEBP", "JXL", "AVIF"):
            for contents in (b"", b"\xff\xd8\xff", bytes(11)):
                header = read_header(name, contents)
                self.assertIsNone(header.pixels_only)
        self.assertEqual(read_header("PSD", b"8BPS"), Header())


class OrientationTest(parameterized.TestCase, TestCase):
    @parameterized.product(order=("<", ">"), kind=(3, 4))
    def test_orders_and_types(self, order, kind):
        block = exif_block(
            order, (0x010F, 2, 4, 0x61), (0x0112, kind, 1, 6), (0x0132, 3, 1, 3)
        )
        self.assertEqual(exif_orientation(block), 6)
        self.assertEqual(exif_orientation(block[6:]), 6)

    @parameterized.parameters(
        (None,),
        (b"",),
        (b"Exif\0\0",),
        (b"Exif\0\0II*\0",),
        (b"no EXIF at all",),
        (BROKEN_EXIF,),
        (exif_block("<", (0x0112, 3, 1, 9)),),
        (exif_block("<", (0x0112, 3, 1, 0)),),
        (exif_block("<", (0x0112, 2, 1, 6)),),
        (exif_block("<", (0x0112, 3, 2, 6)),),
        (exif_block("<", (0x0112, 3, 1, 6))[:-9],),
    )
    def test_broken_or_missing(self, block):
        self.assertEqual(exif_orientation(block), 1)

    def test_in_files(self):
        for name in ("JPEG", "PNG", "WEBP"):
            contents = encode(picture(), name, exif=exif(7))
            self.assertEqual(read_header(name, contents).orientation, 7)

    def test_profile_as_text(self):
        digits = exif(5).tobytes().hex()
        text = f"\nexif\n{len(digits) // 2:8}\n{digits[:72]}\n{digits[72:]}\n"
        for keyword in (b"Raw profile type exif", b"Raw profile type APP1"):
            chunk = png_chunk(
                b"zTXt", keyword + b"\0\0" + zlib.compress(text.encode())
            )
            header = read_header("PNG", encode_png(picture(), chunk))
            self.assertEqual(header.orientation, 5)
        chunk = png_chunk(b"zTXt", b"Raw profile type exif\0\0no zlib")
        header = read_header("PNG", encode_png(picture(), chunk))
        self.assertEqual(header.orientation, 1)


class MetadataTest(TestCase):
    def test_jpeg_without_metadata(self):
        plain = encode(picture(), "JPEG")
        contents = plain
        for marker in (0xE1, 0xE2, 0xED, 0xEF, 0xFE):
            contents = with_segment(contents, marker, b"beside the picture")
        self.assertEqual(read_header("JPEG", contents).pixels_only, plain)
        self.assertEqual(read_header("JPEG", plain).pixels_only, plain)

    def test_what_the_colours_mean_is_kept(self):
        contents = with_segment(encode(picture(), "JPEG"), 0xEE, b"Adobe..")
        self.assertEqual(read_header("JPEG", contents).pixels_only, contents)

    def test_png_without_metadata(self):
        plain = encode_png(picture())
        contents = encode_png(
            picture(), png_chunk(b"tEXt", b"a\0b"), png_chunk(b"pHYs", bytes(9))
        )
        self.assertEqual(read_header("PNG", contents).pixels_only, plain)
        self.assertEqual(read_header("PNG", plain).pixels_only, plain)

    def test_depth_scans_and_pictures(self):
        deep = encode_png(picture().astype("uint16"))
        self.assertEqual(read_header("PNG", deep).bits, 16)
        jpeg = encode(picture(), "JPEG")
        header = read_header("JPEG", jpeg)
        self.assertEqual((header.bits, header.scans), (8, 1))
        progressive = encode(picture(), "JPEG", progressive=True)
        self.assertGreater(read_header("JPEG", progressive).scans, 4)
        image = picture()
        for name in ("PNG", "WEBP"):
            for more in ([], [picture(seed=1)]):
                contents = encode(
                    image,
                    name,
                    save_all=True,
                    append_images=[Image.fromarray(i) for i in more],
                )
                pictures = read_header(name, contents).pictures
                self.assertEqual(pictures > 1, bool(more))

    def test_damage(self):
        png = bytearray(encode_png(picture()))
        png[-30] ^= 1
        damage = read_header("PNG", bytes(png)).damage
        self.assertRegex(damage, "checksum of its IDAT")
        jpeg = encode(picture(), "JPEG")[:-2] + bytes(50)
        self.assertRegex(read_header("JPEG", jpeg).damage, "no end marker")
        # Damage that does no harm.
        chunk = bytearray(png_chunk(b"tEXt", b"a\0b"))
        chunk[-1] ^= 1
        png = encode_png(picture(), bytes(chunk))
        self.assertIsNone(read_header("PNG", png).damage)
