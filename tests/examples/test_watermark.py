import importlib.util
import json
import sys

from PIL import Image

import keras_comic
from tests.test_case import ROOT
from tests.test_case import TestCase
from tests.test_case import photos

FOLDER = ROOT / "examples" / "benchmarks"


class WatermarkTest(TestCase):
    def setUp(self):
        # Where Python looks when a benchmark is run as a script.
        sys.path.insert(0, str(FOLDER))
        self.addCleanup(sys.path.remove, str(FOLDER))
        spec = importlib.util.spec_from_file_location(
            "examples.benchmarks.watermark", FOLDER / "watermark.py"
        )
        self.script = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(self.script)
        self.script.SPEED_SIZES = ((160, 200),)
        self.path = self.temporary_folder() / "rows.json"

    def rows(self, *arguments):
        options = ["--unmarked", "5", "--repeats", "1"]
        options += ["--json", str(self.path), *map(str, arguments)]
        self.script.main(options)
        rows = json.loads(self.path.read_text())
        return {row["name"]: row["value"] for row in rows}

    def test_samples(self):
        rows = self.rows("--pictures", 2, "--preset", "none")
        self.assertGreater(rows["PSNR, least"], 38)
        for name in ("none", "JPEG q75", "half, Lanczos", "mirrored"):
            self.assertEqual(rows[f"read: {name}"], 1)
        self.assertEqual(rows["read: 5% cropped"], 0)
        self.assertEqual(rows["read: unmarked"], 0)
        self.assertGreater(rows["mark"], 0)

    def test_photos_and_comics(self):
        folder = self.temporary_folder()
        Image.fromarray(photos(256, 260, 3)).save(folder / "a.png")
        generator = keras_comic.AdaINGenerator.light((4, 8, 4, 4), 1, 8)
        generator.add_style("ink", photos(32, 32, 3))
        preset = self.temporary_folder() / "preset"
        keras_comic.save_to_preset(generator, preset)
        rows = self.rows("--photos", folder, "--preset", preset)
        self.assertEqual(rows["read: JPEG q75"], 1)
