import csv

import numpy as np
from PIL import Image

from keras_comic.training import LossPlot
from tests.test_case import Batches
from tests.test_case import TestCase
from tests.training.small_gan import make_small_gan
from tests.training.small_gan import small_batch

TERMS = [
    "generator_loss",
    "discriminator_loss",
    "pixels",
    "adversarial",
    "discriminator",
]


class LossPlotTest(TestCase):
    def setUp(self):
        self.folder = self.temporary_folder() / "run"

    def make(self, **kwargs):
        gan = make_small_gan()
        gan.compile(**kwargs)
        return gan

    def fit(self, gan, epochs, done=0, every=2):
        return gan.fit(
            Batches(small_batch(), 3),
            epochs=epochs,
            initial_epoch=done,
            callbacks=[LossPlot(self.folder, every)],
            shuffle=False,
            verbose=0,
        ).history

    def read(self):
        path = self.folder / "losses.csv"
        with open(path, newline="", encoding="utf-8") as file:
            return list(csv.DictReader(file))

    def steps(self):
        return [int(row["step"]) for row in self.read()]

    def test_table_and_plot(self):
        history = self.fit(self.make(), 2)
        rows = self.read()
        # Every two steps; the terms in the order of the GAN.
        self.assertEqual(list(rows[0]), ["step", *TERMS])
        self.assertEqual(self.steps(), [2, 4, 6])
        for term in TERMS:
            self.assertAllClose(
                float(rows[-1][term]), history[term][-1], rtol=1e-6
            )
        with Image.open(self.folder / "losses.png") as plot:
            pixels = np.asarray(plot.convert("RGB"))
        self.assertGreater(min(pixels.shape[:2]), 100)
        self.assertGreater(pixels.std(), 5.0)
        self.assertEqual(
            sorted(path.name for path in self.folder.iterdir()),
            ["losses.csv", "losses.png"],
        )

    def test_resumed_run_goes_on_with_the_table(self):
        gan = self.make()
        self.fit(gan, 2)
        before = self.read()
        # Killed after step 6, resumed from the checkpoint of step 3.
        gan.step_counter.assign(3)
        self.fit(gan, 3, done=1)
        self.assertEqual(self.steps(), [2, 4, 6, 8, 9])
        self.assertEqual(self.read()[0], before[0])
        self.assertNotEqual(self.read()[1], before[1])

    def test_values_that_have_no_logarithm(self):
        plot = LossPlot(self.folder, every=1)
        plot.set_model(self.make())
        plot.set_params({"epochs": 1, "steps": 2})
        plot.on_train_begin()
        plot.on_steps(1, {"pixels": -1.0, "adversarial": 0.0})
        plot.on_steps(2, {"pixels": float("nan"), "adversarial": 1.0})
        self.assertEqual([row["pixels"] for row in self.read()], ["-1", "nan"])

    def test_errors(self):
        with self.assertRaisesRegex(
            ValueError, "must be a positive integer. Received: every=-1"
        ):
            LossPlot(self.folder, every=-1)
