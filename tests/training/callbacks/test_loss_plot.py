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
        self.gan = make_small_gan()
        self.gan.compile(run_eagerly=True)

    def fit(self, epochs, done=0):
        return self.gan.fit(
            Batches(small_batch(), 3),
            epochs=epochs,
            initial_epoch=done,
            callbacks=[LossPlot(self.folder, every=2)],
            shuffle=False,
            verbose=0,
        ).history

    def read(self):
        path = self.folder / "losses.csv"
        with open(path, newline="", encoding="utf-8") as file:
            return list(csv.DictReader(file))

    def test_table_and_plot_of_a_resumed_run(self):
        history = self.fit(1)
        rows = self.read()
        # Every two steps; the terms in the order of the GAN.
        self.assertEqual(list(rows[0]), ["step", *TERMS])
        self.assertEqual([row["step"] for row in rows], ["2", "3"])
        for term in TERMS:
            value = float(rows[-1][term])
            self.assertAllClose(value, history[term][-1], rtol=1e-6)
        with Image.open(self.folder / "losses.png") as plot:
            pixels = np.asarray(plot.convert("RGB"))
        self.assertGreater(min(pixels.shape[:2]), 100)
        self.assertGreater(pixels.std(), 5.0)
        # Killed after step 3, resumed from the checkpoint of step 2.
        self.gan.step_counter.assign(2)
        self.fit(2, done=1)
        again = self.read()
        self.assertEqual([row["step"] for row in again], list("245"))
        self.assertEqual(again[0], rows[0])
        self.assertEqual(
            sorted(path.name for path in self.folder.iterdir()),
            ["losses.csv", "losses.png"],
        )

    def test_values_that_have_no_logarithm(self):
        plot = LossPlot(self.folder, every=1)
        plot.set_model(self.gan)
        plot.on_train_begin()
        plot.on_steps(1, {"pixels": -1.0, "adversarial": 0.0})
        plot.on_steps(2, {"pixels": float("nan"), "adversarial": 1.0})
        self.assertEqual([row["pixels"] for row in self.read()], ["-1", "nan"])
