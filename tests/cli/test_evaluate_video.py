import json

import numpy as np
import typer
from typer.testing import CliRunner

from keras_comic.cli.evaluate_video import evaluate_video
from keras_comic.models import FeatureNetwork
from tests.cli.test_evaluate import save_vgg
from tests.test_case import TestCase
from tests.video.test_evaluation import clip_and_comics
from tests.video.test_evaluation import save_folder

app = typer.Typer()
app.command("evaluate-video")(evaluate_video)


class EvaluateVideoTest(TestCase):
    def setUp(self):
        self.folder = self.temporary_folder()
        self.frames, self.comics = clip_and_comics(4)
        self.videos = [
            str(save_folder(self.folder / "source", self.frames)),
            str(save_folder(self.folder / "stylized", self.comics)),
        ]
        self.output = self.folder / "out"

    def run_evaluate(self, *arguments, exit_code=0):
        """What the command prints."""
        result = CliRunner().invoke(
            app, [*self.videos, "-o", str(self.output), *arguments]
        )
        self.assertEqual(result.exit_code, exit_code, result.output)
        return result.output

    def test_each_number_with_its_protocol(self):
        output = self.run_evaluate("--long-range", "2")
        lines = output.splitlines()
        self.assertRegex(
            lines[0],
            r"^stylized: WarpingError [\d.e-]+ \(flow DIS, medium \(OpenCV\), "
            "frames_apart 1, pairs 3, resize none, crop none, cuts not "
            r"compared over\)$",
        )
        self.assertIn("frames_apart 2, pairs 2", output)
        self.assertIn("TemporalDistance not measured: no network", output)
        self.assertRegex(
            lines[-1], "^Wrote .*metrics.md, .*metrics.json, .*strip.png$"
        )
        facts = json.loads((self.output / "metrics.json").read_text())
        self.assertEqual(facts["frames"], 4)

    def test_options(self):
        weights = self.folder / "vgg.npz"
        save_vgg(weights, FeatureNetwork((1, 1), (2, 3)))
        output = self.run_evaluate(
            *("--flow", "dis_fine"),
            *("--features", str(weights), "--long-range", "0"),
            *("--max-frames", "3"),
        )
        self.assertIn("frames_apart to the first, pairs 2", output)
        self.assertIn("stylized: TemporalDistance", output)
        self.assertNotIn("not measured: no network", output)

    def test_lengths(self):
        self.videos[1] = str(
            save_folder(
                self.folder / "longer", np.concatenate([self.comics] * 2)
            )
        )
        output = self.run_evaluate(exit_code=2)
        self.assertRegex(output, "^Error: .*source of 4 frames")
        self.assertFalse(self.output.exists())
        self.run_evaluate("--max-frames", "4")

    def test_errors(self):
        output = self.run_evaluate("--flow", "raft", exit_code=2)
        self.assertRegex(output, "^Error: --flow must be one of.*'raft'\n$")
        self.videos[1] = "no_such_video.mp4"
        output = self.run_evaluate(exit_code=2)
        self.assertRegex(output, "^Error: There is no such file.*no_such_video")
