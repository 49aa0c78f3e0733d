import contextlib
import os
import pickle
import random
import struct
import threading
import warnings

import numpy as np
import pytest
from absl.testing import parameterized
from hypothesis import given
from hypothesis import settings
from hypothesis import strategies as st
from PIL import Image

from keras_comic.data import images
from keras_comic.data.images import CONVERSIONS
from keras_comic.data.images import REASONS
from keras_comic.data.images import ImageError
from keras_comic.data.images import fitted_size
from keras_comic.data.images import image_label
from keras_comic.data.images import labelled_images
from keras_comic.data.images import list_images
from keras_comic.data.images import open_image
from keras_comic.data.images import read_image
from keras_comic.data.images import resize_short_side
from tests.data.bad_files import _odd as odd_files
from tests.data.bad_files import encode
from tests.data.bad_files import encode_png
from tests.data.bad_files import encode_tiff
from tests.data.bad_files import exif
from tests.data.bad_files import make_bad_files
from tests.data.bad_files import picture
from tests.data.bad_files import png_chunk
from tests.test_case import TestCase
from tests.test_case import photos

# Real files, to be damaged: what Pillow writes and what is odd but readable.
SEEDS = [
    *((name, contents) for name, contents, _ in odd_files()),
    *(
        (f"picture.{file_format.lower()}", encode(picture(), file_format))
        for file_format in ("JPEG2000", "PPM", "TGA", "PCX", "SGI")
    ),
]
# As close to the pixels as a format comes.
OPTIONS = {
    "JPEG": {"quality": 100, "subsampling": 0},
    "MPO": {"quality": 100, "subsampling": 0},
    "WEBP": {"lossless": True},
}
# Any picture, of up to a few pixels.
PIXELS = st.tuples(
    st.integers(1, 9), st.integers(1, 9), st.integers(0, 2**32 - 1)
).map(lambda drawn: photos(drawn[0], drawn[1], 3, seed=drawn[2]))
settings.register_profile("images", deadline=None, database=None)


class ListImagesTest(TestCase):
    def setUp(self):
        super().setUp()
        self.folder = self.temporary_folder()

    def touch(self, *names):
        for name in names:
            path = self.folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()

    def test_sorted_and_recursive(self):
        self.touch("b.PNG", "a/z.jpg", "a.jpeg", "a/b/c.webp", "c.tiff")
        found = [
            p.relative_to(self.folder).as_posix()
            for p in list_images(self.folder)
        ]
        self.assertEqual(
            found, ["a/b/c.webp", "a/z.jpg", "a.jpeg", "b.PNG", "c.tiff"]
        )

    def test_other_and_hidden_files_are_left_out(self):
        self.touch(
            "a.jpg", "notes.txt", "._a.jpg", ".cache/b.jpg", "c.jpg.part"
        )
        found = [p.name for p in list_images(str(self.folder))]
        self.assertEqual(found, ["a.jpg"])

    def test_errors(self):
        with self.assertRaisesRegex(
            FileNotFoundError, r"no such folder\. Received: folder=.*missing"
        ):
            list_images(self.folder / "missing")
        self.touch("notes.txt")
        with self.assertRaisesRegex(ValueError, r"no image; .*\.jpg.*Received"):
            list_images(self.folder)
        with self.assertRaisesRegex(ValueError, r"not a file; .*notes\.txt"):
            list_images(self.folder / "notes.txt")

    def test_labels(self):
        self.assertEqual(image_label("books/ink/1/a.png", "books"), "ink")
        self.assertEqual(image_label("books/a.png", "books"), "books")
        self.assertEqual(image_label("ink/train/a.png", "ink/train"), "ink")
        self.assertEqual(image_label("ink/eval/a.png", "ink/eval"), "eval")
        self.assertEqual(
            image_label("ink/eval/a.png", "ink/eval", split="eval"), "ink"
        )

    def test_label_of_the_current_folder(self):
        self.touch("ink/a.png")
        start = os.getcwd()
        self.addCleanup(os.chdir, start)
        os.chdir(self.folder / "ink")
        self.assertEqual(image_label("a.png", "."), "ink")

    def test_labelled_images(self):
        self.touch("ink/a.png", "wash/b.png")
        ink, wash = self.folder / "ink", self.folder / "wash"
        pairs = [("ink", ink, ink / "a.png"), ("wash", wash, wash / "b.png")]
        self.assertEqual(labelled_images([ink, str(wash)]), pairs)
        self.assertEqual(
            labelled_images({"pen": ink}), [("pen", ink, ink / "a.png")]
        )
        self.assertEqual(
            labelled_images(self.folder),
            [(label, self.folder, path) for label, _, path in pairs],
        )
        with self.assertRaisesRegex(ValueError, r"Received: folders=\[\]"):
            labelled_images([])


class ReadImageTest(TestCase):
    def setUp(self):
        super().setUp()
        self.folder = self.temporary_folder()

    def save(self, image, name, **arguments):
        if isinstance(image, np.ndarray):
            image = Image.fromarray(image)
        path = self.folder / name
        image.save(path, **arguments)
        return path

    def assertPixels(self, path, expected, atol=0):
        image = read_image(path)
        self.assertDType(image, "uint8")
        self.assertAllClose(image.astype(int), expected, atol=atol, rtol=0)

    def test_rgb_of_odd_size(self):
        pixels = photos(33, 47, 3)
        for suffix in ("png", "bmp", "tif", "ppm"):
            path = self.save(pixels, f"a.{suffix}")
            self.assertPixels(path, pixels)
            self.assertPixels(str(path), pixels)

    def test_grey(self):
        grey = photos(9, 7)
        expected = np.repeat(grey[..., None], 3, axis=-1)
        self.assertPixels(self.save(grey, "a.png"), expected)

    def test_one_bit(self):
        bits = photos(9, 7) > 127
        expected = np.repeat(bits[..., None], 3, axis=-1) * 255
        self.assertPixels(self.save(bits, "a.png"), expected)

    def test_sixteen_bits(self):
        values = np.array([[0, 128, 129, 257], [65535, 65279, 32896, 2]])
        expected = np.array([[0, 0, 1, 1], [255, 254, 128, 0]])
        expected = np.repeat(expected[..., None], 3, axis=-1)
        for suffix in ("png", "tif"):
            path = self.save(values.astype("uint16"), f"a.{suffix}")
            self.assertPixels(path, expected)

    def test_palette(self):
        pixels = np.zeros((8, 8, 3), "uint8")
        pixels[:4] = [200, 30, 10]
        pixels[4:] = [10, 30, 200]
        image = Image.fromarray(pixels).quantize(4)
        self.assertPixels(self.save(image, "a.png"), pixels)
        self.assertPixels(self.save(image, "a.gif"), pixels)

    def test_transparency_lies_on_white(self):
        pixels = np.zeros((2, 3, 4), "uint8")
        pixels[..., 0] = 200
        pixels[..., 3] = [0, 51, 255]
        expected = np.array([[255, 255, 255], [244, 204, 204], [200, 0, 0]])
        for suffix in ("png", "tif", "webp"):
            arguments = {"lossless": True} if suffix == "webp" else {}
            path = self.save(pixels, f"a.{suffix}", **arguments)
            self.assertPixels(path, np.stack([expected] * 2))

    def test_transparent_grey_and_palette(self):
        grey = Image.new("LA", (2, 1), (100, 255))
        grey.putpixel((0, 0), (100, 0))
        path = self.save(grey, "grey.png")
        self.assertPixels(path, [[[255] * 3, [100] * 3]])
        palette = Image.new("P", (2, 1))
        palette.putpalette([9, 9, 9, 50, 60, 70])
        palette.putdata([0, 1])
        path = self.save(palette, "palette.png", transparency=0)
        self.assertPixels(path, [[[255] * 3, [50, 60, 70]]])

    def test_cmyk(self):
        image = Image.new("CMYK", (16, 16), (0, 255, 255, 0))
        expected = np.full((16, 16, 3), [255, 0, 0])
        path = self.save(image, "a.jpg", quality=95)
        self.assertPixels(path, expected, atol=2)
        self.assertPixels(self.save(image, "a.tif"), expected)

    def test_orientation(self):
        pixels = np.zeros((16, 32, 3), "uint8")
        pixels[:, :16] = 255
        # As the camera stores it: 6 is to be turned by 90 degrees clockwise.
        expected = np.zeros((32, 16, 3))
        expected[:16] = 255
        exif = Image.Exif()
        exif[0x0112] = 6
        for suffix in ("jpg", "png"):
            path = self.save(pixels, f"a.{suffix}", exif=exif)
            self.assertPixels(path, expected, atol=3)
            self.assertFalse(open_image(path)[2])

    def test_plain_files(self):
        path = self.save(photos(8, 8, 3), "a.jpg")
        self.assertEqual(open_image(path)[1:], ("JPEG", True, ()))
        path = self.save(photos(8, 8, 4), "a.png")
        self.assertEqual(open_image(path)[1:], ("PNG", False, ("alpha",)))

    def test_no_file(self):
        with self.assertRaisesRegex(
            FileNotFoundError, r"no such file\. Received: path=.*missing\.jpg"
        ):
            read_image(self.folder / "missing.jpg")
        with self.assertRaisesRegex(
            ImageError, "not a folder. Received: path="
        ):
            read_image(self.folder)

    def test_not_an_image(self):
        for content in (b"No picture, but a letter.", bytes(1000)):
            path = self.folder / "letter.jpg"
            path.write_bytes(content)
            with self.assertRaisesRegex(
                ValueError, r"not an image that .*Received: path=.*letter\.jpg"
            ):
                read_image(path)
        path.write_bytes(b"<html>Not found</html>")
        with self.assertRaisesRegex(ImageError, "it is a page of HTML"):
            read_image(path)

    def test_not_read_in_vain(self):
        # Sparse: it takes no room.
        path = self.folder / "large.jpg"
        with open(path, "wb") as file:
            file.truncate(2**40)
        with self.assertRaisesRegex(ImageError, "not an image"):
            read_image(path)
        with open(path, "r+b") as file:
            file.write(b"\xff\xd8\xff")
        with self.assertRaisesRegex(
            ImageError, "has 1099511627776 bytes; at most 1073741824"
        ) as caught:
            read_image(path)
        self.assertEqual(caught.exception.reason, "too large")

    def test_unknown_range(self):
        path = self.save(np.zeros((4, 4), "float32"), "a.tif")
        with self.assertRaisesRegex(ImageError, "floating point.*a.tif"):
            read_image(path)
        path = self.save(np.full((4, 4), 70000, "int32"), "b.tif")
        with self.assertRaisesRegex(
            ImageError, r"\(70000 to 70000\).*b.tif"
        ) as caught:
            read_image(path)
        self.assertEqual(caught.exception.reason, "unsupported")


class OpenImageTest(parameterized.TestCase, TestCase):
    def open(self, contents, **arguments):
        return open_image("a file", contents, **arguments)

    def pixels(self, contents):
        return np.asarray(self.open(contents).image).astype(int)

    def test_what_is_returned(self):
        opened = self.open(encode(picture(20, 30), "JPEG"))
        self.assertEqual(opened.image.mode, "RGB")
        self.assertEqual(opened.image.size, (30, 20))
        self.assertEqual(opened.image.info, {})
        self.assertEqual(opened[1:], ("JPEG", True, ()))
        contents = encode(picture(20, 30, 4), "PNG", exif=exif(3))
        self.assertEqual(
            self.open(contents)[1:], ("PNG", False, ("orientation", "alpha"))
        )

    def test_contents(self):
        contents = encode(picture(), "PNG")
        for given_contents in (
            contents,
            bytearray(contents),
            memoryview(contents),
        ):
            opened = self.open(given_contents)
            self.assertAllEqual(np.asarray(opened.image), picture())
        with self.assertRaisesRegex(ImageError, "empty. Received: path=a file"):
            self.open(b"")

    def test_cmyk_has_the_colours_of_rgb(self):
        red, green, blue = (
            np.full((16, 16, 3), color, "uint8")
            for color in ([255, 0, 0], [0, 160, 0], [20, 40, 200])
        )
        for expected in (red, green, blue, picture()):
            cmyk = Image.fromarray(expected).convert("CMYK")
            for file_format, atol in (("TIFF", 1), ("JPEG", 40)):
                contents = encode(cmyk, file_format)
                difference = np.abs(self.pixels(contents) - expected)
                self.assertLess(difference.max(), atol + 1)
                self.assertLess(difference.mean(), atol / 5)
        # The same colours with black ink only, and none at all.
        ink = np.zeros((16, 16, 4), "uint8")
        ink[:, :8, 3] = 255
        black_and_white = self.pixels(
            encode(Image.fromarray(ink, "CMYK"), "JPEG", quality=95)
        )
        self.assertAllClose(black_and_white[:, :6], np.zeros((16, 6, 3)), 2)
        self.assertAllClose(
            black_and_white[:, 10:], np.full((16, 6, 3), 255), 2
        )

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
        self.assertAllClose(self.pixels(contents), upright, atol=atol)
        expected = ("orientation",) if orientation > 1 else ()
        self.assertEqual(self.open(contents).conversions, expected)
        self.assertEqual(self.open(contents).plain, orientation == 1)

    @parameterized.parameters(1, 3)
    def test_sixteen_bits(self, channels):
        deep = photos(9, 7, channels).astype("uint16") * 256
        deep += photos(9, 7, channels, seed=1)
        expected = np.broadcast_to(deep / 257, (9, 7, 3))
        for contents in (
            encode_png(deep),
            encode_tiff(deep),
            encode_tiff(deep, order=">"),
        ):
            # Of colours, the higher byte is taken.
            atol = 0.51 if channels == 1 else 1
            self.assertAllClose(self.pixels(contents), expected, atol=atol)
            self.assertFalse(self.open(contents).plain)

    def test_sixteen_bits_from_white(self):
        deep = photos(9, 7, 1).astype("uint16") * 257
        # Photometric interpretation 0: 0 is white.
        contents = encode_tiff(deep, t262=0)
        expected = np.broadcast_to(255 - deep // 257, (9, 7, 3))
        self.assertAllEqual(self.pixels(contents), expected)

    def test_sixteen_bits_with_alpha(self):
        deep = photos(9, 7, 4).astype("uint16") * 257
        for channels in (2, 4):
            values = deep[..., -channels:]
            color, alpha = values[..., :-1] / 257, values[..., -1:] / 65535
            expected = np.broadcast_to(
                color * alpha + 255 * (1 - alpha), (9, 7, 3)
            )
            self.assertAllClose(
                self.pixels(encode_png(values)), expected, atol=1
            )

    def test_transparent_colours(self):
        values = np.array([[[5], [6]]], "uint16") * 257
        key = png_chunk(b"tRNS", struct.pack(">H", 5 * 257))
        pixels = self.pixels(encode_png(values, key))
        self.assertAllEqual(pixels, [[[255] * 3, [6] * 3]])
        colors = np.array([[[1, 2, 3], [1, 2, 4]]], "uint8")
        key = png_chunk(b"tRNS", struct.pack(">HHH", 1, 2, 3))
        pixels = self.pixels(encode_png(colors, key))
        self.assertAllEqual(pixels, [[[255] * 3, [1, 2, 4]]])

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
        difference = np.abs(np.asarray(opened.image) - expected)
        self.assertLess(difference.max(), 7 if file_format == "MPO" else 1)
        # The end of the second is missing.
        if file_format in ("GIF", "PNG"):
            cut = self.open(contents[:-30])
            self.assertAllEqual(np.asarray(cut.image), expected)

    def test_metadata_beside_the_picture(self):
        expected = picture()
        for kind, data in (
            (b"zTXt", b"Comment\0\0no zlib"),
            (b"iTXt", b"\xff" * 20),
            (b"tEXt", b""),
            (b"gAMA", b""),
            (b"sRGB", b""),
            (b"eXIf", b"MM\0*\xff\xff\xff\xff"),
            (b"acTL", bytes(8)),
        ):
            contents = encode_png(expected, png_chunk(kind, data))
            self.assertAllEqual(self.pixels(contents), expected)

    def test_formats_beside_the_common(self):
        expected = picture()
        for file_format, atol in (
            ("PPM", 0),
            ("TGA", 0),
            ("SGI", 0),
            ("PCX", 0),
            ("JPEG2000", 2),
        ):
            contents = encode(expected, file_format)
            self.assertAllClose(self.pixels(contents), expected, atol=atol)
            self.assertEqual(self.open(contents).file_format, file_format)

    @parameterized.parameters(
        ("pillow_heif", "HEIF", {"quality": -1, "chroma": 444}),
        ("pillow_avif", "AVIF", {"quality": 100, "subsampling": "4:4:4"}),
        ("pillow_jxl", "JXL", {"lossless": True}),
    )
    def test_plugins(self, module, file_format, options):
        if file_format == "AVIF" and "AVIF" in Image.SAVE:
            module = "PIL"
        plugin = pytest.importorskip(module)
        if images.pillow_opener(file_format) is None:
            self.skipTest("The plugin does not fit this Pillow.")
        if file_format == "HEIF":
            plugin.register_heif_opener()
        expected = picture(16, 24)
        contents = encode(expected, file_format, **options)
        opened = self.open(contents)
        self.assertAllClose(np.asarray(opened.image), expected, atol=6)
        self.assertEqual(opened.file_format, file_format)
        contents = encode(picture(16, 24, 4), file_format, **options)
        self.assertEqual(self.open(contents).conversions, ("alpha",))
        for place in (20, len(contents) // 2, len(contents) - 5):
            with self.assertRaises(ImageError):
                self.open(contents[:place])

    def test_without_a_reader(self):
        contents = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(99)
        if images.pillow_opener("HEIF") is not None:
            self.skipTest("There is a reader of HEIF.")
        with self.assertRaisesRegex(
            ImageError, r"reads HEIF images; install pillow-heif\. Received"
        ) as caught:
            self.open(contents)
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
        path = self.temporary_folder() / "a.png"
        path.write_bytes(encode(picture(20, 30), "PNG"))
        self.assertShape(read_image(path, max_pixels=600), (20, 30, 3))
        with self.assertRaises(ImageError):
            read_image(path, max_pixels=599)

    def test_larger_than_pillow_would_have(self):
        # Pillow's bound is one for the whole process: it is left alone, and
        # its warning does not come out.
        bound = Image.MAX_IMAGE_PIXELS
        self.addCleanup(setattr, Image, "MAX_IMAGE_PIXELS", bound)
        Image.MAX_IMAGE_PIXELS = 500
        filters = list(warnings.filters)
        for file_format in ("JPEG", "PNG", "GIF", "BMP", "TIFF", "WEBP"):
            self.open(encode(picture(20, 30), file_format))
        self.assertEqual(Image.MAX_IMAGE_PIXELS, 500)
        self.assertEqual(warnings.filters, filters)

    def test_threads(self):
        # Warnings are errors here, also while other threads read.
        tiff = encode_tiff(picture(8, 8), t34665=2**31)
        files = [tiff, encode(picture(), "GIF"), encode(picture(), "JPEG")]
        filters = list(warnings.filters)
        failures = []

        def work():
            try:
                for _ in range(20):
                    for contents in files:
                        self.open(contents)
            except Exception as error:
                failures.append(error)

        threads = [threading.Thread(target=work) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(failures, [])
        self.assertEqual(warnings.filters, filters)


class BadFilesTest(TestCase):
    def test_each_gets_its_reason(self):
        expected = make_bad_files(self.temporary_folder() / "bad")
        self.assertGreater(len(expected), 100)
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
        self.assertEqual(reasons, {None, *REASONS})
        conversions = {c for b in expected.values() for c in b.conversions}
        self.assertEqual(conversions, set(CONVERSIONS))

    def test_error(self):
        error = ImageError("Too many.", reason="too large")
        copy = pickle.loads(pickle.dumps(error))
        self.assertEqual((str(copy), copy.reason), ("Too many.", "too large"))
        self.assertIsInstance(error, ValueError)
        with self.assertRaisesRegex(ValueError, "Received: reason=ugly"):
            ImageError("Ugly.", reason="ugly")


class AnyFileTest(TestCase):
    @contextlib.contextmanager
    def only_image_errors(self):
        try:
            yield
        except ImageError as error:
            self.assertIn(error.reason, REASONS)

    @settings(settings.get_profile("images"), max_examples=50)
    @given(PIXELS, st.sampled_from(["PNG", "WEBP", "TIFF", "BMP", "PPM"]))
    def test_lossless_files_come_back_equal(self, pixels, file_format):
        contents = encode(pixels, file_format, **OPTIONS.get(file_format, {}))
        opened = open_image("a", contents)
        self.assertAllEqual(np.asarray(opened.image), pixels)
        self.assertEqual(opened[1:], (file_format, True, ()))

    @settings(settings.get_profile("images"), max_examples=50)
    @given(PIXELS)
    def test_jpeg_comes_back_alike(self, pixels):
        opened = open_image("a", encode(pixels, "JPEG", **OPTIONS["JPEG"]))
        self.assertAllClose(np.asarray(opened.image), pixels, atol=6)
        self.assertEqual(opened[1:], ("JPEG", True, ()))

    @settings(settings.get_profile("images"), max_examples=200)
    @given(
        st.one_of(
            st.binary(max_size=300),
            st.tuples(
                st.sampled_from(SEEDS).map(lambda seed: seed[1][:16]),
                st.binary(max_size=300),
            ).map(b"".join),
        )
    )
    def test_any_bytes(self, contents):
        with self.only_image_errors():
            open_image("a", contents)

    @settings(settings.get_profile("images"), max_examples=200)
    @given(st.sampled_from(SEEDS), st.floats(0, 1))
    def test_any_cut(self, seed, place):
        contents = seed[1]
        with self.only_image_errors():
            open_image("a", contents[: int(place * len(contents))])

    @settings(settings.get_profile("images"), max_examples=300)
    @given(
        st.sampled_from(SEEDS),
        st.lists(
            st.tuples(st.floats(0, 1), st.integers(0, 255)),
            min_size=1,
            max_size=8,
        ),
        st.sampled_from([40, 200, None]),
    )
    def test_any_damage(self, seed, changes, end):
        contents = bytearray(seed[1])
        length = min(len(contents), end or len(contents))
        for place, value in changes:
            contents[int(place * (length - 1))] = value
        with self.only_image_errors():
            # Decoding what is larger takes long, and nothing is learnt.
            open_image("a", contents, max_pixels=2**20)

    def test_inserted_and_repeated_bytes(self):
        generator = random.Random(0)
        for _ in range(300):
            contents = bytearray(generator.choice(SEEDS)[1])
            place = generator.randrange(len(contents))
            other = generator.randrange(len(contents))
            contents[place:place] = contents[other : other + 16]
            with self.only_image_errors():
                open_image("a", contents, max_pixels=2**20)


class ResizeTest(TestCase):
    def test_sizes(self):
        for height, width in ((64, 48), (48, 64), (33, 33), (200, 31)):
            image = resize_short_side(photos(height, width, 3), 24)
            self.assertEqual(min(image.shape[:2]), 24)
            scale = 24 / min(height, width)
            self.assertAllClose(
                image.shape[:2], (height * scale, width * scale), atol=0.5
            )
            self.assertDType(image, "uint8")

    def test_right_size_is_left_alone(self):
        image = photos(24, 40, 3)
        self.assertIs(resize_short_side(image, 24), image)

    def test_antialiasing(self):
        stripes = np.zeros((64, 64, 3), "uint8")
        stripes[:, ::2] = 255
        image = resize_short_side(stripes, 16)
        self.assertAllClose(image[:, 2:-2], np.full((16, 12, 3), 127), atol=3)

    def test_errors(self):
        with self.assertRaisesRegex(ValueError, "Received: size=0"):
            resize_short_side(photos(8, 8, 3), 0)
        for image in (photos(8, 8), np.zeros((8, 8, 3)), photos(8, 8, 4)):
            with self.assertRaisesRegex(ValueError, "must be uint8.*Received"):
                resize_short_side(image, 4)

    def test_fitted_size(self):
        self.assertEqual(fitted_size((60, 40), 60), (60, 40))
        self.assertEqual(fitted_size((60, 40), 30), (30, 20))
        self.assertEqual(fitted_size((1000, 1), 100), (100, 1))
        self.assertEqual(fitted_size(np.array([40, 60]), 30), (20, 30))
