import numpy as np
import pytest
import typer
from PIL import Image
from typer.testing import CliRunner

from keras_comic.cli.stylize_beam import stylize_beam
from keras_comic.data import read_image
from tests.serving.small_saved_model import small_saved_model
from tests.test_case import TestCase
from tests.test_case import photos
from tests.test_case import requires_tensorflow

pytest.importorskip("apache_beam")
app = typer.Typer()
app.command()(stylize_beam)


@requires_tensorflow
class StylizeBeamTest(TestCase):
    def setUp(self):
        super().setUp()
        self.folder = self.temporary_folder()
        self.generator, self.model = small_saved_model()
        self.photo = photos(40, 48, 3)
        (self.folder / "in" / "a").mkdir(parents=True)
        Image.fromarray(self.photo).save(self.folder / "in" / "a" / "b.png")

    def run_command(self, *arguments, exit_code=0):
        sources, output = self.folder / "in", self.folder / "out"
        result = CliRunner().invoke(
            app,
            [str(a) for a in (sources, output, "--model", *arguments)],
        )
        self.assertEqual(result.exit_code, exit_code, result.output)
        return result.output

    def test_comics(self):
        styles = ("--style", "ink:3", "--style", "wash")
        options = ("--strength", 0.5, "--keep-color", "--batch-size", 2)
        runner = ("--", "--runner=FnApiRunner", "--job_name=comics")
        arguments = (self.model, *styles, *options)
        output = self.run_command(*arguments, *runner)
        self.assertEqual(output, f"Wrote 1 comics to {self.folder / 'out'}\n")
        comic = read_image(self.folder / "out" / "a" / "b.png").astype("int64")
        style = {"ink": 0.75, "wash": 0.25}
        expected = self.generator.stylize(
            self.photo, style, 0.5, keep_color=True
        )
        self.assertLessEqual(np.abs(comic - expected).max(), 1)

        (self.folder / "in" / "c.png").write_bytes(b"no image")
        output = self.run_command(*arguments, exit_code=1)
        self.assertIn("Wrote 0 comics", output)
        self.assertIn("Left 1 that were there already", output)
        self.assertRegex(output, "Error: 1 could not .*/out/failures.jsonl")

    def test_errors(self):
        for arguments, message in (
            ((self.folder,), "Error: There is no SavedModel"),
            ((self.model, "--style", "oil"), "must be one of .'ink', 'wash'"),
            ((self.model, "--strength", 2), "--strength"),
        ):
            output = self.run_command(*arguments, exit_code=2)
            self.assertRegex(output, message)
