import json

import keras
import numpy as np
import tensorflow as tf
import typer
from absl.testing import parameterized
from typer.testing import CliRunner

import keras_comic
from keras_comic.cli.export import export
from keras_comic.cli.export import parse_sizes
from keras_comic.export.warmup import read_warmup_records
from tests.test_case import TestCase

# By itself, as `keras_comic.cli.main` adds it.
app = typer.Typer()
app.command("export")(export)


class ExportTest(TestCase, parameterized.TestCase):
    def setUp(self):
        super().setUp()
        self.folder = self.temporary_folder()
        keras.utils.set_random_seed(0)
        generator = keras_comic.AdaINGenerator.light((4, 8, 4, 4), 1, 8)
        drawing = np.random.default_rng(1).integers(256, size=(40, 32, 3))
        generator.add_style("ink", drawing.astype("uint8"))
        generator.save_to_preset(self.folder / "preset")
        self.generator = generator

    def run_export(self, *arguments, exit_code=0):
        arguments = [self.folder / "preset", *arguments]
        result = CliRunner().invoke(app, [str(a) for a in arguments])
        self.assertEqual(result.exit_code, exit_code, result.output)
        return result.output

    def test_saved_model(self):
        folder = self.folder / "comic" / "3"
        printed = self.run_export(
            folder, "--max-pixels", 2000, "--warmup-size", "48x32"
        )
        self.assertIn(str(folder), printed.replace("\n", ""))
        photo = np.random.default_rng(0).integers(256, size=(1, 33, 40, 3))
        photo = photo.astype("uint8")
        served = tf.saved_model.load(folder).signatures["serving_default"]
        comic = served(images=tf.constant(photo))["comics"].numpy()
        expected = self.generator.stylize(photo)
        self.assertLessEqual(np.abs(comic - expected.astype(int)).max(), 1)
        with self.assertRaisesRegex(
            tf.errors.InvalidArgumentError, "at most 2000 pixels"
        ):
            served(images=tf.zeros((1, 50, 50, 3), tf.uint8))
        shapes = {
            inputs["images"].shape
            for _, inputs in read_warmup_records(folder)
            if "images" in inputs
        }
        self.assertEqual(shapes, {(1, 32, 48, 3)})

    def test_without_warmup_and_provenance(self):
        folder = self.folder / "1"
        self.run_export(folder, "--warmup-size", "none", "--no-provenance")
        extra = folder / "assets.extra"
        self.assertEqual(
            [p.name for p in extra.iterdir()], ["keras_comic.json"]
        )
        description = json.loads((extra / "keras_comic.json").read_text())
        self.assertIsNone(description["preset"])
        # A version is written once.
        self.assertIn("exists", self.run_export(folder, exit_code=2))

    @parameterized.parameters("comic.onnx", "comic.tflite")
    def test_portable(self, name):
        path = self.folder / name
        printed = self.run_export(path, "--dtype", "int8")
        self.assertIn(name, printed)
        model = keras_comic.export.PortableModel(path)
        self.assertEqual(model.dtype, "int8")
        self.assertEqual(model.style_names, ["ink"])

    @parameterized.named_parameters(
        ("no_format", ["models/comic"], "folder of a version"),
        ("dtype", ["models/1", "--dtype", "int8"], "--dtype: not for"),
        ("pixels", ["a.onnx", "--max-pixels", "2000"], "--max-pixels: not"),
        ("size", ["models/1", "--warmup-size", "x"], "must be WIDTHxHEIGHT"),
    )
    def test_wrong_options(self, arguments, message):
        printed = self.run_export(*arguments, exit_code=2)
        self.assertIn(message, " ".join(printed.split()))

    def test_sizes(self):
        self.assertEqual(parse_sizes(["64x48"]), [(48, 64)])
        self.assertEqual(parse_sizes(["none"]), [])
