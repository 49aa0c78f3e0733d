import contextlib
import io
import runpy

import pytest

from keras_comic.data.images import list_images
from tests.data.pictures import save_noise
from tests.test_case import ROOT
from tests.test_case import TestCase

pytest.importorskip("tensorflow")


class RecipesTest(TestCase):
    def test_storybook(self):
        data, output = self.temporary_folder(), self.temporary_folder()
        names = ["photos/train/a.jpg", "drawings/ink/train/b.png"]
        save_noise(
            data, *names, "drawings/wash/train/c.png", "photos/eval/d.png"
        )
        self.assertEqual(len(list_images(data)), 4)
        (data / "drawings/wash/train/e.png").write_text("No picture.")
        (data / "MANIFEST.csv").write_text("file,source,licence\n")
        recipe = runpy.run_path(str(ROOT / "tfrecords" / "storybook.py"))
        with contextlib.redirect_stdout(io.StringIO()) as printed:
            self.assertEqual(recipe["build"](data, output), 1)
        lines = printed.getvalue().splitlines()
        self.assertEqual(
            lines[:3],
            [
                "photos: photos, 1 images",
                "comics: ink, 1 images",
                "comics: wash, 1 images",
            ],
        )
        self.assertRegex(lines[3], "left out: .*e.png.*not an image")
        for kind in ("photos", "comics"):
            shard = output / kind / "train-00000-of-00001.tfrecord"
            self.assertTrue(shard.is_file())
