import json

import numpy as np
from PIL import Image

from keras_comic import presets
from keras_comic.data import read_image
from keras_comic.data import resize_short_side
from keras_comic.models import AdaINGenerator
from keras_comic.models.preset_styles import add_style_to_preset
from tests.test_case import TestCase
from tests.test_case import photos


class AddStyleToPresetTest(TestCase):
    def setUp(self):
        self.folder = self.temporary_folder()
        self.preset = self.folder / "ink"
        self.generator = AdaINGenerator.light((4, 8, 4, 4), 1, 8)
        self.generator.add_style("first", photos(32, 32, 3))
        self.generator.save_to_preset(
            self.preset, {"licence": "CC0-1.0", "results": {"ratio": 0.1}}
        )
        self.drawings = self.folder / "drawings"
        self.drawings.mkdir()
        for seed, size in enumerate(((32, 40), (64, 48))):
            image = Image.fromarray(photos(*size, 3, seed=seed))
            image.save(self.drawings / f"{seed}.png")

    def metadata(self, folder):
        return json.loads((folder / presets.METADATA_FILE).read_text("utf-8"))

    def test_adds_to_the_folder_itself(self):
        before = self.metadata(self.preset)
        added = add_style_to_preset(
            self.preset,
            "noise",
            self.drawings,
            source="A. Artist",
            licence="CC-BY-4.0",
            short_side=40,
        )
        self.assertEqual(tuple(added), (self.preset, 2, []))
        generator = presets.from_preset(self.preset)
        self.assertEqual(generator.style_names, ["first", "noise"])
        entry = generator.styles["noise"]
        self.assertEqual(entry["count"], 2)
        self.assertEqual(entry["source"], "A. Artist")
        self.assertEqual(entry["licence"], "CC-BY-4.0")
        pictures = [
            read_image(self.drawings / "0.png"),
            resize_short_side(read_image(self.drawings / "1.png"), 40),
        ]
        self.assertAllClose(
            entry["vector"], self.generator.add_style("same", pictures)
        )
        after = self.metadata(self.preset)
        for fact in ("licence", "results", "parameter_count"):
            self.assertEqual(after[fact], before[fact])
        self.assertEqual(after["golden"]["style"], "first")
        presets.verify_preset(self.preset)

    def test_writes_to_another_folder(self):
        output = self.folder / "other"
        before = (self.preset / presets.STYLES_FILE).read_bytes()
        path = self.drawings / "0.png"
        added = add_style_to_preset(str(self.preset), "noise", path, output)
        self.assertEqual(added.folder, output)
        self.assertEqual(
            (self.preset / presets.STYLES_FILE).read_bytes(), before
        )
        generator = presets.from_preset(output)
        self.assertEqual(generator.style_names, ["first", "noise"])
        self.assertEqual(self.metadata(output)["licence"], "CC0-1.0")

    def test_the_first_style_moves_the_golden_numbers(self):
        before = self.metadata(self.preset)["golden"]["values"]
        add_style_to_preset(self.preset, "first", self.drawings)
        after = self.metadata(self.preset)["golden"]["values"]
        self.assertNotAllClose(np.array(after), np.array(before))
        presets.verify_preset(self.preset)

    def test_broken_pictures(self):
        broken = self.drawings / "2.png"
        broken.write_bytes(b"no image")
        added = add_style_to_preset(
            self.preset, "noise", [self.drawings / "0.png", broken]
        )
        self.assertEqual(added.count, 1)
        path, reason = added.failures[0]
        self.assertEqual(path, broken)
        self.assertIn("not an image", reason)

    def test_errors(self):
        broken = self.drawings / "2.png"
        broken.write_bytes(b"no image")
        before = (self.preset / presets.STYLES_FILE).read_bytes()
        with self.assertRaisesRegex(ValueError, "None of the 1.*not an image"):
            add_style_to_preset(self.preset, "noise", broken)
        with self.assertRaisesRegex(FileNotFoundError, "no such file.*no.png"):
            add_style_to_preset(self.preset, "noise", "no.png")
        with self.assertRaisesRegex(ValueError, "`name` must be a string"):
            add_style_to_preset(self.preset, "", self.drawings / "0.png")
        with self.assertRaisesRegex(ValueError, "Built-in names"):
            add_style_to_preset("no_such_preset", "noise", self.drawings)
        self.assertEqual(
            (self.preset / presets.STYLES_FILE).read_bytes(), before
        )
