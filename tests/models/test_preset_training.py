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
from keras_comic.models import PresetTraining
from keras_comic.models import train_preset
from tests import tiny_recipes
from tests.test_case import ROOT
from tests.test_case import TestCase
from tests.test_case import photos
from tests.test_case import requires_tensorflow

OPTIONS = {"image_size": 32, "batch_size": 2, "steps_per_epoch": 3}
STEPS = 11
# A training that kills itself at a step.
SCRIPT = """
import os
import signal
import sys

import keras

from keras_comic.models import PresetTraining
from tests import tiny_recipes


class KillAt(keras.callbacks.Callback):
    def on_train_batch_end(self, batch, logs=None):
        if int(self.model.step_counter.numpy()) == int(sys.argv[1]):
            os.kill(os.getpid(), signal.SIGKILL)


training = PresetTraining(
    "tiny_painter", sys.argv[2], "drawings", "photos", steps=STEPS,
    options=OPTIONS,
)
training.watch(3)
training.run([KillAt()])
"""


def write_pictures(folder):
    """Writes small JPEGs: photos, and drawings of two styles."""
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


class Never(keras.callbacks.Callback):
    """Fails a training that trains."""

    def on_train_begin(self, logs=None):
        raise RuntimeError("It trains again.")


class PresetTrainingTest(TestCase):
    def setUp(self):
        self.folder = self.temporary_folder()
        write_pictures(self.folder)
        self.output = self.folder / "out" / "preset"

    def training(self, family="tiny_painter", **kwargs):
        folders = {
            "drawings": self.folder / "drawings",
            "photos": self.folder / "photos",
        }
        if family == "tiny_codes":
            del folders["photos"]
        options = {**OPTIONS, **kwargs.pop("options", {})}
        return PresetTraining(
            family, self.output, **{**folders, **kwargs, "options": options}
        )

    def metadata(self):
        path = self.output / "metadata.json"
        return json.loads(path.read_text("utf-8"))

    @requires_tensorflow
    def test_every_kind(self):
        for family, kind in (
            ("tiny_comic", "generator"),
            ("tiny_painter", "style_generator"),
            ("tiny_codes", "latent_generator"),
        ):
            with self.subTest(family):
                self.output = self.folder / family / "preset"
                network = keras_comic.FeatureNetwork((1, 1), (4, 4))
                training = self.training(
                    family, steps=4, options={"features": network}
                )
                training.validate(
                    self.folder / "drawings",
                    None if family == "tiny_codes" else self.folder / "photos",
                    every=2,
                )
                training.watch(sample_every=2)
                model = training.run(metadata={"licence": "CC0-1.0"})
                self.assertEqual(model.kind, kind)
                revived = keras_comic.from_preset(str(self.output))
                self.assertAllClose(
                    revived.example_output(), model.example_output()
                )
                facts = self.metadata()
                self.assertEqual(facts["licence"], "CC0-1.0")
                self.assertEqual(facts["about"], "A tiny one.")
                run = facts["training"]
                self.assertEqual(run["family"], family)
                self.assertEqual(run["steps"], 4)
                self.assertEqual(run["options"]["filters"], 4)
                self.assertEqual(run["best"]["name"], "KernelDistance")
                work = training.work
                sheets = sorted(p.name for p in (work / "samples").iterdir())
                self.assertEqual(
                    sheets, ["step-0000002.png", "step-0000004.png"]
                )
                for name in ("losses.csv", "alarms.csv", "evaluations.csv"):
                    self.assertTrue((work / name).is_file(), name)

    @requires_tensorflow
    def test_exactly_the_steps_that_were_asked_for(self):
        # Fewer than an epoch, and not a whole number of epochs.
        for steps in (2, 4):
            self.output = self.folder / str(steps)
            self.training("tiny_comic", steps=steps).run()
            self.assertEqual(self.metadata()["training"]["steps"], steps)
            again = self.training("tiny_comic", steps=steps)
            gone_on = []
            again.on_resume = gone_on.append
            again.run([Never()])
            self.assertEqual(gone_on, [again.work])

    # `test_training_checkpoint` resumes a run in one process.
    @pytest.mark.slow
    @requires_tensorflow
    def test_a_killed_run_gives_the_weights_of_a_whole_one(self):
        killed_at = random.SystemRandom().randint(2, STEPS - 1)
        script = SCRIPT.replace("STEPS", str(STEPS)).replace(
            "OPTIONS", repr(OPTIONS)
        )

        def run(step, name):
            done = subprocess.run(
                [sys.executable, "-c", script, str(step), name],
                cwd=self.folder,
                env={**os.environ, "PYTHONPATH": str(ROOT)},
                capture_output=True,
                text=True,
            )
            return done.returncode, done.stderr

        self.assertEqual(run(0, "whole")[0], 0)
        self.assertEqual(run(killed_at, "killed")[0], -signal.SIGKILL)
        self.assertFalse((self.folder / "killed").exists())
        code, errors = run(0, "killed")
        self.assertEqual(code, 0, errors)

        def read(name):
            work = self.folder / f"{name}.training"
            with np.load(work / "checkpoint.npz") as archive:
                return dict(archive), (work / "losses.csv").read_text()

        (expected, table), (found, other_table) = map(read, ("whole", "killed"))
        self.assertEqual(list(found), list(expected))
        for name, array in expected.items():
            # Text says how long the run took.
            if array.dtype.kind != "U":
                self.assertAllEqual(array, found[name])
        self.assertEqual(table, other_table)
        generators = [
            keras_comic.from_preset(str(self.folder / name))
            for name in ("whole", "killed")
        ]
        self.assertEqual(generators[0].styles, generators[1].styles)

    @requires_tensorflow
    def test_another_run_is_refused(self):
        broken = self.folder / "drawings" / "ink" / "broken.jpg"
        broken.write_bytes(b"no picture")
        training = self.training(steps=1)
        generator = training.run()
        self.assertEqual(list(training.data.failures), [str(broken)])
        self.assertEqual(self.metadata()["training"]["left_out"], 1)
        self.assertEqual(generator.style_names, ["ink", "wash"])
        self.assertEqual(generator.styles["ink"]["count"], 2)
        for kwargs, message in (
            ({"steps": 2}, r"other options: .* steps=2 \(was 1\)"),
            ({"options": {"seed": 4}}, r"other options: .* seed=4 \(was 0\)"),
            ({"start": self.output}, r"other weights: .* start='checksum \w+'"),
            (
                {"photos": self.folder / "drawings"},
                r"other pictures: .* photos='4 files.*was '3 files",
            ),
        ):
            with self.assertRaisesRegex(ValueError, message):
                self.training(**{"steps": 1, **kwargs}).run()

    @requires_tensorflow
    def test_from_a_preset(self):
        source = tiny_recipes.TinyPainter()
        source.add_style("old", photos(32, 32, 3))
        start = self.folder / "start"
        source.save_to_preset(start)
        training = self.training(
            start=start, steps=1, options={"learning_rate": 0.0}
        )
        generator = training.run()
        self.assertEqual(generator.style_names, ["old", "ink", "wash"])
        self.assertEqual(self.metadata()["training"]["start"], str(start))

    def test_errors(self):
        for family, kwargs, message in (
            ("tiny_comic", {"options": {"crop": 3}}, r"may hold .*\['crop'\]"),
            ("tiny_comic", {"steps": 0}, "`steps` must be a positive"),
            ("tiny_codes", {"photos": "a"}, "takes no photos"),
            ("tiny_comic", {"drawings": None}, "takes drawings"),
        ):
            with self.assertRaisesRegex(ValueError, message):
                self.training(family, **kwargs)
        with self.assertRaisesRegex(FileNotFoundError, "none"):
            train_preset("tiny_codes", self.output, self.folder / "none")
