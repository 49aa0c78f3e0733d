import contextlib
import io
import json
import runpy

import pytest
from absl.testing import parameterized

from tests.data.pictures import save_noise
from tests.test_case import ROOT
from tests.test_case import TestCase

pytest.importorskip("tensorflow")

from keras_comic.data.tfrecord import read_records  # noqa: E402

RECIPES = ("bsds500", "coco", "div2k", "gutenberg", "peppercarrot", "wikiart")


class SetRecipesTest(TestCase, parameterized.TestCase):
    def setUp(self):
        super().setUp()
        self.folder = self.temporary_folder()
        self.output = self.temporary_folder() / "records"

    def build(self, recipe, folder=None):
        """The number of failures, and what was printed."""
        script = runpy.run_path(str(ROOT / "tfrecords" / f"{recipe}.py"))
        with contextlib.redirect_stdout(io.StringIO()) as printed:
            failures = script["build"](folder or self.folder, self.output)
        return failures, printed.getvalue().splitlines()

    def read(self, split="train"):
        """Of each record its label, file, source and licence."""
        records = read_records(str(self.output / f"{split}-*.tfrecord"))
        keys = ("label", "filename", "source", "license")
        return sorted(
            tuple(record[f"image/{key}"].numpy().decode() for key in keys)
            for record in records
        )

    @parameterized.parameters(*RECIPES)
    def test_other_folder(self, recipe):
        save_noise(self.folder, "holiday/a.jpg")
        with self.assertRaisesRegex(
            FileNotFoundError, "The folder must .* Received: folder="
        ):
            self.build(recipe)
        self.assertFalse(self.output.exists())

    @parameterized.parameters(*RECIPES)
    def test_says_where_and_under_which_licence(self, recipe):
        script = runpy.run_path(str(ROOT / "tfrecords" / f"{recipe}.py"))
        self.assertRegex(script["__doc__"], "https?://")
        self.assertIn("\nLicence: ", script["__doc__"])
        self.assertIn(
            f"    python tfrecords/{recipe}.py FOLDER [OUTPUT]\n",
            script["__doc__"],
        )

    def test_gutenberg(self):
        save_noise(
            self.folder,
            "43936-h/images/a.png",
            "pg41667-h/images/b.png",
            "11-h/images/c.png",
            height=240,
            width=208,
        )
        save_noise(self.folder, "43936-h/images/initial.png", first_seed=9)
        failures, lines = self.build("gutenberg")
        self.assertEqual(failures, 0)
        self.assertEqual(lines[:2], ["denslow, 1 records", "neill, 1 records"])
        self.assertRegex(lines[2], "left out: .*initial.png: too small")
        records = self.read()
        self.assertEqual(
            records[0],
            (
                "denslow",
                "images/a.png",
                "The Wonderful Wizard of Oz, W. W. Denslow, 1900, "
                "https://www.gutenberg.org/ebooks/43936",
                "Public domain in the USA",
            ),
        )
        self.assertEqual(records[1][:2], ("neill", "images/b.png"))

    def test_peppercarrot(self):
        page = "ep01_Potion-of-Flight/hi-res/gfx-only/gfx_E01P01.png"
        save_noise(
            self.folder,
            page,
            "ep01_Potion-of-Flight/low-res/en_E01P01.png",
            height=96,
            width=128,
        )
        failures, lines = self.build("peppercarrot")
        self.assertEqual((failures, lines), (0, ["peppercarrot, 1 records"]))
        self.assertEqual(
            self.read(),
            [
                (
                    "peppercarrot",
                    "gfx_E01P01.png",
                    f"https://www.peppercarrot.com/0_sources/{page}",
                    "CC BY 4.0, David Revoy, www.peppercarrot.com",
                )
            ],
        )

    def test_coco(self):
        save_noise(
            self.folder,
            "train2017/1.jpg",
            "train2017/2.jpg",
            "val2017/3.jpg",
            height=96,
            width=128,
        )
        with self.assertRaisesRegex(FileNotFoundError, "captions_train2017"):
            self.build("coco")
        (self.folder / "annotations").mkdir()
        for part, numbers in (("train", (1, 2)), ("val", (3,))):
            facts = {
                "licenses": [
                    {"id": 4, "name": "Attribution", "url": "http://cc/by"},
                    {"id": 7, "name": "None known", "url": "http://flickr"},
                ],
                "images": [
                    {
                        "file_name": f"{number}.jpg",
                        "license": 7 if number == 2 else 4,
                        "flickr_url": f"http://farm/{number}",
                    }
                    for number in numbers
                ],
            }
            path = self.folder / f"annotations/captions_{part}2017.json"
            path.write_text(json.dumps(facts))
        failures, lines = self.build("coco")
        self.assertEqual((failures, lines), (0, ["coco, 3 records"]))
        self.assertEqual(
            self.read(),
            [
                ("coco", "1.jpg", "http://farm/1", "Attribution, http://cc/by"),
                ("coco", "2.jpg", "http://farm/2", "None known, http://flickr"),
            ],
        )
        self.assertEqual(
            self.read("eval"),
            [("coco", "3.jpg", "http://farm/3", "Attribution, http://cc/by")],
        )
