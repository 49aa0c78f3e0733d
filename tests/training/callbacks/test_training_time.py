import time

import keras
import numpy as np

from keras_comic.training.callbacks.training_time import TrainingTime
from tests.test_case import TestCase


class TrainingTimeTest(TestCase):
    def fit(self, folder, epochs):
        model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
        model.compile("sgd", "mse")
        callback = TrainingTime(folder)
        start = time.monotonic()
        model.fit(
            np.ones((4, 2), "float32"),
            np.ones((4, 1), "float32"),
            epochs=epochs,
            callbacks=[callback],
            verbose=0,
        )
        return callback.seconds, time.monotonic() - start

    def test_runs_add_up(self):
        folder = self.temporary_folder() / "new"
        self.assertEqual(TrainingTime(folder).seconds, 0.0)
        first, took = self.fit(folder, 2)
        self.assertGreater(first, 0.0)
        self.assertLessEqual(first, took)
        both, took = self.fit(folder, 1)
        self.assertGreater(both, first)
        self.assertLessEqual(both, first + took + 1e-3)
        self.assertEqual(TrainingTime(folder).seconds, both)
        self.assertEqual([p.name for p in folder.iterdir()], ["time.json"])
