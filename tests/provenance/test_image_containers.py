import io
import struct
import zlib

import numpy as np
from absl.testing import parameterized
from PIL import Image
from PIL import PngImagePlugin

from keras_comic.provenance import image_containers
from keras_comic.provenance.image_containers import find_packet
from keras_comic.provenance.image_containers import image_format
from keras_comic.provenance.image_containers import replace_packet

FORMATS = (
    ("png", "PNG", {}),
    ("apng", "PNG", {"num_frames": 3}),
    ("jpeg", "JPEG", {}),
    ("progressive", "JPEG", {"progressive": True, "dpi": (72, 72)}),
    ("webp", "WEBP", {}),
    ("webp_lossless", "WEBP", {"lossless": True}),
    ("webp_animated", "WEBP", {"num_frames": 3}),
    ("tiff", "TIFF", {}),
    ("tiff_deflate", "TIFF", {"compression": "tiff_deflate"}),
    ("gif", "GIF", {}),
    ("gif_animated", "GIF", {"num_frames": 3, "loop": 0}),
)
PACKET = b"<x>" + bytes(range(32, 127)) * 9 + b"</x>"


def picture(height=21, width=34, seed=0):
    values = np.random.default_rng(seed).integers(0, 256, (height, width, 3))
    return values.astype("uint8")


def encoded(file_format, num_frames=1, **options):
    """A file of an image or an animation."""
    frames = [Image.fromarray(picture(seed=i)) for i in range(num_frames)]
    if num_frames > 1:
        options |= {"save_all": True, "append_images": frames[1:]}
    file = io.BytesIO()
    frames[0].save(file, file_format, **options)
    return file.getvalue()


def pixels(contents):
    """All frames as Pillow decodes them."""
    with Image.open(io.BytesIO(contents)) as image:
        frames = []
        for i in range(getattr(image, "n_frames", 1)):
            image.seek(i)
            frames.append(np.asarray(image.convert("RGBA")))
        return np.stack(frames)


def info(contents):
    """What Pillow reads beside the pixels, but for the XMP."""
    with Image.open(io.BytesIO(contents)) as image:
        image.load()
        skipped = ("xmp", "XML:com.adobe.xmp", "extension", "version")
        # Pillow reads more of a WebP file that has a header for it.
        skipped += ("loop", "background", "timestamp", "duration")
        return {k: v for k, v in image.info.items() if k not in skipped}


class ContainersTest(parameterized.TestCase):
    @parameterized.named_parameters(*FORMATS)
    def test_replace(self, name, options):
        contents = encoded(name, **options)
        self.assertEqual(image_format(contents), name)
        self.assertIsNone(find_packet(contents))
        once = replace_packet(contents, PACKET)
        self.assertEqual(find_packet(once), PACKET)
        twice = replace_packet(once, PACKET[::-1])
        self.assertEqual(find_packet(twice), PACKET[::-1])
        self.assertEqual(twice.count(PACKET[::-1]), 1)
        if name != "TIFF":  # There, the old one becomes free space.
            self.assertNotIn(PACKET, twice)
            self.assertLen(twice, len(once))
        for said in (once, twice):
            np.testing.assert_array_equal(pixels(said), pixels(contents))
            self.assertEqual(info(said), info(contents))

    @parameterized.named_parameters(
        (label, name, options)
        for label, name, options in FORMATS
        if name != "GIF"
    )
    def test_pillow_reads_it(self, name, options):
        contents = replace_packet(encoded(name, **options), PACKET)
        with Image.open(io.BytesIO(contents)) as image:
            image.load()
            self.assertEqual(image.info["xmp"], PACKET)

    @parameterized.named_parameters(
        ("png", "PNG"), ("jpeg", "JPEG"), ("webp", "WEBP"), ("tiff", "TIFF")
    )
    def test_reads_and_replaces_what_pillow_wrote(self, name):
        options = {"xmp": PACKET}
        if name == "TIFF":
            options = {"tiffinfo": {700: PACKET}}
        if name == "PNG":
            text = PngImagePlugin.PngInfo()
            text.add_itxt("XML:com.adobe.xmp", PACKET.decode(), zip=True)
            options = {"pnginfo": text}
        contents = encoded(name, **options)
        self.assertEqual(find_packet(contents), PACKET)
        said = replace_packet(contents, b"<other/>")
        self.assertEqual(find_packet(said), b"<other/>")
        np.testing.assert_array_equal(pixels(said), pixels(contents))

    def test_pillow_reads_the_same_twice(self):
        contents = encoded("WEBP", num_frames=3, duration=[40, 50, 60], loop=2)
        said = replace_packet(contents, PACKET)
        with Image.open(io.BytesIO(said)) as image:
            self.assertEqual(image.info["loop"], 2)
            image.seek(2)
            image.load()
            self.assertEqual(image.info["duration"], 60)

    def test_gif_of_the_older_version(self):
        contents = b"GIF87a" + encoded("GIF")[6:]
        self.assertTrue(replace_packet(contents, PACKET).startswith(b"GIF89a"))

    def test_transparency_stays(self):
        image = Image.fromarray(picture()).convert("RGBA")
        image.putalpha(100)
        for options in ({"lossless": True}, {"quality": 80}):
            file = io.BytesIO()
            image.save(file, "WEBP", **options)
            said = replace_packet(file.getvalue(), PACKET)
            np.testing.assert_array_equal(pixels(said), pixels(file.getvalue()))
            self.assertEqual(pixels(said)[0, 0, 0, 3], 100)

    def test_exif_and_profile_stay(self):
        exif = Image.Exif()
        exif[0x010E] = "A dog"
        for name in ("JPEG", "PNG", "WEBP"):
            contents = encoded(name, exif=exif, icc_profile=b"profile" * 40)
            said = replace_packet(contents, PACKET)
            with Image.open(io.BytesIO(said)) as image:
                self.assertEqual(image.getexif()[0x010E], "A dog")
                self.assertEqual(image.info["icc_profile"], b"profile" * 40)

    def test_big_endian_tiff(self):
        file = io.BytesIO()
        image = Image.fromarray(picture()[..., 0])
        image.save(file, "TIFF")
        entries = image_containers._tiff_directory(file.getvalue())[1]
        rows, columns = picture().shape[:2]
        self.assertIn(256, entries)
        body = picture()[..., 0].tobytes()
        tags = [
            (256, 3, 1, struct.pack(">HH", columns, 0)),
            (257, 3, 1, struct.pack(">HH", rows, 0)),
            (258, 3, 1, struct.pack(">HH", 8, 0)),
            (259, 3, 1, struct.pack(">HH", 1, 0)),
            (262, 3, 1, struct.pack(">HH", 1, 0)),
            (273, 4, 1, struct.pack(">I", 8)),
            (278, 3, 1, struct.pack(">HH", rows, 0)),
            (279, 4, 1, struct.pack(">I", len(body))),
        ]
        contents = b"MM\0*" + struct.pack(">I", 8 + len(body)) + body
        contents += struct.pack(">H", len(tags))
        contents += b"".join(struct.pack(">HHI4s", *tag) for tag in tags)
        contents += struct.pack(">I", 0)
        said = replace_packet(contents, PACKET)
        self.assertEqual(find_packet(said), PACKET)
        np.testing.assert_array_equal(
            pixels(said)[0, ..., 0], picture()[..., 0]
        )

    @parameterized.named_parameters(*FORMATS)
    def test_damaged_files(self, name, options):
        contents = replace_packet(encoded(name, **options), PACKET)
        random = np.random.default_rng(1)
        refused = 0
        damaged = [contents[:i] for i in range(16, len(contents), 197)]
        for _ in range(100):
            data = bytearray(contents)
            for at in random.integers(12, min(len(data), 600), 4):
                data[at] = random.integers(256)
            damaged.append(bytes(data))
        for data in damaged:
            for function in (find_packet, lambda d: replace_packet(d, b"<a/>")):
                try:
                    function(data)
                except ValueError as error:
                    self.assertRegex(str(error), "file is damaged, .*Received")
                    refused += 1
        self.assertGreater(refused, 0)

    def test_bombs(self):
        data = b"iTXtXML:com.adobe.xmp\0\1\0\0\0"
        data += zlib.compress(bytes(2**24 + 1))
        chunk = struct.pack(">I", len(data) - 4) + data
        chunk += struct.pack(">I", zlib.crc32(data))
        contents = encoded("PNG")
        with self.assertRaisesRegex(ValueError, "more than 16777216"):
            find_packet(contents[:33] + chunk + contents[33:])

    def test_refuses(self):
        with self.assertRaisesRegex(ValueError, "room for at most 65533"):
            replace_packet(encoded("JPEG"), bytes(65_510))
        self.assertIsNone(image_format(b"My dog"))
