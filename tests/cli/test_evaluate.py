import json
import tempfile
from pathlib import Path

import numpy as np
import typer
from PIL import Image
from typer.testing import CliRunner

from keras_comic.cli.evaluate import evaluate
from keras_comic.models import AdaINGenerator
from keras_comic.models import FeatureNetwork
from tests.metrics import make_golden
from tests.models.test_evaluation import save
from tests.test_case import TestCase
from tests.test_case import photos

app = typer.Typer()
app.command("evaluate")(evaluate)


class EvaluateTest(TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.shared_folder = Path(folder.name)
        generator = AdaINGenerator.light((4, 8, 4, 4), 1, 8)
        generator.add_style("ink", photos(32, 32, 3))
        generator.add_style("wash", photos(32, 32, 3, seed=1))
        generator.save_to_preset(cls.shared_folder / "preset")
        cls.weights = cls.shared_folder / "vgg.npz"
        save_vgg(cls.weights, FeatureNetwork((1, 1), (2, 3)))

    def setUp(self):
        self.folder = self.temporary_folder()
        self.photos = save(
            self.folder / "photos", make_golden.images("photos", 4, 32, 40)
        )
        self.comics = save(
            self.folder / "comics", make_golden.images("comics", 4, 40, 32)
        )
        self.output = self.folder / "out"

    def run_evaluate(self, *arguments, exit_code=0, **options):
        """What the command prints."""
        options = {
            "photos": self.photos,
            "comics": self.comics,
            "features": self.weights,
            "output": self.output,
            "size": 32,
            **options,
        }
        result = CliRunner().invoke(
            app,
            [
                str(self.shared_folder / "preset"),
                *(f"--{name}={value}" for name, value in options.items()),
                *arguments,
            ],
        )
        self.assertEqual(result.exit_code, exit_code, result.output)
        return result.output

    def test_each_number_with_its_protocol(self):
        output = self.run_evaluate("--style", "wash")
        lines = output.splitlines()
        self.assertRegex(
            lines[0],
            r"^stylized: FrechetDistance [\d.e+-]+ \(comics 4, fake_comics 4, "
            r"resize 32x32 bicubic \(Pillow\), crop square in the middle, "
            "network FeatureNetwork, network_sha256 [0-9a-f]{12}, "
            r"layer relu2_1\)$",
        )
        self.assertEqual(len(lines), 20)
        for line in lines[:-1]:
            self.assertIn("crop square in the middle", line)
        self.assertRegex(lines[-1], "^Wrote .*metrics.md, .*contact_sheet.png")
        facts = json.loads((self.output / "metrics.json").read_text())
        self.assertEqual(facts["style"], "wash")
        self.assertEqual(len(facts["measurements"]), 19)
        self.assertTrue((self.output / "stylized" / "3.png").is_file())

    def test_crops(self):
        output = self.run_evaluate(crops=2)
        self.assertIn("comics 8, fake_comics 8", output)

    def test_broken_photo(self):
        (self.photos / "broken.jpg").write_bytes(b"no image")
        output = self.run_evaluate(exit_code=1)
        self.assertIn("comics 4, fake_comics 4", output)
        self.assertIn("1 pictures were left out", output)
        self.assertRegex(output, "broken.jpg: The file is not an image")

    def test_few_pictures(self):
        few = self.folder / "few"
        few.mkdir()
        Image.fromarray(photos(32, 32, 3)).save(few / "one.png")
        output = self.run_evaluate(comics=few)
        self.assertRegex(
            output, "stylized: FrechetDistance not measured: .*'comics': 1"
        )
        self.assertIn("StructuralSimilarity", output)

    def test_errors(self):
        for options, message in (
            ({"photos": self.folder / "none"}, "no such file or folder.*none"),
            ({"comics": self.folder / "none"}, "no such folder.*none"),
            ({"style": "oil"}, "'ink', 'wash'.*style='oil'"),
            ({"features": "no.h5"}, 'must be "imagenet" or a file.*no.h5'),
        ):
            output = self.run_evaluate(exit_code=2, **options)
            self.assertRegex(output, f"^Error: .*{message}.*\n$")
        self.run_evaluate(exit_code=2, size=8)
        self.assertFalse(self.output.exists())


def save_vgg(path, network):
    """Writes a network's weights under Keras's names."""
    arrays = {}
    for number, layer in enumerate(network.blocks, start=1):
        kernel, bias = layer.get_weights()
        arrays[f"block{number}_conv1/kernel"] = kernel
        arrays[f"block{number}_conv1/bias"] = bias
    np.savez(path, **arrays)
