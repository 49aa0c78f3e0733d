from PIL import Image

from keras_comic import presets
from tests.cli.test_presets import PresetsTestCase
from tests.test_case import photos


class AddStyleTest(PresetsTestCase):
    def setUp(self):
        super().setUp()
        self.drawings = self.folder / "drawings"
        self.drawings.mkdir()
        for seed in (3, 4):
            image = Image.fromarray(photos(32, 40, 3, seed=seed))
            image.save(self.drawings / f"{seed}.png")

    def test_add_style(self):
        output = self.run_command(
            *("add-style", self.preset, "mine", self.drawings),
            *("--source", "A. Artist", "--licence", "CC-BY-4.0"),
        )
        self.assertIn("Added style 'mine', the average of 2 drawings", output)
        generator = presets.from_preset(self.preset)
        entry = generator.styles["mine"]
        self.assertEqual(
            (entry["count"], entry["source"], entry["licence"]),
            (2, "A. Artist", "CC-BY-4.0"),
        )

    def test_other_folder_and_a_broken_drawing(self):
        broken = self.drawings / "5.png"
        broken.write_bytes(b"no image")
        other = self.folder / "other"
        output = self.run_command(
            *("add-style", self.preset, "mine", self.drawings, "-o", other),
            exit_code=1,
        )
        self.assertIn(f"2 drawings, to {other}", output)
        self.assertRegex(output, "5.png: The file is not an image")
        self.assertEqual(
            presets.from_preset(other).style_names, ["wright", "mine"]
        )
        self.assertEqual(
            presets.from_preset(self.preset).style_names, ["wright"]
        )

    def test_errors(self):
        output = self.run_command(
            "add-style", self.preset, "mine", "none", exit_code=2
        )
        self.assertRegex(output, "^Error: .*no such file or folder.*none\n$")
