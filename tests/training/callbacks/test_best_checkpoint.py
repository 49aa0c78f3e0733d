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

    def make_gan(self):
        keras.utils.set_random_seed(1)
        gan = make_small_gan()
        # A few steps are done before they would be compiled.
        gan.compile(run_eagerly=True)
        return gan

    def judge(self, values):
        """An `evaluate` that gives these values, and keeps the weights."""
        values = iter(values)

        def evaluate(generator):
            self.seen.append(self.values(generator.variables))
            return next(values)

        return evaluate

    def fit(self, gan, best, steps):
        gan.fit(
            Batches(small_batch(), steps),
            callbacks=[best],
            shuffle=False,
            verbose=0,
        )

    def rows(self):
        path = self.folder / "evaluations.csv"
        with open(path, newline="", encoding="utf-8") as file:
            return [tuple(row.values()) for row in csv.DictReader(file)]

    def test_the_weights_of_the_best_value(self):
        for higher, values, index in (
            (False, [3.0, 1.0, 2.0, 1.0], 1),
            (True, [3.0, 1.0, 4.0, np.inf], 2),
        ):
            with self.subTest(higher=higher):
                self.folder, self.seen = self.temporary_folder(), []
                gan = self.make_gan()
                best = BestCheckpoint(
                    self.folder,
                    self.judge(values),
                    every=2,
                    higher_is_better=higher,
                )
                if higher:
                    with self.assertLogs(LOG, "WARNING"):
                        self.fit(gan, best, 7)
                else:
                    self.fit(gan, best, 7)
                trained = self.values(gan.generator.variables)
                found = best.restore_best(gan)
                # The last step is looked at as well.
                self.assertEqual(found["step"], 2 * index + 2)
                self.assertEqual(found["value"], values[index])
                self.assertIsNone(found["protocol"])
                self.assertUnmoved(
                    gan.ema_generator.variables, self.seen[index]
                )
                self.assertUnmoved(gan.generator.variables, trained)
                self.assertEqual(
                    [row[0] for row in self.rows()], ["2", "4", "6", "7"]
                )
                self.assertEqual(
                    sorted(path.name for path in self.folder.iterdir()),
                    ["best.npz", "evaluations.csv"],
                )

    def test_resumed_run(self):
        gan = self.make_gan()
        self.fit(gan, BestCheckpoint(self.folder, self.judge([2, 1]), 2), 4)
        self.assertEqual(self.rows(), [("2", "2", "best"), ("4", "1", "best")])
        # Killed after step 5, gone on from there: worse, then better.
        gan.step_counter.assign(5)
        best = BestCheckpoint(self.folder, self.judge([1.5, 0.5]), 2)
        self.fit(gan, best, 3)
        self.assertEqual(
            self.rows(),
            [
                ("2", "2", "best"),
                ("4", "1", "best"),
                ("6", "1.5", ""),
                ("8", "0.5", "best"),
            ],
        )
        self.assertEqual(best.best["step"], 8)
        # Gone on from before the best: it is reached again.
        gan.step_counter.assign(7)
        best = BestCheckpoint(self.folder, self.judge([0.5]), 2)
        self.fit(gan, best, 1)
        self.assertEqual(self.rows()[-1], ("8", "0.5", "best"))
        self.assertEqual(len(self.rows()), 4)

    def test_results_with_protocols(self):
        protocol = {"metric": "KernelDistance", "comics": 9}

        def results(value, **kwargs):
            result = MetricResult(value, {**protocol, **kwargs})
            return {"kid": result, "ssim": 0.5}

        gan = self.make_gan()
        best = BestCheckpoint(
            self.folder,
            self.judge([results(2.0), results(1.0)]),
            every=1,
            monitor="kid",
        )
        self.fit(gan, best, 2)
        self.assertEqual(best.restore_best(gan)["protocol"], protocol)
        header = (self.folder / "evaluations.csv").read_text().split()[0]
        self.assertEqual(header, "step,kid,ssim,best")
        best.evaluate = self.judge([results(0.5, comics=8)])
        with self.assertRaisesRegex(
            ValueError, "measured otherwise; .* protocol=.*'comics': 8"
        ):
            self.fit(gan, best, 1)
        best = BestCheckpoint(self.folder, self.judge([{"fid": 0.5}]), every=1)
        with self.assertRaisesRegex(ValueError, "Received: name=fid, .* kid"):
            self.fit(gan, best, 1)

    def test_errors(self):
        with self.assertRaisesRegex(TypeError, "Received: evaluate=3"):
            BestCheckpoint(self.folder, 3)
        with self.assertRaisesRegex(ValueError, "every=0"):
            BestCheckpoint(self.folder, len, every=0)
        gan = self.make_gan()
        best = BestCheckpoint(self.folder, self.judge([{"a": 1, "b": 2}]), 1)
        with self.assertRaisesRegex(
            ValueError, r"decides: \['a', 'b'\]. Received: monitor=None"
        ):
            self.fit(gan, best, 1)
        with self.assertRaisesRegex(
            FileNotFoundError, "No evaluation has .* without best.npz"
        ):
            best.restore_best(gan)
        best.evaluate = self.judge([1.0])
        self.fit(gan, best, 1)
        other = make_small_gan()
        other.ema_generator = other.discriminator
        with self.assertRaisesRegex(ValueError, "are of another generator"):
            best.restore_best(other)
        (self.folder / "best.npz").write_bytes(b"not an archive")
        with self.assertRaisesRegex(ValueError, "best.npz' cannot be read"):
            best.restore_best(gan)
