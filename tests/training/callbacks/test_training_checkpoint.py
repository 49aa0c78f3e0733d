import json
import os
import random
import signal
import subprocess
import sys
import time

import keras
import numpy as np
import pytest
from absl.testing import parameterized

from keras_comic.training import TrainingCheckpoint
from keras_comic.training.callbacks.training_checkpoint import read_arrays
from keras_comic.training.callbacks.training_checkpoint import restore_variables
from keras_comic.training.callbacks.training_checkpoint import write_variables
from tests.test_case import BACKEND
from tests.test_case import ROOT
from tests.test_case import Batches
from tests.test_case import TestCase
from tests.training.small_gan import make_small_gan
from tests.training.small_gan import small_batch


class StopAfter(keras.callbacks.Callback):
    def __init__(self, epochs):
        super().__init__()
        self.epochs = epochs

    def on_epoch_end(self, epoch, logs=None):
        self.model.stop_training = epoch + 1 == self.epochs


class TrainingCheckpointTest(TestCase, parameterized.TestCase):
    def setUp(self):
        self.folder = self.temporary_folder() / "new" / "run"

    def make(self, dtype=None):
        keras.utils.set_random_seed(1)
        gan = make_small_gan(dtype=dtype)
        schedule = keras.optimizers.schedules.CosineDecay(0.01, 8)
        optimizers = {"generator": keras.optimizers.Adam(schedule)}
        # A few steps are done before they would be compiled.
        gan.compile(optimizers, run_eagerly=BACKEND == "tensorflow")
        return gan

    def fit(self, gan, epochs, done=0, callbacks=()):
        gan.fit(
            Batches(small_batch(), 2),
            epochs=epochs,
            initial_epoch=done,
            callbacks=list(callbacks),
            shuffle=False,
            verbose=0,
        )

    @parameterized.parameters(None, "mixed_float16")
    def test_resumed_run_gives_the_same_numbers(self, dtype):
        checkpoint = TrainingCheckpoint(self.folder)
        whole, resumed = self.make(dtype), self.make(dtype)
        self.assertEqual(checkpoint.restore(whole), 0)
        self.fit(whole, 2, callbacks=[checkpoint])
        self.fit(whole, 4, 2)
        # What a restored run must not keep.
        for variable in resumed.generator.trainable_variables:
            variable.assign(variable + 1.0)
        self.assertEqual(TrainingCheckpoint(self.folder).restore(resumed), 2)
        self.assertEqual(int(self.numpy(resumed.step_counter)), 4)
        self.fit(resumed, 4, 2)
        expected = whole.training_variables()
        for name, variable in resumed.training_variables().items():
            self.assertAllEqual(variable, expected[name])

    @pytest.mark.slow
    def test_a_run_killed_at_ten_random_steps(self):
        steps, folder = 36, self.temporary_folder()
        chance = random.SystemRandom()
        kills = [
            (step, chance.randrange(40))
            for step in sorted(chance.sample(range(1, steps), 10))
        ]

        def start(name, kill_at=0, delay=0):
            arguments = [str(folder / name), *map(str, (steps, kill_at, delay))]
            return subprocess.Popen(
                [sys.executable, "-m", "tests.training.killed_run", *arguments],
                cwd=ROOT,
                env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"},
                stderr=subprocess.PIPE,
                text=True,
            )

        def finish(process):
            _, errors = process.communicate(timeout=600)
            return process.returncode, errors

        whole = start("whole")
        for step, delay in kills:
            code, errors = finish(start("killed", step, delay))
            self.assertEqual(code, -signal.SIGKILL, errors)
        for process in (start("killed"), whole):
            code, errors = finish(process)
            self.assertEqual(code, 0, errors)
        for file in ("checkpoint.npz", "best.npz"):
            found = {}
            for name in ("whole", "killed"):
                with np.load(folder / name / file) as archive:
                    found[name] = dict(archive)
                facts = json.loads(str(found[name].pop("__facts__")))
                # The time is that of the clock.
                found[name]["facts"] = {**facts, "seconds": None}
            self.assertEqual(list(found["killed"]), list(found["whole"]))
            for key, array in found["whole"].items():
                self.assertTrue(
                    np.array_equal(array, found["killed"][key]),
                    f"{key} of {file}, killed at (step, milliseconds) {kills}",
                )
        for file in ("losses.csv", "evaluations.csv"):
            tables = [
                (folder / name / file).read_text()
                for name in ("whole", "killed")
            ]
            self.assertEqual(*tables, kills)

    def test_epochs_and_seconds(self):
        checkpoint = TrainingCheckpoint(self.folder)
        start = time.monotonic()
        self.fit(self.make(), 20, callbacks=[checkpoint, StopAfter(3)])
        took = time.monotonic() - start
        self.assertEqual(list(self.folder.iterdir()), [checkpoint.path])
        # Gone on with, the time of both runs is added up.
        again, gan = TrainingCheckpoint(self.folder), self.make()
        self.assertEqual(again.restore(gan), 3)
        self.assertEqual(int(self.numpy(gan.step_counter)), 6)
        self.assertAllClose(again.seconds, checkpoint.seconds, atol=1e-3)
        self.assertLess(again.seconds, took)
        self.fit(gan, 4, 3, [again])
        self.assertGreater(again.seconds, checkpoint.seconds)


class WeightFileTest(TestCase):
    def setUp(self):
        self.path = self.temporary_folder() / "run" / "weights.npz"
        self.variables = {
            "generator/0000": keras.Variable([[1.5, -2.0]]),
            "step_counter/0000": keras.Variable(7, dtype="int32"),
        }
        write_variables(self.path, self.variables, {"epoch": 3, "best": None})

    def test_restored_as_written(self):
        kernel, counter = self.variables.values()
        kernel.assign([[0.0, 0.0]])
        counter.assign(0)
        facts = restore_variables(self.path, self.variables)
        self.assertEqual(facts, {"epoch": 3, "best": None})
        self.assertAllEqual(kernel, [[1.5, -2.0]])
        self.assertAllEqual(counter, 7)

    def test_whole_or_not_at_all(self):
        with self.assertRaises(TypeError):
            write_variables(self.path, {}, {"no JSON": {1, 2}})
        self.assertEqual(read_arrays(self.path)[1]["epoch"], 3)
        self.assertEqual(list(self.path.parent.iterdir()), [self.path])

    def test_other_variables(self):
        kernel = keras.Variable([1.0])
        variables = {**self.variables, "generator/0000": kernel}
        variables["more"] = kernel
        with self.assertRaisesRegex(
            ValueError,
            "is of other networks or optimizers; .* Received: 2 differing "
            r"arrays, the first 'generator/0000': \(1, 2\) stored, \(1,\) ",
        ):
            restore_variables(self.path, variables)
        self.assertAllEqual(kernel, [1.0])

    def test_broken_file(self):
        self.path.write_bytes(b"nothing of the kind")
        with self.assertRaisesRegex(
            ValueError, "weights.npz' cannot be read: .*Remove it to begin anew"
        ):
            read_arrays(self.path)
        np.savez(self.path, kernel=np.zeros(2))
        with self.assertRaisesRegex(ValueError, "cannot be read: .*__facts__"):
            read_arrays(self.path)
