import importlib.util
import sys

import numpy as np
from PIL import Image

import keras_comic
from tests.test_case import ROOT
from tests.test_case import TestCase
from tests.test_case import photos


def load_script(name):
    """An example as a module."""
    path = ROOT / "examples" / f"{name}.py"
    spec = importlib.util.spec_from_file_location(f"examples.{name}", path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


class DemoTest(TestCase):
    def setUp(self):
        self.demo = load_script("demo")
        self.folder = self.temporary_folder()

    def test_photos(self):
        found = self.demo.load_photos(64)
        self.assertShape(found, (5, 64, 64, 3))
        self.assertDType(found, "uint8")
        # Photographs, each another.
        self.assertGreater(found.std(axis=(1, 2, 3)).min(), 20.0)
        self.assertEqual(len(np.unique(found.mean(axis=(1, 2, 3)))), 5)

    def test_sheet_shows_every_pixel(self):
        rows = {
            "one": photos(2, 40, 48, 3),
            "two": photos(2, 40, 48, 3, seed=1),
        }
        path = self.folder / "new" / "sheet.png"
        self.demo.draw_sheet(rows, path)
        sheet = np.asarray(Image.open(path))
        gap, label = self.demo.GAP, self.demo.LABEL_WIDTH
        self.assertShape(
            sheet, (2 * (40 + gap) + gap, label + 2 * (48 + gap) + gap, 3)
        )
        for row, name in enumerate(rows):
            top = gap + row * (40 + gap)
            self.assertLess(sheet[top : top + 40, :label].min(), 128, name)
            for column in range(2):
                left = label + gap + column * (48 + gap)
                self.assertAllEqual(
                    sheet[top : top + 40, left : left + 48],
                    rows[name][column],
                )

    def test_main(self):
        generator = keras_comic.AdaINGenerator.light((4, 8, 4, 4), 1, 8)
        for seed in range(8):
            generator.add_style(f"style_{seed}", photos(32, 32, 3, seed=seed))
        preset = self.folder / "ink"
        generator.save_to_preset(preset)
        path = self.folder / "demo.png"
        self.demo.main(["--preset", str(preset), "-o", str(path)])
        with Image.open(path) as sheet:
            # The photos, and six styles.
            self.assertEqual(sheet.height, 7 * (280 + 10) + 10)
