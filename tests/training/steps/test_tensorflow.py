import json
import socket
import subprocess
import sys

import keras
import numpy as np
import pytest

from tests.test_case import ROOT
from tests.test_case import TestCase
from tests.test_case import requires_tensorflow
from tests.training.small_gan import make_small_gan
from tests.training.small_gan import pair


@requires_tensorflow
class BackendStepTest(TestCase):
    def test_gradients_are_not_accumulated_by_replicas(self):
        import tensorflow as tf

        with tf.distribute.MirroredStrategy(["CPU:0"]).scope():
            gan = make_small_gan()
            optimizer = keras.optimizers.Adam(gradient_accumulation_steps=2)
            with self.assertRaisesRegex(
                ValueError,
                "cannot be accumulated under a `tf.distribute.Strategy`.*"
                r"optimizers\['generator'\] with gradient_accumulation_steps=2",
            ):
                gan.compile(pair(optimizer))

    def start(self, *arguments):
        program = [sys.executable, "-m", "tests.training.steps.distributed"]
        process = subprocess.Popen(
            [*program, *arguments],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.addCleanup(process.kill)
        return process

    def results_of(self, process):
        output, errors = process.communicate(timeout=500)
        self.assertEqual(process.returncode, 0, errors[-4000:])
        return json.loads(output.splitlines()[-1])

    def check_same(self, found, expected, but=()):
        for part in ("history", "scores", "state"):
            self.assertEqual(list(found[part]), list(expected[part]))
            for name, values in expected[part].items():
                if name not in but:
                    self.assertAllClose(found[part][name], values, 1e-4, 1e-4)
        self.check_skipped(found)

    def check_skipped(self, found):
        # The broken batch was skipped, on both replicas, in both epochs.
        self.assertEqual(found["state"]["skipped_steps/0000"], [2])
        self.assertEqual(found["state"]["step_counter/0000"], [16])

    def check_copies(self, found):
        """Every device has the same of every variable."""
        self.assertGreater(len(found["copies"]), 30)
        for copies in found["copies"].values():
            self.assertAllEqual(copies[1], copies[0])

    # What is random too: the augmentation and the noise of each half of a
    # batch are those that one device draws for it.

    @pytest.mark.slow
    def test_two_devices_are_as_one(self):
        one, two, single = self.results_of(self.start("clipped"))
        self.check_same(two, one)
        # A strategy of one device is one, too.
        self.check_same(single, one)
        self.check_copies(two)
        # Something was drawn at all.
        (mean, _) = one["history"]["augmentation_probability"]
        self.assertGreater(mean, 0.1)

    @pytest.mark.slow
    def test_two_devices_in_mixed_precision(self):
        one, two, single = self.results_of(self.start("mixed_float16"))
        for found in (one, two, single):
            self.check_skipped(found)
            for values in found["state"].values():
                self.assertFinite(np.array(values))
            # The scale was too large at times, for one half of a batch or for
            # both: the weights did not move, on any device.
            for network in ("generator", "discriminator"):
                (steps,) = found["state"][f"{network}_optimizer/0004"]
                self.assertIn(steps, range(4, 14))
        self.check_copies(two)

    @pytest.mark.slow
    def test_two_workers_are_as_one(self):
        addresses = []
        for _ in range(2):
            with socket.socket() as free:
                free.bind(("localhost", 0))
                addresses.append(f"localhost:{free.getsockname()[1]}")
        workers = [self.start("clipped", str(i), *addresses) for i in range(2)]
        (one, *_), *pairs = map(
            self.results_of, (self.start("clipped"), *workers)
        )
        for (found,) in pairs:
            self.check_same(found, one)
