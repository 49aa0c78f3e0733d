import json
import os
import random
import signal
import subprocess
import sys

import keras
import numpy as np
import pytest
from PIL import Image

import keras_comic
from keras_comic.models.adain.train_preset import add_styles_of_folders
from keras_comic.models.adain.train_preset import labelled_drawings
from keras_comic.models.adain.train_preset import make_style_transfer_gan
from keras_comic.models.adain.train_preset import train_style_preset
from tests.test_case import ROOT
from tests.test_case import TestCase
from tests.test_case import photos
from tests.test_case import requires_tensorflow

OPTIONS = {
    "image_size": 32,
    "batch_size": 2,
    "steps_per_epoch": 3,
    "discriminator_filters": 4,
    "warmup_steps": 2,
}
STEPS = 12
# A training as the examples write it, which kills itself at a step.
SCRIPT = """
import os
import signal
import sys

import keras

import keras_comic
from keras_comic.models.adain.train_preset import train_style_preset
from keras_comic.training import LossPlot


class KillAt(keras.callbacks.Callback):
    def on_train_batch_end(self, batch, logs=None):
        if int(self.model.step_counter.numpy()) == int(sys.argv[1]):
            os.kill(os.getpid(), signal.SIGKILL)


keras.utils.set_random_seed(5)
train_style_preset(
    "drawings",
    "photos",
    sys.argv[2],
    feature_network=keras_comic.FeatureNetwork((1, 1, 3), (4, 4, 4)),
    steps=STEPS,
    options=OPTIONS,
    callbacks=[LossPlot(sys.argv[2] + ".training", every=3), KillAt()],
)
"""


def write_pictures(folder):
    """Small JPEGs: photos, and drawings of two styles."""
    for seed, name in enumerate(
        (
            "photos/a",
            "photos/b",
            "photos/c",
            "drawings/ink/a",
            "drawings/ink/b",
            "drawings/wash/a",
        )
    ):
        path = folder / f"{name}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(photos(36 + seed, 48, 3, seed=seed)).save(path)


def feature_network():
    return keras_comic.FeatureNetwork((1, 1, 3), (4, 4, 4))


class TrainPresetTest(TestCase):
    def setUp(self):
        self.folder = self.temporary_folder()
        write_pictures(self.folder)
        self.output = self.folder / "out" / "preset"
        self.network = feature_network()

    def train(self, **kwargs):
        return train_style_preset(
            self.folder / "drawings",
            self.folder / "photos",
            self.output,
            feature_network=self.network,
            options=OPTIONS,
            **kwargs,
        )

    # `test_training_checkpoint` resumes a run in one process.
    @pytest.mark.slow
    @requires_tensorflow
    def test_a_killed_run_gives_the_weights_of_a_whole_one(self):
        killed_at = random.SystemRandom().randint(2, STEPS - 1)
        script = SCRIPT.replace("STEPS", str(STEPS)).replace(
            "OPTIONS", repr(OPTIONS)
        )

        def start(step, name):
            return subprocess.Popen(
                [sys.executable, "-c", script, str(step), name],
                cwd=self.folder,
                env={**os.environ, "PYTHONPATH": str(ROOT)},
                stderr=subprocess.PIPE,
                text=True,
            )

        def finish(process):
            _, errors = process.communicate(timeout=1800)
            return process.returncode, errors

        whole, killed = start(0, "whole"), start(killed_at, "killed")
        self.assertEqual(finish(killed)[0], -signal.SIGKILL)
        self.assertFalse((self.folder / "killed").exists())
        code, errors = finish(start(0, "killed"))
        self.assertEqual(code, 0, errors)
        code, errors = finish(whole)
        self.assertEqual(code, 0, errors)

        def read(name):
            path = self.folder / f"{name}.training" / "checkpoint.npz"
            with np.load(path) as archive:
                return dict(archive)

        expected, found = read("whole"), read("killed")
        self.assertEqual(list(found), list(expected))
        for name, array in expected.items():
            self.assertAllEqual(array, found[name])
        generators = [
            keras_comic.from_preset(str(self.folder / name))
            for name in ("whole", "killed")
        ]
        for one, other in zip(
            *(g.get_weights() for g in generators), strict=True
        ):
            self.assertTrue(
                np.array_equal(one, other), f"Killed at step {killed_at}."
            )
        self.assertEqual(generators[0].styles, generators[1].styles)
        tables = [
            (self.folder / f"{name}.training" / "losses.csv").read_text()
            for name in ("whole", "killed")
        ]
        self.assertEqual(*tables)
        self.assertEqual(len(tables[0].splitlines()), 1 + STEPS // 3)

    @requires_tensorflow
    def test_train(self):
        broken = self.folder / "drawings" / "ink" / "broken.jpg"
        broken.write_bytes(b"no picture")
        with self.assertWarnsRegex(UserWarning, r"Left out .*broken.jpg: .*"):
            generator = self.train(steps=1, metadata={"licence": "CC0-1.0"})
        self.assertEqual(generator.style_names, ["ink", "wash"])
        self.assertEqual(generator.styles["ink"]["count"], 2)
        revived = keras_comic.from_preset(str(self.output))
        self.assertEqual(revived.style_names, ["ink", "wash"])
        for one, other in zip(
            generator.get_weights(), revived.get_weights(), strict=True
        ):
            self.assertAllEqual(one, other)
        metadata = json.loads((self.output / "metadata.json").read_text())
        self.assertEqual(metadata["licence"], "CC0-1.0")
        work = self.folder / "out" / "preset.training"
        self.assertEqual(
            sorted(path.name for path in work.iterdir()),
            ["checkpoint.npz", "drawings", "photos", "recipe.json"],
        )

        # The run is done: the same call again only writes the preset.
        class Never(keras.callbacks.Callback):
            def on_train_begin(self, logs=None):
                raise RuntimeError("It trains again.")

        with self.assertWarnsRegex(UserWarning, r"Left out .*broken.jpg: .*"):
            again = self.train(steps=1, callbacks=[Never()])
        self.assertAllEqual(again.get_weights()[0], generator.get_weights()[0])
        with self.assertRaisesRegex(
            ValueError,
            r"holds a run of other options: .* Received: steps=2 \(was 1\)",
        ):
            self.train(steps=2)

        # A run through other weights, or of other pictures, is another run.
        network, self.network = self.network, feature_network()
        with self.assertRaisesRegex(
            ValueError,
            r"holds a run of other weights: .* Received: "
            r"feature_network='checksum \w+' \(was 'checksum \w+'\)",
        ):
            self.train(steps=1)
        self.network = network
        broken.unlink()
        with self.assertRaisesRegex(
            ValueError,
            r"holds a run of other pictures: .* Received: drawings=\{'ink': "
            r"'2 files, checksum \w+', 'wash': .* \(was \{'ink': '3 files",
        ):
            self.train(steps=1)

    def test_recipe(self):
        options = {
            **keras_comic.models.adain.train_preset.DEFAULT_OPTIONS,
            "learning_rate": 0.01,
            "warmup_steps": 10,
            "loss_weights": {"content": 2.0},
            "precision": "mixed_bfloat16",
        }
        gan = make_style_transfer_gan(None, feature_network(), 110, options)
        self.assertEqual(gan.loss_weights["content"], 2.0)
        self.assertEqual(gan.generator.dtype_policy.name, "mixed_bfloat16")
        self.assertEqual(gan.discriminator.filters, 32)
        optimizer, rates = gan.optimizers["generator"], []
        for step in (0, 5, 10, 60, 110):
            optimizer.iterations.assign(step)
            rates.append(float(optimizer.learning_rate))
        # Up in a line, down in a cosine to a fiftieth.
        self.assertAllClose(rates, [0.0, 0.005, 0.01, 0.0051, 0.0002], 1e-6)

    def test_start_from_a_preset(self):
        source = keras_comic.AdaINGenerator.light()
        source.save_to_preset(self.output)
        options = keras_comic.models.adain.train_preset.DEFAULT_OPTIONS
        gan = make_style_transfer_gan(
            str(self.output), feature_network(), 10, options
        )
        for network in (gan.generator, gan.ema_generator):
            for one, other in zip(
                network.get_weights(), source.get_weights(), strict=True
            ):
                self.assertAllEqual(one, other)

    def test_styles_of_folders(self):
        drawings = self.folder / "drawings"
        expected = {
            "ink": [drawings / "ink" / "a.jpg", drawings / "ink" / "b.jpg"],
            "wash": [drawings / "wash" / "a.jpg"],
        }
        self.assertEqual(labelled_drawings(drawings), expected)
        folders = {"one": drawings / "ink", "two": drawings / "wash"}
        self.assertEqual(
            labelled_drawings(folders),
            {"one": expected["ink"], "two": expected["wash"]},
        )
        generator = keras_comic.AdaINGenerator.light((4, 8, 4, 4), 1, 8)
        add_styles_of_folders(generator, folders)
        self.assertEqual(generator.style_names, ["one", "two"])
        self.assertEqual(generator.styles["one"]["count"], 2)

    def test_unknown_option(self):
        with self.assertRaisesRegex(
            ValueError, r"`options` may hold \[.*'zoom'\]. Received: .*'crop'"
        ):
            train_style_preset(
                "drawings", "photos", self.output, options={"crop": 3}
            )
