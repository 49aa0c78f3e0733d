import json
import tempfile
from pathlib import Path

from typer.testing import CliRunner

from keras_comic import presets
from keras_comic.cli.main import app
from keras_comic.models import AdaINGenerator
from tests.test_case import TestCase
from tests.test_case import photos


class PresetsTestCase(TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.preset = self.folder / "ink"
        generator = AdaINGenerator.light((4, 8, 4, 4), 1, 8)
        generator.add_style("wright", photos(32, 32, 3, seed=1))
        generator.save_to_preset(self.preset, {"licence": "CC0-1.0"})
        self.num_parameters = generator.count_params()

    def run_command(self, *arguments, exit_code=0):
        result = CliRunner().invoke(
            app, [str(argument) for argument in arguments]
        )
        self.assertEqual(result.exit_code, exit_code, result.output)
        return result.output


class PresetsTest(PresetsTestCase):
    def test_built_in(self):
        output = self.run_command("presets")
        for name in presets.list_presets() or ["no built-in presets"]:
            self.assertIn(name, output)

    def test_table(self):
        folder = self.preset.rename(self.folder / "x")
        output = self.run_command("presets", folder)
        # The temporary folder's name may take up most of the width.
        text = "".join(output.split())
        for fact in ("AdaINGenerator", "wright", "CC0-1.0", "MB"):
            self.assertIn(fact, text)
        self.assertIn(f"{self.num_parameters:,}", text)

    def test_markdown(self):
        output = self.run_command("presets", "--markdown")
        self.assertEqual(output, presets.presets_table())

    def test_verify(self):
        output = self.run_command("presets", "--verify", self.preset)
        self.assertRegex(output, "ink: verified, largest difference [0-9.e-]+")

    def test_verify_finds_what_differs(self):
        path = self.preset / presets.METADATA_FILE
        metadata = json.loads(path.read_text("utf-8"))
        metadata["golden"]["values"][3] += 0.01
        path.write_text(json.dumps(metadata), "utf-8")
        other = self.folder / "other"
        AdaINGenerator.light((4, 8, 4, 4), 1, 8).save_to_preset(other)
        output = self.run_command(
            "presets", "--verify", self.preset, other, exit_code=1
        )
        self.assertRegex(output, "Error: .*ink: .*golden numbers.*0.01")
        self.assertIn("other: verified", output)

    def test_verify_finds_damage(self):
        weights = self.preset / presets.WEIGHTS_FILE
        weights.write_bytes(weights.read_bytes() + b"x")
        output = self.run_command(
            "presets", self.preset, "--verify", exit_code=1
        )
        self.assertRegex(output, "Error: .*ink: .*checksum")

    def test_unknown_name(self):
        output = self.run_command("presets", "paint", exit_code=2)
        self.assertRegex(output, "^Error: .*Built-in names.*'paint'\n$")
