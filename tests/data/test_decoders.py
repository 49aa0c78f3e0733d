import base64
import io
import subprocess
import sys

import numpy as np
from absl.testing import parameterized
from PIL import Image

from keras_comic.data import decoders
from keras_comic.data.decoders import FORMATS
from keras_comic.data.decoders import SUFFIXES
from keras_comic.data.decoders import describe_decoders
from keras_comic.data.decoders import image_format
from keras_comic.data.decoders import install_hint
from keras_comic.data.decoders import pillow_opener
from keras_comic.data.decoders import reads_sample
from keras_comic.data.decoders import tensorflow_reader
from tests.data.bad_files import encode
from tests.data.bad_files import picture
from tests.test_case import ROOT
from tests.test_case import TestCase

ALWAYS_READ = (
    "JPEG PNG GIF BMP WEBP TIFF JPEG2000 PPM QOI PSD PCX SGI TGA".split()
)


class TableTest(parameterized.TestCase, TestCase):
    @parameterized.parameters(
        *(name for name in ALWAYS_READ if name not in ("PSD",))
    )
    def test_recognised_and_opened(self, name):
        if name == "QOI" and "QOI" not in writers():
            self.skipTest("This Pillow does not write QOI.")
        contents = encode(picture(8, 9), name)
        self.assertEqual(image_format(contents), name)
        self.assertEqual(image_format(memoryview(contents)), name)
        with pillow_opener(name)(io.BytesIO(contents)) as image:
            self.assertEqual(image.size, (9, 8))

    @parameterized.named_parameters(
        (name, name) for name, row in FORMATS.items() if row.sample
    )
    def test_samples(self, name):
        contents = base64.b64decode(FORMATS[name].sample)
        self.assertEqual(image_format(contents), name)
        self.assertLess(len(contents), 500)

    def test_samples_tell_readers_apart(self):
        row = FORMATS["GIF"]
        white = np.full((1, 2, 3), 255, "uint8")
        self.assertTrue(reads_sample(row, lambda contents: white))
        self.assertFalse(reads_sample(row, lambda contents: 0 * white))
        self.assertFalse(reads_sample(row, lambda contents: white[:, :1]))
        self.assertFalse(reads_sample(row, lambda contents: 1 / 0))
        self.assertTrue(reads_sample(FORMATS["PNG"], None))

    @parameterized.parameters(
        (b"",),
        (b"\xff",),
        (b"<svg></svg>",),
        (b"%PDF-1.7",),
        (b"\0\0\1\0 an icon",),
        (b"RIFF\0\0\0\0WAVEfmt ",),
        (b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom",),
        (bytes(64),),
        (b"PK\3\4",),
    )
    def test_other_files(self, contents):
        self.assertIsNone(image_format(contents))

    @parameterized.parameters(
        (b"avif", b"mif1", "AVIF"),
        (b"avis", b"msf1", "AVIF"),
        (b"mif1", b"avif", "AVIF"),
        (b"mif1", b"heic", "HEIF"),
        (b"msf1", b"hevc", "HEIF"),
        (b"heic", b"mif1", "HEIF"),
    )
    def test_brands(self, brand, compatible, expected):
        contents = b"\0\0\0\x18ftyp" + brand + bytes(4) + compatible + b"miaf"
        self.assertEqual(image_format(contents), expected)

    def test_suffixes(self):
        for suffix in ".avif .heic .jp2 .jpg .jxl .pgm .png .tga".split():
            self.assertIn(suffix, SUFFIXES)
        of_rows = [s for row in FORMATS.values() for s in row.suffixes]
        self.assertEqual(len(of_rows), len(set(of_rows)))
        for suffix in of_rows:
            self.assertRegex(suffix, r"^\.[a-z0-9]+$")

    def test_openers(self):
        for name in ALWAYS_READ:
            self.assertTrue(callable(pillow_opener(name)), name)
        for name, hint in (
            ("HEIF", "pillow-heif"),
            ("JXL", "pillow-jxl-plugin"),
            ("AVIF", "pillow-avif-plugin"),
            ("TIFF", "a Pillow that was built with it"),
        ):
            self.assertEqual(install_hint(name), f"install {hint}")

    def test_reading_through_tensorflow(self):
        pixels = picture(8, 9)
        read = tensorflow_reader("PNG")
        if decoders._image_decoding() is None:
            self.assertIsNone(read)
        else:
            self.assertAllEqual(read(encode(pixels, "PNG")), pixels)
        for name in ("HEIF", "QOI", "TGA"):
            self.assertIsNone(tensorflow_reader(name))


class DescribeTest(TestCase):
    def test_table(self):
        lines = describe_decoders().splitlines()
        self.assertEqual(
            lines[:2],
            [
                "| format | suffixes | when opened | in a graph |",
                "| --- | --- | --- | --- |",
            ],
        )
        rows = {}
        for line in lines[2:]:
            title, suffixes, opened, in_graph = line[2:-2].split(" | ")
            rows[title] = (opened, in_graph)
            self.assertTrue(set(suffixes.split()) <= SUFFIXES)
        self.assertEqual(list(rows), [row.title for row in FORMATS.values()])
        self.assertEqual(rows["TGA"], ("Pillow", "nothing"))
        self.assertIn(rows["JPEG"][1], ("TensorFlow", "nothing"))
        self.assertIn(
            rows["HEIF"][0], ("pillow-heif", "nothing: install pillow-heif")
        )

    def test_without_tensorflow(self):
        program = (
            "import sys; sys.modules['tensorflow'] = None;"
            "import importlib.util;"
            "find = importlib.util.find_spec;"
            "importlib.util.find_spec = lambda name, *rest: None "
            "if name.startswith('tensorflow') else find(name, *rest);"
            "sys.modules['keras_comic'] = type(sys)('keras_comic');"
            "sys.modules['keras_comic'].__path__ = ['keras_comic'];"
            "sys.modules['keras_comic.data'] = type(sys)('keras_comic.data');"
            "sys.modules['keras_comic.data'].__path__ = ['keras_comic/data'];"
            "from keras_comic.data.decoders import describe_decoders;"
            "print(describe_decoders())"
        )
        done = subprocess.run(
            [sys.executable, "-c", program],
            capture_output=True,
            check=True,
            cwd=ROOT,
            text=True,
        )
        self.assertRegex(done.stdout, r"\| JPEG \| .* \| Pillow \| nothing \|")
        self.assertNotIn("TensorFlow", done.stdout)


def writers():
    Image.init()
    return Image.SAVE
