"""Tests of `keras_comic.data.images`."""

import pickle
import random
import sys

import numpy as np
from absl.testing import parameterized
from PIL import Image

from keras_comic.data.image_formats import REASONS
from keras_comic.data.image_formats import ImageError
from keras_comic.data.images import image_size
from keras_comic.data.images import is_animated
from keras_comic.data.images import open_image
from keras_comic.data.images import read_image
from tests.data.bad_files import encode
from tests.data.bad_files import encode_png
from tests.data.bad_files import encode_tiff
from tests.data.bad_files import exif
from tests.data.bad_files import make_bad_files
from tests.data.bad_files import odd_files
from tests.data.bad_files import picture
from tests.data.bad_files import png_chunk
from tests.test_case import TestCase
from tests.test_case import photos

# As close to the pixels as a format comes.
OPTIONS = {
    "JPEG": {"quality": 100, "subsampling": 0},
    "MPO": {"quality": 100, "subsampling": 0},
    "WEBP": {"lossless": True},
}


def grey(values):
    """A picture of grey values: `(height, width, 3)`."""
    return np.repeat(np.asarray(values)[..., None], 3, axis=-1)


class OpenImageTest(parameterized.TestCase, TestCase):
    def open(self, contents, **arguments):
        return open_image("a file", contents, **arguments)

    def assertPixels(self, contents, expected, atol=0):
        pixels = np.asarray(self.open(contents).image)
        self.assertDType(pixels, "uint8")
        self.assertAllClose(pixels.astype(int), expected, atol=atol, rtol=0)

    def test_nothing_is_decoded_for_sizes(self):
        contents = encode_png(b"", size=(60, 50), bits=8)
        self.assertEqual(image_size(contents), (60, 50))
        with self.assertRaisesRegex(ImageError, "not an image.*path=bytes"):
            image_size(b"Dear Sir or Madam")

    @parameterized.parameters(
        ("PNG", 0), ("BMP", 0), ("TIFF", 0), ("PPM", 0), ("TGA", 0),
        ("JPEG2000", 2), ("JPEG", 6), ("WEBP", 0),
    )  # fmt: skip
    def test_formats(self, file_format, atol):
        pixels = photos(33, 47, 3)
        if file_format == "JPEG2000":
            pixels = picture(33, 47)
        contents = encode(pixels, file_format, **OPTIONS.get(file_format, {}))
        self.assertPixels(contents, pixels, atol)
        self.assertEqual(self.open(contents)[1:4], (file_format, True, ()))

    def test_grey_one_bit_and_palette(self):
        values = photos(9, 7)
        self.assertPixels(encode(values, "PNG"), grey(values))
        bits = values > 127
        self.assertPixels(encode(bits, "PNG"), grey(bits) * 255)
        pixels = np.zeros((8, 8, 3), "uint8")
        pixels[:4], pixels[4:] = [200, 30, 10], [10, 30, 200]
        image = Image.fromarray(pixels).quantize(4)
        self.assertPixels(encode(image, "PNG"), pixels)
        self.assertPixels(encode(image, "GIF"), pixels)

    def test_transparency_lies_on_white(self):
        pixels = np.zeros((1, 3, 4), "uint8")
        pixels[..., 0] = 200
        pixels[..., 3] = [0, 51, 255]
        expected = [[[255, 255, 255], [244, 204, 204], [200, 0, 0]]]
        for file_format in ("PNG", "TIFF", "WEBP"):
            options = OPTIONS.get(file_format, {})
            self.assertPixels(encode(pixels, file_format, **options), expected)
        image = Image.new("LA", (2, 1), (100, 255))
        image.putpixel((0, 0), (100, 0))
        self.assertPixels(encode(image, "PNG"), grey([[255, 100]]))
        palette = Image.new("P", (2, 1))
        palette.putpalette([9, 9, 9, 50, 60, 70])
        palette.putdata([0, 1])
        contents = encode(palette, "PNG", transparency=0)
        self.assertPixels(contents, [[[255] * 3, [50, 60, 70]]])
        # One value that stands for transparent.
        key = png_chunk(b"tRNS", (5 * 257).to_bytes(2, "big"))
        values = np.array([[[5], [6]]], "uint16") * 257
        self.assertPixels(encode_png(values, key), grey([[255, 6]]))

    def test_cmyk(self):
        for expected in ([255, 0, 0], [0, 160, 0], [20, 40, 200]):
            pixels = np.full((16, 16, 3), expected, "uint8")
            cmyk = Image.fromarray(pixels).convert("CMYK")
            self.assertPixels(encode(cmyk, "TIFF"), pixels, atol=1)
            self.assertPixels(encode(cmyk, "JPEG", quality=95), pixels, atol=4)

    @parameterized.product(
        orientation=tuple(range(1, 9)),
        file_format=("JPEG", "PNG", "WEBP", "TIFF"),
    )
    def test_orientations(self, orientation, file_format):
        upright = picture(16, 24)
        # What a camera held that way stores.
        stored = {
            1: upright,
            2: upright[:, ::-1],
            3: upright[::-1, ::-1],
            4: upright[::-1],
            5: upright.swapaxes(0, 1),
            6: np.rot90(upright),
            7: upright[::-1, ::-1].swapaxes(0, 1),
            8: np.rot90(upright, -1),
        }[orientation]
        contents = encode(
            np.ascontiguousarray(stored),
            file_format,
            exif=exif(orientation),
            **OPTIONS.get(file_format, {}),
        )
        atol = 6 if file_format == "JPEG" else 0
        self.assertPixels(contents, upright, atol=atol)
        expected = ("orientation",) if orientation > 1 else ()
        self.assertEqual(self.open(contents).conversions, expected)

    @parameterized.parameters(1, 2, 3, 4)
    def test_sixteen_bits(self, channels):
        deep = photos(9, 7, channels).astype("uint16") * 256
        deep += photos(9, 7, channels, seed=1)
        expected, files = deep / 257, [encode_png(deep)]
        if channels in (2, 4):
            alpha = deep[..., -1:] / 65535
            expected = expected[..., :-1] * alpha + 255 * (1 - alpha)
        else:
            files += [encode_tiff(deep), encode_tiff(deep, order=">")]
        if channels == 1:
            # Photometric interpretation 0: 0 is white.
            files.append(encode_tiff(65535 - deep, t262=0))
        for contents in files:
            # Of colours, the higher byte is taken.
            atol = 0.51 if channels == 1 else 2
            expected = np.broadcast_to(expected, (9, 7, 3))
            self.assertPixels(contents, expected, atol=atol)
            self.assertIn("16-bit", self.open(contents).conversions)

    @parameterized.parameters(
        ("GIF", "animated"),
        ("PNG", "animated"),
        ("WEBP", "animated"),
        ("TIFF", "multi-page"),
        ("MPO", "multi-page"),
    )
    def test_first_of_several(self, file_format, conversion):
        first, second = (
            Image.fromarray(picture(16, 24, seed=seed)).quantize(16)
            for seed in (1, 2)
        )
        expected = np.asarray(first.convert("RGB")).astype(int)
        if file_format != "GIF":
            first, second = first.convert("RGB"), second.convert("RGB")
        contents = encode(
            first,
            file_format,
            save_all=True,
            append_images=[second],
            **OPTIONS.get(file_format, {}),
        )
        opened = self.open(contents)
        self.assertIn(conversion, opened.conversions)
        self.assertEqual(opened.file_format, file_format)
        self.assertFalse(opened.plain)
        self.assertPixels(contents, expected, 6 if file_format == "MPO" else 0)
        self.assertEqual(is_animated(contents), conversion == "animated")

    @parameterized.parameters(
        ("AVIF", {"quality": 100, "subsampling": "4:4:4"}),
        ("HEIF", {"quality": -1, "chroma": 444}),
        ("JXL", {"lossless": True}),
    )
    def test_formats_of_plugins(self, file_format, options):
        try:
            self.open(b"\0\0\0\x18ftypheic" if file_format == "HEIF" else b"")
        except ImageError:
            # The plug-in is imported by now, if it is there.
            pass
        if file_format not in Image.SAVE:
            self.skipTest(f"Nothing installed reads {file_format}.")
        contents = encode(picture(16, 24), file_format, **options)
        self.assertPixels(contents, picture(16, 24), atol=6)

    def test_without_a_reader(self):
        if "HEIF" in Image.OPEN:
            self.skipTest("There is a reader of HEIF.")
        with self.assertRaisesRegex(
            ImageError, r"reads HEIF images; install pillow-heif\. Received"
        ) as caught:
            self.open(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(99))
        self.assertEqual(caught.exception.reason, "unsupported")

    def test_max_pixels(self):
        for file_format in ("JPEG", "PNG", "GIF", "BMP", "TIFF", "TGA"):
            contents = encode(picture(20, 30), file_format)
            self.open(contents, max_pixels=600)
            with self.assertRaisesRegex(
                ImageError,
                r"too large: 30 x 20 pixels\. At most 599 pixels.*=a file",
            ):
                self.open(contents, max_pixels=599)


class ModulesTest(TestCase):
    def test_reading_crosses_at_most_three_modules(self):
        folder, crossed = self.temporary_folder(), set()
        (folder / "plain.jpg").write_bytes(encode(picture(), "JPEG"))
        deep = encode_png(
            picture().astype("uint16"), png_chunk(b"gAMA", bytes(3) + b"d")
        )
        (folder / "gamma.png").write_bytes(deep)

        def trace(frame, event, argument):
            if event == "call":
                name = frame.f_globals.get("__name__", "")
                if name.startswith("keras_comic.data."):
                    crossed.add(name.rpartition(".")[2])

        for path in folder.iterdir():
            sys.setprofile(trace)
            try:
                read_image(path)
            finally:
                sys.setprofile(None)
        self.assertEqual(crossed, {"images", "paths", "color_profiles"})


class FilesTest(TestCase):
    def setUp(self):
        super().setUp()
        self.folder = self.temporary_folder()

    def test_read_image(self):
        path = self.folder / "a.png"
        path.write_bytes(encode(picture(20, 30), "PNG"))
        self.assertAllEqual(read_image(str(path)), picture(20, 30))
        with self.assertRaisesRegex(ImageError, "At most 599 pixels"):
            read_image(path, max_pixels=599)

    def test_no_file(self):
        with self.assertRaisesRegex(
            FileNotFoundError, r"no such file\. Received: path=.*missing\.jpg"
        ):
            read_image(self.folder / "missing.jpg")
        with self.assertRaisesRegex(ImageError, "not a folder.*Received: path"):
            read_image(self.folder)

    def test_bad_files(self):
        expected = make_bad_files(self.folder / "bad")
        for path, bad_file in expected.items():
            with self.subTest(path.name):
                try:
                    opened = open_image(path)
                except ImageError as error:
                    self.assertEqual(error.reason, bad_file.reason)
                    self.assertIn(f"Received: path={path}", str(error))
                    self.assertNotIn("\n", str(error))
                else:
                    self.assertIsNone(bad_file.reason)
                    self.assertEqual(opened.conversions, bad_file.conversions)
                    self.assertEqual(opened.image.mode, "RGB")
        reasons = {bad_file.reason for bad_file in expected.values()}
        self.assertLessEqual(set(REASONS) - {"unsupported"}, reasons)

    def test_error(self):
        error = ImageError("Too many.", reason="too large")
        copy = pickle.loads(pickle.dumps(error))
        self.assertEqual((str(copy), copy.reason), ("Too many.", "too large"))
        with self.assertRaisesRegex(ValueError, "Received: reason=ugly"):
            ImageError("Ugly.", reason="ugly")

    def test_any_damage_is_an_image_error(self):
        generator = random.Random(0)
        seeds = [contents for _, contents, _ in odd_files()]
        for number in range(400):
            contents = bytearray(generator.choice(seeds))
            if number % 4 == 0:
                del contents[generator.randrange(len(contents)) :]
            else:
                end = generator.choice([40, 200, len(contents)])
                for _ in range(generator.randint(1, 8)):
                    place = generator.randrange(min(end, len(contents)))
                    contents[place] = generator.randrange(256)
            try:
                # Decoding what is larger takes long, and nothing is learnt.
                open_image("a", contents, max_pixels=2**20)
            except ImageError as error:
                self.assertIn(error.reason, REASONS)
