import tempfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from keras_comic import presets
from keras_comic.cli.main import app
from keras_comic.data import read_image
from keras_comic.models import AdaINGenerator
from keras_comic.provenance.metadata import read_provenance
from keras_comic.provenance.watermark import read_watermark
from tests.test_case import TestCase
from tests.test_case import photos


def save(path, seed=0):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(photos(32, 40, 3, seed=seed)).save(path)
    return path


class StylizeTest(TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.preset = Path(folder.name) / "ink"
        generator = AdaINGenerator.light((4, 8, 4, 4), 1, 8)
        generator.add_style("wright", photos(32, 32, 3, seed=1))
        generator.add_style("neill", photos(32, 32, 3, seed=2) // 4)
        generator.save_to_preset(cls.preset)
        cls.generator = presets.from_preset(cls.preset)

    def setUp(self):
        self.folder = self.temporary_folder()
        self.photo = save(self.folder / "photo.png")
        self.comic = self.folder / "comic.png"

    def run_stylize(self, *arguments, exit_code=0, preset=None):
        """What the command prints."""
        result = CliRunner().invoke(
            app,
            ["stylize", "--preset", str(preset or self.preset)]
            + [str(argument) for argument in arguments],
        )
        self.assertEqual(result.exit_code, exit_code, result.output)
        return result.output

    def assertComic(self, **arguments):
        """The written comic is what `stylize` gives."""
        expected = self.generator.stylize(photos(32, 40, 3), **arguments)
        # Two loads of one preset may differ by a rounding.
        difference = read_image(self.comic).astype(int) - expected
        self.assertLessEqual(np.abs(difference).max(), 1)
        self.comic.unlink()

    def test_provenance_and_watermark(self):
        self.run_stylize(self.photo, "-o", self.comic)
        said = read_provenance(self.comic)
        self.assertEqual(said, self.generator.provenance)
        self.assertEqual(said.preset, "ink")
        self.run_stylize(
            self.photo, "-o", self.comic, "--overwrite", "--no-provenance"
        )
        self.assertIsNone(read_provenance(self.comic))
        Image.fromarray(photos(256, 260, 3)).save(self.photo)
        self.run_stylize(
            self.photo, "-o", self.comic, "--overwrite", "--watermark", "0xBEEF"
        )
        self.assertEqual(read_watermark(read_image(self.comic)), 0xBEEF)
        printed = self.run_stylize(
            self.photo, "-o", "x.png", "--watermark", "dog", exit_code=2
        )
        self.assertIn("--watermark dog", " ".join(printed.split()))

    def test_options(self):
        drawing = save(self.folder / "drawing.png", seed=3)
        mask = np.tile(np.arange(40) < 20, (32, 1))
        mask_file = self.folder / "mask.png"
        Image.fromarray(mask).save(mask_file)
        both = ("--style", "wright:3", "--style", "neill")
        for options, arguments in (
            ((), {}),
            (("--style", "neill"), {"style": "neill"}),
            (both, {"style": {"wright": 0.75, "neill": 0.25}}),
            (("--style", drawing), {"style": read_image(drawing)}),
            (
                ("--strength", 0.5, "--keep-color"),
                {"strength": 0.5, "keep_color": True},
            ),
            (("--mask", mask_file), {"mask": mask}),
        ):
            output = self.run_stylize(self.photo, "-o", self.comic, *options)
            self.assertEqual(output, f"Wrote {self.comic}\n")
            self.assertComic(**arguments)

    def test_max_side(self):
        image = Image.fromarray(photos(64, 80, 3))
        image.save(self.photo)
        self.run_stylize(self.photo, "-o", self.comic, "--max-side", 40)
        self.assertShape(read_image(self.comic), (32, 40, 3))

    def test_comic_that_is_there(self):
        self.comic.write_bytes(b"made before")
        arguments = (self.photo, "-o", self.comic)
        output = self.run_stylize(*arguments, exit_code=1)
        self.assertIn(f"{self.comic} is there already; --overwrite", output)
        self.assertEqual(self.comic.read_bytes(), b"made before")
        self.run_stylize(*arguments, "--overwrite")
        self.assertComic()

    def test_folder_with_a_broken_file(self):
        photos_folder = self.folder / "photos"
        save(photos_folder / "a.jpg")
        broken = photos_folder / "b.jpg"
        broken.write_bytes(b"no image")
        save(photos_folder / "sub" / "c.png")
        comics = self.folder / "comics"
        output = self.run_stylize(photos_folder, "-o", comics, exit_code=1)
        self.assertIn(f"Wrote 2 comics to {comics}\n", output)
        self.assertIn("1 could not be stylised", output)
        self.assertRegex(output, "b.jpg: The file is not an image")
        self.assertEqual(
            sorted(
                p.relative_to(comics).as_posix() for p in comics.rglob("*.*")
            ),
            ["a.png", "sub/c.png"],
        )
        broken.unlink()
        output = self.run_stylize(photos_folder, "-o", comics)
        self.assertIn(f"Wrote 0 comics to {comics}\n", output)
        self.assertIn("Left 2 that were there already", output)

    def test_errors(self):
        broken = self.folder / "broken.png"
        broken.write_bytes(b"no image")
        arguments = (self.photo, "-o", self.comic)
        for options, message in (
            (("--style", "wrigth"), "'wright', 'neill'.*style='wrigth'"),
            (("--style", broken), "not an image.*broken.png"),
            (("--style", "no.png"), "no such file.*no.png"),
            (("--style", "wright:0.5"), "--strength.*wright:0.5"),
            (("--style", "neill:-1", "--style", "wright"), "at least 0"),
            (("--mask", "no.png"), "no such file.*no.png"),
        ):
            output = self.run_stylize(*arguments, *options, exit_code=2)
            self.assertRegex(output, f"^Error: .*{message}.*\n$")
        self.run_stylize(*arguments, "--strength", 2, exit_code=2)
        output = self.run_stylize(
            self.folder / "none", "-o", self.comic, exit_code=2
        )
        self.assertRegex(output, "^Error: .*no such file or folder.*none\n$")
        output = self.run_stylize(*arguments, preset="paint", exit_code=2)
        self.assertRegex(output, "^Error: .*Built-in names: .*'paint'\n$")
        self.assertFalse(self.comic.exists())

    def test_urls(self):
        system = pytest.importorskip("fsspec").filesystem("memory")
        system.store.clear()
        contents = self.photo.read_bytes()
        system.pipe("/in/b/photo.png", contents)
        system.pipe("/in/cut.png", contents[:900])
        system.pipe("/drawing.png", contents)
        arguments = ("memory://in", "-o", "memory://out")
        style = ("--style", "memory://drawing.png:1", "--style", "wright:3")
        output = self.run_stylize(*arguments, *style, exit_code=1)
        self.assertIn("Wrote 1 comics to memory://out", output)
        self.assertRegex(output, "memory://in/cut.png: .*truncated")
        self.assertEqual(system.find("/out"), ["/out/b/photo.png"])
        self.comic.write_bytes(system.cat_file("/out/b/photo.png"))
        picture = photos(32, 40, 3)
        self.assertComic(style=[(picture, 0.25), ("wright", 0.75)])
        output = self.run_stylize(*arguments, exit_code=1)
        self.assertIn("Left 1 that were there already", output)
        output = self.run_stylize(
            "memory://in/b/photo.png", "-o", self.comic, "--mask", self.photo
        )
        self.assertEqual(output, f"Wrote {self.comic}\n")
        for source in ("memory://none", "none://in"):
            output = self.run_stylize(
                source, "-o", self.folder / "out", exit_code=2
            )
            self.assertRegex(output, f"Error: .*Received: {source}")
