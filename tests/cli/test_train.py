import json
import tempfile
from pathlib import Path
from unittest import mock

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from keras_comic import presets
from keras_comic.cli.main import app
from keras_comic.cli.train import parse_drawings
from keras_comic.cli.train import parse_loss_weights
from keras_comic.models.adain import train_preset
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
            *("--steps", "2", "--steps-per-epoch", "1"),
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
        self.assertEqual(recipe["seed"], 3)
        self.assertEqual(recipe["image_size"], 32)
        self.assertEqual(recipe["loss_weights"], {"gram": 1e-9})
        self.assertEqual(recipe["photos"][:18], "3 files, checksum ")
        for name in ("losses.png", "alarms.csv"):
            self.assertTrue((work / name).is_file(), name)
        self.assertEqual(
            sorted(path.name for path in (work / "samples").iterdir()),
            ["step-0000001.png", "step-0000002.png"],
        )
        self.assertEqual(metadata["training"]["steps"], 2)
        self.assertGreaterEqual(metadata["training"]["seconds"], 0)
        self.assertNotEqual(metadata["training"]["devices"], [])

        before = generator.get_weights()
        output = self.run_train(*options)
        self.assertIn(f"Going on with the run in {work}", output)
        after = presets.from_preset(self.output).get_weights()
        for value, expected in zip(after, before, strict=True):
            self.assertAllEqual(value, expected)

        output = self.run_train(*options, "--seed", "4", exit_code=2)
        self.assertRegex(output, "Error: .*other options.*seed=4 .was 3")

    def test_from_a_preset_with_named_folders_and_a_broken_file(self):
        start = self.temporary_folder() / "start"
        train_preset.AdaINGenerator.light().save_to_preset(start)
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

    @pytest.mark.slow
    def test_best_on_a_validation_set(self):
        validation = (
            *("--validation-photos", str(self.data / "photos")),
            *("--validation-drawings", str(self.data / "drawings")),
        )
        self.run_train(
            *(
                *validation,
                "--objective",
                "style-loss",
                "--evaluate-every",
                "1",
            ),
            *("--no-alarms", "--no-roll-back", "--tensorboard"),
        )
        work = self.output.with_name("mine.training")
        table = (work / "evaluations.csv").read_text("utf-8").splitlines()
        self.assertEqual(table[0], "step,StyleLoss,best")
        self.assertEqual(len(table), 3)
        self.assertFalse((work / "alarms.csv").exists())
        self.assertEqual(len(list((work / "events").iterdir())), 1)
        # The preset has the best weights.
        with np.load(work / "best.npz") as archive:
            names = sorted(n for n in archive.files if n != "__facts__")
            best = [archive[name] for name in names]
        generator = presets.from_preset(self.output)
        for variable, value in zip(generator.variables, best, strict=True):
            self.assertAllClose(variable, value, 1e-3, 1e-3)

    @pytest.mark.slow
    def test_search(self):
        pytest.importorskip("optuna")
        options = (
            *("--validation-photos", str(self.data / "photos")),
            *("--validation-drawings", str(self.data / "drawings")),
            *("--search", "2", "--search-steps", "1"),
            *("--learning-rate", "1e-4"),
        )
        output = self.run_train(*options)
        self.assertRegex(output, "Trial 1: done, objective")
        self.assertRegex(
            output,
            "Best of 2 trials: .*--learning-rate 0.0001 .*"
            "--loss-weight style=.* --loss-weight adversarial=",
        )
        folder = self.output.with_name("mine.search")
        found = json.loads((folder / "search.json").read_text("utf-8"))
        best = min(found["trials"], key=lambda trial: trial["objective"])
        work = self.output.with_name("mine.training")
        recipe = json.loads((work / "recipe.json").read_text("utf-8"))
        self.assertEqual(recipe["learning_rate"], 1e-4)
        for term in ("style", "structure", "adversarial"):
            self.assertEqual(recipe["loss_weights"][term], best[term])
        table = (folder / "search.md").read_text("utf-8").splitlines()
        self.assertEqual(
            table[0], "| trial | style | structure | adversarial | kid | |"
        )
        self.assertEqual(len(table), 4)

    def test_stopped(self):
        with mock.patch.object(
            train_preset, "train_style_preset", side_effect=KeyboardInterrupt
        ):
            output = self.run_train(exit_code=130)
        self.assertIn("the same command goes on", output)

    def test_errors(self):
        for options, message in (
            (("--from", "paint"), "Built-in names.*'paint'"),
            (("--features", "no.npz"), "file of weights.*no.npz"),
            (("--loss-weight", "ink=1"), "may name.*'ink': 1.0"),
            (("--loss-weight", "style"), "TERM=NUMBER.*style"),
            (("--photos", "none"), "no such folder.*none"),
            (("--search", "3"), "needs --validation-photos and --val.*3"),
            (
                ("--validation-photos", str(self.data / "photos")),
                "belong together. Received: 1 and 0 folders",
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


class ParseDrawingsTest(TestCase):
    def test_one_folder(self):
        self.assertEqual(parse_drawings(["ink"]), Path("ink"))
        folder = self.temporary_folder() / "a=b"
        folder.mkdir()
        self.assertEqual(parse_drawings([str(folder)]), folder)

    def test_named_folders(self):
        self.assertEqual(
            parse_drawings(["ink=a", "wash=b=c"]),
            {"ink": Path("a"), "wash": Path("b=c")},
        )

    def test_errors(self):
        for texts in (["a", "b"], ["ink=a", "b"], ["=a", "ink=b"], ["ink="]):
            with self.assertRaisesRegex(ValueError, "NAME=FOLDER for each"):
                parse_drawings(texts)
        with self.assertRaisesRegex(ValueError, "name of its own.*ink=b"):
            parse_drawings(["ink=a", "ink=b"])


class ParseLossWeightsTest(TestCase):
    def test_weights(self):
        self.assertEqual(
            parse_loss_weights(["style=1e-4", "gram=0"]),
            {"style": 1e-4, "gram": 0.0},
        )

    def test_errors(self):
        for text in ("style", "style=", "style=much"):
            with self.assertRaisesRegex(ValueError, f"TERM=NUMBER.*{text}"):
                parse_loss_weights([text])
