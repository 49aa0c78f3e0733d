import json
import tempfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from keras_comic import presets
from keras_comic.cli.main import app
from keras_comic.data.paths import only_run
from keras_comic.models import AdaINGenerator
from tests.test_case import TestCase
from tests.test_case import noise
from tests.test_case import photos


def save_pictures(folder, count, first_seed=0):
    """JPEG files of noise."""
    folder.mkdir(parents=True)
    for seed in range(first_seed, first_seed + count):
        image = Image.fromarray(photos(40, 48, 3, seed=seed))
        image.save(folder / f"{seed}.jpg")


def save_feature_network(path, filters=4):
    """Weights of a network of VGG-19's form to relu3_3, but narrow."""
    arrays, channels = {}, 3
    for block, count in enumerate((2, 2, 3), start=1):
        for index in range(1, count + 1):
            name = f"block{block}_conv{index}"
            arrays[f"{name}/kernel"] = noise(3, 3, channels, filters)
            arrays[f"{name}/bias"] = np.zeros(filters, "float32")
            channels = filters
    np.savez(path, **arrays)


class TrainTest(TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.data = Path(folder.name)
        save_pictures(cls.data / "photos", 3)
        save_pictures(cls.data / "drawings" / "ink", 2, first_seed=3)
        save_pictures(cls.data / "drawings" / "wash", 2, first_seed=5)
        save_feature_network(cls.data / "features.npz")

    def setUp(self):
        self.output = self.temporary_folder() / "mine"

    def arguments(self, *options, drawings=None):
        return [
            "train",
            *(drawings or [str(self.data / "drawings")]),
            *("--photos", str(self.data / "photos")),
            *("-o", str(self.output)),
            *("--features", str(self.data / "features.npz")),
            *("--steps", "2", "--set", "steps_per_epoch=1"),
            *("--image-size", "32", "--batch-size", "2"),
            *options,
        ]

    def run_train(self, *options, drawings=None, exit_code=0):
        arguments = self.arguments(*options, drawings=drawings)
        result = CliRunner().invoke(app, arguments)
        self.assertEqual(result.exit_code, exit_code, result.output)
        return result.output

    def metadata(self):
        path = self.output / presets.METADATA_FILE
        return json.loads(path.read_text("utf-8"))

    def test_train_and_go_on(self):
        options = (
            *("--sample-every", "1", "--seed", "3", "--licence", "CC0 1.0"),
            *("--training-data", "noise", "--loss-weight", "gram=1e-9"),
        )
        output = self.run_train(*options)
        self.assertIn(f"Wrote {self.output}, with the styles ink, wash", output)
        generator = presets.from_preset(self.output)
        self.assertEqual(generator.style_names, ["ink", "wash"])
        metadata = self.metadata()
        self.assertEqual(metadata["licence"], "CC0 1.0")
        self.assertEqual(metadata["training_data"], "noise")
        self.assertRegex(
            metadata["recipe"],
            "^keras-comic train /.* --steps 2 .* --licence 'CC0 1.0' ",
        )
        work = self.output.with_name("mine.training")
        recipe = json.loads((work / "recipe.json").read_text("utf-8"))
        self.assertEqual(recipe["options"]["seed"], 3)
        self.assertEqual(recipe["options"]["loss_weights"], {"gram": 1e-9})
        for name in ("losses.png", "alarms.csv"):
            self.assertTrue((work / name).is_file(), name)
        self.assertEqual(
            sorted(path.name for path in (work / "samples").iterdir()),
            ["step-0000001.png", "step-0000002.png"],
        )
        self.assertEqual(metadata["training"]["steps"], 2)
        self.assertEqual(metadata["training"]["batch_size"], 2)

        before = generator.get_weights()
        output = self.run_train(*options)
        self.assertIn(f"Going on with the run in {work}", output)
        after = presets.from_preset(self.output).get_weights()
        for value, expected in zip(after, before, strict=True):
            self.assertAllEqual(value, expected)

        output = self.run_train(*options, "--seed", "4", exit_code=2)
        self.assertRegex(output, "Error: .*other options.*seed=4 .was 3")
        self.assertNotIn("Going on", output)
        lock = self.output.with_name("mine.lock")
        with only_run(lock, ""):
            output = self.run_train(*options, exit_code=2)
        self.assertIn("Another run is training this preset", output)
        # A killed run leaves its file, which locks nothing.
        lock.touch()
        self.run_train(*options)
        self.assertFalse(lock.exists())

    def test_from_a_preset_with_named_folders_and_a_broken_file(self):
        start = self.temporary_folder() / "start"
        AdaINGenerator.light().save_to_preset(start)
        ink, wash = self.temporary_folder() / "a", self.data / "drawings/wash"
        save_pictures(ink, 2)
        (ink / "2.png").write_bytes(b"no image")
        output = self.run_train(
            *("--from", str(start), "--learning-rate", "0"),
            drawings=[f"pen={ink}", f"brush={wash}"],
            exit_code=1,
        )
        self.assertIn(
            f"Wrote {self.output}, with the styles pen, brush\n", output
        )
        self.assertRegex(
            output,
            "Error: 1 files could not be read:\n"
            "  .*2.png: The file is not an image",
        )
        generator = presets.from_preset(self.output)
        self.assertEqual(generator.style_names, ["pen", "brush"])
        self.assertEqual(generator.styles["pen"]["count"], 2)
        for value, expected in zip(
            generator.get_weights(),
            presets.from_preset(start).get_weights(),
            strict=True,
        ):
            self.assertAllClose(value, expected, atol=1e-6)

    def test_a_family_of_a_module_of_ones_own(self):
        arguments = [
            *("--import", "tests.tiny_recipes"),
            *("train", str(self.data / "drawings")),
            *("--family", "tiny_codes", "-o", str(self.output)),
            *("--steps", "2", "--image-size", "32", "--batch-size", "2"),
            *("--no-alarms", "--set", "filters=3"),
        ]
        result = CliRunner().invoke(app, arguments)
        self.assertEqual(result.exit_code, 0, result.output)
        self.assertIn(f"Wrote {self.output}\n", result.output)
        training = self.metadata()["training"]
        self.assertEqual(training["family"], "tiny_codes")
        self.assertEqual(training["options"]["filters"], 3)
        model = presets.from_preset(self.output)
        self.assertShape(model.generate(2, seed=0), (2, 32, 32, 3))

    @pytest.mark.slow
    def test_search_and_best_weights(self):
        pytest.importorskip("optuna")
        output = self.run_train(
            *("--validation-photos", str(self.data / "photos")),
            *("--validation-drawings", str(self.data / "drawings")),
            *("--objective", "style_loss", "--evaluate-every", "1"),
            *("--search", "2", "--search-steps", "1"),
            *("--learning-rate", "1e-4"),
        )
        self.assertRegex(output, "Trial 1: complete, value .*, style ")
        training = self.metadata()["training"]
        self.assertEqual(training["options"]["learning_rate"], 1e-4)
        self.assertEqual(len(training["search"]["trials"]), 2)
        self.assertEqual(training["best"]["name"], "StyleLoss")

    def test_errors(self):
        for options, message in (
            (("--from", "paint"), "Built-in names.*'paint'"),
            (("--family", "paint"), "--family must be one of.*'paint'"),
            (("--features", "no.npz"), "file of weights.*no.npz"),
            (("--loss-weight", "ink=1"), "may name.*'ink': 1"),
            (("--loss-weight", "style=much"), "TERM=NUMBER.*style=much"),
            (("--set", "crop=1"), r"may hold .*\['crop'\]"),
            (("--set", "crop"), "must be NAME=VALUE.*crop"),
            (("--photos", "none"), "no such folder.*none"),
            (
                ("--validation-photos", str(self.data / "photos")),
                "takes drawings. Received: drawings=None",
            ),
        ):
            self.output = self.temporary_folder() / "mine"
            output = self.run_train(*options, exit_code=2)
            self.assertRegex(output, f"^Error: .*{message}")
        output = self.run_train(drawings=["none"], exit_code=2)
        self.assertRegex(output, "Error: .*no such folder.*none")

    def test_a_folder_of_other_files_is_kept(self):
        self.output.mkdir()
        (self.output / "letter.txt").write_text("mine")
        output = self.run_train(exit_code=2)
        self.assertRegex(output, "Error: The folder holds files.*mine")
        self.assertEqual(len(list(self.output.iterdir())), 1)
