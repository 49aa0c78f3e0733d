import csv

import keras
import numpy as np

from keras_comic.metrics import MetricResult
from keras_comic.training.callbacks.best_checkpoint import BestCheckpoint
from tests.test_case import Batches
from tests.test_case import TestCase
from tests.training.small_gan import make_small_gan
from tests.training.small_gan import small_batch

LOG = "keras_comic.training.callbacks.best_checkpoint"


class BestCheckpointTest(TestCase):
    def setUp(self):
        self.folder = self.temporary_folder() / "new" / "run"
        self.seen = []
        keras.utils.set_random_seed(1)
        self.gan = make_small_gan()
        # A few steps are done before they would be compiled.
        self.gan.compile(run_eagerly=True)

    def make(self, *values, every=2):
        """A callback whose `evaluate` gives values, and keeps the weights."""
        values = iter(values)

        def evaluate(generator):
            self.seen.append(self.values(generator.variables))
            return next(values)

        return BestCheckpoint(self.folder, evaluate, every)

    def fit(self, best, steps):
        data = Batches(small_batch(), steps)
        self.gan.fit(data, callbacks=[best], shuffle=False, verbose=0)

    def rows(self):
        path = self.folder / "evaluations.csv"
        with open(path, newline="", encoding="utf-8") as file:
            return [tuple(row.values()) for row in csv.DictReader(file)]

    def test_the_weights_of_the_best_value(self):
        best = self.make(3.0, 1.0, -np.inf, 1.0)
        with self.assertLogs(LOG, "WARNING"):
            self.fit(best, 7)
        trained = self.values(self.gan.generator.variables)
        found = best.restore_best(self.gan)
        expected = {"step": 4, "name": "value", "value": 1.0, "protocol": None}
        self.assertEqual(found, expected)
        self.assertUnmoved(self.gan.ema_generator.variables, self.seen[1])
        self.assertUnmoved(self.gan.generator.variables, trained)
        # The last step is looked at as well.
        self.assertEqual([row[0] for row in self.rows()], ["2", "4", "6", "7"])

    def test_resumed_run(self):
        self.fit(self.make(2, 1), 4)
        expected = [("2", "2", "best"), ("4", "1", "best")]
        self.assertEqual(self.rows(), expected)
        # Killed after step 5, gone on from there: worse, then better.
        self.gan.step_counter.assign(5)
        best = self.make(1.5, 0.5)
        self.fit(best, 3)
        expected += [("6", "1.5", ""), ("8", "0.5", "best")]
        self.assertEqual(self.rows(), expected)
        self.assertEqual(best.best["step"], 8)
        # Gone on from before the best: it is reached again.
        self.gan.step_counter.assign(7)
        self.fit(self.make(0.5), 1)
        self.assertEqual(self.rows(), expected)

    def test_results_with_protocols(self):
        protocol = {"metric": "KernelDistance", "comics": 9}
        best = self.make(
            MetricResult(2.0, protocol),
            MetricResult(1.0, protocol),
            MetricResult(0.5, {**protocol, "comics": 8}),
            every=1,
        )
        self.fit(best, 2)
        found = best.restore_best(self.gan)
        self.assertEqual(found["protocol"], protocol)
        header = (self.folder / "evaluations.csv").read_text().split()[0]
        self.assertEqual(header, f"step,{found['name']},best")
        with self.assertRaisesRegex(
            ValueError, "measured otherwise; .* protocol=.*'comics': 8"
        ):
            self.fit(best, 1)

    def test_errors(self):
        with self.assertRaisesRegex(TypeError, "Received: evaluate=3"):
            BestCheckpoint(self.folder, 3)
        best = self.make(1.0, every=1)
        with self.assertRaisesRegex(
            FileNotFoundError, "No evaluation has .*best.npz', which is not"
        ):
            best.restore_best(self.gan)
        self.fit(best, 1)
        self.gan.ema_generator = self.gan.discriminator
        with self.assertRaisesRegex(ValueError, "is of other networks"):
            best.restore_best(self.gan)
