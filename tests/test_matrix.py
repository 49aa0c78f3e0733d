"""Every kind of picture file, through every way into the library.

Each cell is the comic of what `read_image` reads, or an error that names the
file and the reason; none is silent.
"""

import io
import shutil
import tempfile
from pathlib import Path

import numpy as np
import tensorflow as tf
from absl.testing import parameterized
from PIL import Image
from typer.testing import CliRunner

from keras_comic import data
from keras_comic.cli.main import app
from keras_comic.data import read_image
from keras_comic.serving import Client
from keras_comic.serving import MediaLimits
from keras_comic.serving.web_stylizer import Choice
from keras_comic.serving.web_stylizer import WebStylizer
from tests.data.bad_files import encode
from tests.data.bad_files import encode_png
from tests.data.bad_files import picture
from tests.data.test_color_profiles import profile_of
from tests.export.small_models import served_signatures
from tests.export.small_models import small_model
from tests.serving.flaky_servers import start_flaky_server
from tests.test_case import TestCase

ORIENTATION = 274
# Opened by Pillow's own plug-ins, and by pillow-heif.
HEIF = "heif.heic"


def _image():
    return Image.fromarray(picture(36, 48))


def _files():
    """Returns the files by name, and the reasons of those that are refused."""
    image, exif = _image(), Image.Exif()
    exif[ORIENTATION] = 6
    alpha = image.copy()
    alpha.putalpha(Image.linear_gradient("L").resize(image.size))
    other = Image.fromarray(255 - np.asarray(image))
    deep = np.asarray(image).astype("uint16") * 257
    files = {
        "oriented.jpg": encode(image, "JPEG", exif=exif, quality=95),
        "turned.png": encode(image, "PNG", exif=exif),
        "p3.png": encode(image, "PNG", icc_profile=profile_of("Display P3")),
        "deep.png": encode_png(deep),
        "alpha.png": encode(alpha, "PNG"),
        "cmyk.jpg": encode(image.convert("CMYK"), "JPEG", quality=95),
        "palette.png": encode(image.quantize(16), "PNG"),
        "camera.jpg": encode(
            image, "MPO", save_all=True, append_images=[other], quality=95
        ),
        "webp.webp": encode(image, "WEBP", lossless=True),
        "avif.avif": encode(image, "AVIF", quality=90),
        "odd.png": encode(image.crop((0, 0, 47, 33)), "PNG"),
    }
    try:
        import pillow_heif

        pillow_heif.register_heif_opener()
        files[HEIF] = encode(image, "HEIF", quality=90)
    except ImportError:
        pass
    moving = [image.quantize(16), other.quantize(16)]
    animation = encode(
        moving[0], "GIF", save_all=True, append_images=moving[1:], duration=100
    )
    refused = {
        "empty.png": b"",
        "text.jpg": b"This is a text, no picture.\n",
        "thin.png": encode(image.crop((0, 0, 1, 33)), "PNG"),
    }
    return files, animation, refused


FILES, ANIMATION, REFUSED = _files()
every_file = parameterized.named_parameters(*((n, n) for n in FILES))
every_refused = parameterized.named_parameters(*((n, n) for n in REFUSED))
REASONS = "It moves|is empty|not an image|neither a picture|at least 32"
# What TensorFlow decodes in a graph. It cannot convert colours, and rounds
# the pixels of a JPEG a little differently.
IN_GRAPHS = ("JPEG", "PNG", "WEBP", "GIF", "BMP")


class MatrixTest(TestCase, parameterized.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.folder = Path(folder.name)
        cls.preset = cls.folder / "preset"
        cls.generator = small_model("comic")
        cls.generator.save_to_preset(cls.preset)
        cls.sources = cls.folder / "sources"
        cls.sources.mkdir()
        for name, contents in {**FILES, **REFUSED}.items():
            (cls.sources / name).write_bytes(contents)
        (cls.sources / "moving.gif").write_bytes(ANIMATION)

    def setUp(self):
        self.out = self.temporary_folder()

    def expected(self, name):
        return self.generator.stylize(read_image(self.sources / name))

    def stylize(self, *arguments, exit_code=0):
        arguments = ["--import", "tests.tiny_families", "stylize", *arguments]
        arguments += ["--preset", str(self.preset)]
        done = CliRunner().invoke(app, list(map(str, arguments)))
        self.assertEqual(done.exit_code, exit_code, done.output)
        return done.output

    @every_file
    def test_photo(self, name):
        self.stylize(self.sources / name, "-o", self.out / "comic.png")
        self.assertAllEqual(
            read_image(self.out / "comic.png"), self.expected(name)
        )

    @every_refused
    def test_photo_that_is_none(self, name):
        output = self.stylize(
            self.sources / name, "-o", self.out / "comic.png", exit_code=1
        )
        self.assertRegex(output, f"{name}: .*({REASONS})")
        self.assertEqual(list(self.out.iterdir()), [])

    def test_folder_and_several_files(self):
        several = [self.sources / n for n in sorted([*FILES, *REFUSED])]
        for number, sources in enumerate(
            ([self.sources], [*several, self.sources / "moving.gif"])
        ):
            out = self.out / str(number)
            output = self.stylize(*sources, "-o", out, exit_code=1)
            for name in REFUSED:
                self.assertRegex(output, f"{name}: .*({REASONS})")
            made = {path.stem: path for path in out.iterdir()}
            for name in FILES:
                target = made[Path(name).stem]
                self.assertAllClose(
                    read_image(target).astype(int),
                    self.expected(name).astype(int),
                    atol=0 if target.suffix == ".png" else 40,
                )
            self.assertLen(made, len(FILES) + 1)
            with Image.open(out / "moving.gif") as moving:
                self.assertEqual(moving.n_frames, 2)

    @every_file
    def test_folder_of_frames(self, name):
        frames = self.out / "frames"
        frames.mkdir()
        for number in range(2):
            target = frames / f"{number}{Path(name).suffix}"
            shutil.copy(self.sources / name, target)
        self.stylize(frames, "-o", self.out / "comics", "--as-video")
        found = sorted((self.out / "comics").glob("*.png"))
        self.assertLen(found, 2)
        for path in found:
            self.assertAllClose(
                read_image(path).astype(int),
                self.expected(name).astype(int),
                atol=1,
            )

    @parameterized.named_parameters(*((n, n) for n in [*FILES, *REFUSED]))
    def test_saved_model(self, name):
        contents = (self.sources / name).read_bytes()
        served = served_signatures("comic")["serving_bytes"]
        kind = data.images.image_format(contents)
        if name in REFUSED or kind not in IN_GRAPHS:
            with self.assertRaisesRegex(
                tf.errors.InvalidArgumentError, "not an image|at least 32"
            ):
                served(image_bytes=tf.constant([contents]))
            return
        (file,) = served(image_bytes=tf.constant([contents]))[
            "comic_bytes"
        ].numpy()
        with Image.open(io.BytesIO(file)) as comic:
            found = np.asarray(comic.convert("RGB"))
        expected = self.expected(name)
        self.assertEqual(found.shape, expected.shape)
        if name not in ("p3.png", "cmyk.jpg"):
            difference = np.abs(found.astype(int) - expected)
            self.assertLess(difference.mean(), 1)

    def test_client(self):
        _, address, _ = start_flaky_server(self, "http", "comic")
        client = Client(address)
        self.addCleanup(client.close)
        files = [self.sources / n for n in (*FILES, *REFUSED, "moving.gif")]
        done = client.stylize_files(files, self.out)
        reasons = {path.name: reason for path, reason in done.failures}
        # Videos and animations go by `stylize_video`, and are named here.
        self.assertCountEqual(reasons, [*REFUSED, "moving.gif"])
        for reason in reasons.values():
            self.assertRegex(reason, REASONS)
        for path in done.written:
            if path.suffix == ".png":
                (name,) = (n for n in FILES if Path(n).stem == path.stem)
                difference = read_image(path).astype(int) - self.expected(name)
                self.assertLessEqual(np.abs(difference).max(), 1, name)
        self.assertLen(done.written, len(FILES))

    @every_file
    def test_page(self, name):
        page = WebStylizer({"comic": self.generator}, MediaLimits())
        found = page.make(self.sources / name, Choice("comic", ()), self.out)
        self.assertAllEqual(read_image(found.path), self.expected(name))

    @every_refused
    def test_page_of_none(self, name):
        page = WebStylizer({"comic": self.generator}, MediaLimits())
        with self.assertRaisesRegex(ValueError, f"{name}.*({REASONS})"):
            page.make(self.sources / name, Choice("comic", ()), self.out)

    def test_records(self):
        written = data.write_records(self.sources, self.out, "photos")
        failed = {Path(path).name for path, _ in written.failures}
        self.assertEqual(failed, {"empty.png", "text.jpg"})
        kept = {
            record["image/filename"].numpy().decode(): record
            for record in data.read_records(self.out)
        }
        self.assertIn("thin.png", kept)
        for name in FILES:
            # Records keep JPEG as JPEG, encoded anew where it was turned.
            encoded = kept[name]["image/encoded"].numpy()
            image = Image.open(io.BytesIO(encoded)).convert("RGB")
            found = np.asarray(image).astype(int)
            read = read_image(self.sources / name)
            self.assertEqual(found.shape, read.shape)
            self.assertLess(np.abs(found - read).mean(), 2, name)
        self.assertEqual(written.conversions["animated"], 1)
