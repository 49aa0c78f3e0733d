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

from keras_comic.training import TrainingCheckpoint
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


class TrainingCheckpointTest(TestCase):
    def setUp(self):
        self.folder = self.temporary_folder() / "new" / "run"

    def make(self, dtype=None):
        keras.utils.set_random_seed(1)
        gan = make_small_gan(dtype=dtype)
        schedule = keras.optimizers.schedules.CosineDecay(0.01, 8)
        gan.compile({"generator": keras.optimizers.Adam(schedule)})
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

    def test_resumed_run_gives_the_same_numbers(self):
        for dtype in (None, "mixed_float16"):
            with self.subTest(dtype=dtype):
                self.folder = self.temporary_folder()
                whole = self.make(dtype)
                self.fit(whole, 4)

                checkpoint = TrainingCheckpoint(self.folder)
                self.assertEqual(checkpoint.restore(self.make(dtype)), 0)
                self.fit(self.make(dtype), 2, callbacks=[checkpoint])

                resumed = self.make(dtype)
                # What a restored run must not keep.
                for variable in resumed.generator.trainable_variables:
                    variable.assign(variable + 1.0)
                done = TrainingCheckpoint(self.folder).restore(resumed)
                self.assertEqual(done, 2)
                self.assertEqual(int(self.numpy(resumed.step_counter)), 4)
                self.fit(resumed, 4, done)
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

    def test_the_epoch_after_which_training_was_stopped(self):
        checkpoint = TrainingCheckpoint(self.folder)
        self.fit(self.make(), 20, callbacks=[checkpoint, StopAfter(3)])
        gan = self.make()
        self.assertEqual(checkpoint.restore(gan), 3)
        self.assertEqual(int(self.numpy(gan.step_counter)), 6)
        self.assertEqual(list(self.folder.iterdir()), [checkpoint.path])

    def test_the_time_of_all_runs(self):
        seconds = [0.0]
        for epochs in (1, 2):
            checkpoint, gan = TrainingCheckpoint(self.folder), self.make()
            done = checkpoint.restore(gan)
            self.assertAllClose(checkpoint.seconds, seconds[-1], atol=1e-3)
            start = time.monotonic()
            self.fit(gan, epochs, done, [checkpoint])
            took = time.monotonic() - start
            self.assertGreater(checkpoint.seconds, seconds[-1])
            self.assertLess(checkpoint.seconds, seconds[-1] + took + 1e-3)
            seconds.append(checkpoint.seconds)
