import csv

import keras
import numpy as np
from keras import ops

from keras_comic.training.callbacks.training_alarms import TrainingAlarms
from keras_comic.training.callbacks.training_alarms import best_accuracy
from keras_comic.training.callbacks.training_alarms import cell_features
from tests.test_case import Batches
from tests.test_case import TestCase
from tests.test_case import noise
from tests.training.small_gan import SmallGAN
from tests.training.small_gan import pair
from tests.training.small_gan import small_batch

LOG = "keras_comic.training.callbacks.training_alarms"
COLUMNS = [
    "step",
    "diversity",
    "color_shift",
    "discriminator_accuracy",
    "skipped_steps",
    "skipped_share",
    "alarms",
]


def pictures(count=12, seed=0):
    """Pictures of smooth random colours."""
    cells = noise(count, 3, 3, 3, seed=seed) * 0.8
    return cells.repeat(5, axis=1).repeat(5, axis=2)


@keras.saving.register_keras_serializable(package="keras_comic_tests")
class Scaled(keras.layers.Layer):
    """`photos * scale + shift` of each channel; both are trained."""

    def __init__(self, scale=(1.0, 1.0, 1.0), shift=(0.0, 0.0, 0.0), **kwargs):
        super().__init__(**kwargs)
        self.scale, self.shift = tuple(scale), tuple(shift)

    def build(self, shape):
        self.factors = self.add_weight(
            shape=(2, 3), initializer=self._values, name="factors"
        )

    def _values(self, shape, dtype=None):
        return ops.convert_to_tensor([self.scale, self.shift], dtype)

    def call(self, images):
        return images * self.factors[0] + self.factors[1]

    def get_config(self):
        config = {"scale": self.scale, "shift": self.shift}
        return {**super().get_config(), **config}


def scaled_network(**kwargs):
    return keras.Sequential([keras.Input((None, None, 3)), Scaled(**kwargs)])


def scaled_gan(judge=(0.0, 0.0, 0.0), **kwargs):
    """A generator `Scaled`, and a discriminator that weighs the channels."""
    gan = SmallGAN(scaled_network(**kwargs), scaled_network(scale=judge))
    # Nothing changes.
    optimizers = pair(*(keras.optimizers.SGD(0.0) for _ in range(2)))
    gan.compile(optimizers, run_eagerly=True)
    return gan


class TrainingAlarmsTest(TestCase):
    def setUp(self):
        self.folder = self.temporary_folder() / "run"

    def make(self, **kwargs):
        arguments = {"every": 1, **kwargs}
        return TrainingAlarms(
            self.folder, pictures(), pictures(seed=1), **arguments
        )

    def fit(self, gan, alarms, steps=6, batch=None, **kwargs):
        gan.fit(
            Batches(batch or small_batch(), steps),
            callbacks=[alarms],
            shuffle=False,
            verbose=0,
            **kwargs,
        )

    def read(self):
        path = self.folder / "alarms.csv"
        with open(path, newline="", encoding="utf-8") as file:
            return list(csv.DictReader(file))

    def test_a_healthy_generator_rings_nothing(self):
        alarms = self.make()
        with self.assertNoLogs(LOG):
            self.fit(scaled_gan(), alarms)
        rows = self.read()
        self.assertEqual(list(rows[0]), COLUMNS)
        self.assertEqual([row["step"] for row in rows], list("123456"))
        self.assertEqual({row["alarms"] for row in rows}, {""})
        self.assertEqual(alarms.ringing, [])
        numbers = alarms.numbers()
        self.assertGreater(numbers["diversity"], 0.8)
        self.assertLess(numbers["diversity"], 1.25)
        self.assertLess(numbers["color_shift"], 10.0)
        # A discriminator that gives the same for all.
        self.assertEqual(numbers["discriminator_accuracy"], 0.5)
        self.assertEqual(numbers["skipped_share"], 0.0)
        self.assertEqual(
            [path.name for path in self.folder.iterdir()], ["alarms.csv"]
        )

    def assertRingsOnly(self, gan, alarm, message, first=1):
        alarms = self.make()
        with self.assertLogs(LOG, "WARNING") as logged:
            self.fit(gan, alarms)
        # Once, although it rings on.
        self.assertEqual(len(logged.output), 1)
        self.assertRegex(logged.output[0], message)
        for row in self.read():
            expected = alarm if int(row["step"]) >= first else ""
            self.assertEqual(row["alarms"], expected)
        self.assertEqual(alarms.ringing, [alarm])
        return alarms.numbers()

    def test_a_collapsed_generator(self):
        mean = pictures(seed=1).mean(axis=(0, 1, 2))
        numbers = self.assertRingsOnly(
            scaled_gan(scale=(0.0, 0.0, 0.0), shift=mean),
            "collapse",
            "Step 1: The generator collapses: .* 0 times .* less than 0.4",
        )
        self.assertEqual(numbers["diversity"], 0.0)

    def test_a_generator_that_tints(self):
        numbers = self.assertRingsOnly(
            scaled_gan(scale=(0.8, 0.8, 0.8), shift=(0.2, 0.0, -0.2)),
            "color_cast",
            r"Step 1: The colours are cast: .* is \d.* more than 12",
        )
        self.assertGreater(numbers["color_shift"], 12.0)

    def test_a_discriminator_that_wins(self):
        # All that is generated is darker than any comic.
        gan = scaled_gan(
            scale=(0.5, 0.5, 0.5), shift=(-0.45, -0.45, -0.45), judge=(1, 1, 1)
        )
        comics = pictures(seed=1) * 0.5 + 0.45
        alarms = TrainingAlarms(self.folder, pictures(), comics, every=1)
        with self.assertLogs(LOG, "WARNING") as logged:
            self.fit(gan, alarms)
        self.assertEqual(len(logged.output), 1)
        # When it has won five times.
        self.assertRegex(
            logged.output[0],
            "Step 5: The discriminator wins: its accuracy is 1, ",
        )
        self.assertEqual(
            [row["alarms"] for row in self.read()],
            [*[""] * 4, *["discriminator_wins"] * 2],
        )

    def test_steps_that_are_skipped(self):
        alarms, gan = self.make(every=2), scaled_gan()
        broken = small_batch()
        broken = {**broken, "photos": broken["photos"] * np.nan}
        self.fit(gan, alarms, 2)
        with self.assertLogs(LOG, "WARNING") as logged:
            self.fit(gan, alarms, 4, broken)
        self.assertEqual(len(logged.output), 1)
        self.assertRegex(
            logged.output[0],
            "Step 4: Steps are not finite: a share of 1 of .* more than 0.1",
        )
        self.fit(gan, alarms, 2)
        found = [(row["skipped_steps"], row["alarms"]) for row in self.read()]
        self.assertEqual(
            found,
            [("0", ""), ("2", "skipped_steps"), ("4", "skipped_steps")]
            + [("4", "")],
        )

    def test_pictures_that_are_not_finite_ring_nothing(self):
        alarms = self.make()
        gan = scaled_gan(scale=(np.inf, 1.0, 1.0))
        with self.assertLogs(LOG, "WARNING") as logged:
            self.fit(gan, alarms, 2)
        self.assertRegex(logged.output[0], "Steps are not finite")
        self.assertEqual(len(logged.output), 1)
        self.assertNotIn("diversity", self.read()[-1])

    def test_resumed_run_goes_on_with_table_and_alarms(self):
        gan = scaled_gan(scale=(0.0, 0.0, 0.0))
        with self.assertLogs(LOG, "WARNING"):
            self.fit(gan, self.make(), 6)
        before = self.read()
        gan.step_counter.assign(4)
        # It has rung before the run was killed.
        with self.assertNoLogs(LOG):
            self.fit(gan, self.make(), 2)
        self.assertEqual(self.read(), before)
        gan.step_counter.assign(0)
        with self.assertLogs(LOG, "WARNING"):
            self.fit(gan, self.make(), 1)
        self.assertEqual(len(self.read()), 1)

    def test_errors(self):
        with self.assertRaisesRegex(
            ValueError, r"`inputs` must have at least 2 .* Received: \[1\]"
        ):
            TrainingAlarms(self.folder, pictures(1), pictures())
        with self.assertRaisesRegex(ValueError, r"Received: \[2, 3\]"):
            inputs = {"photos": pictures(2), "style": noise(3, 2)}
            TrainingAlarms(self.folder, inputs, pictures())
        with self.assertRaisesRegex(ValueError, "`comics` must have"):
            TrainingAlarms(self.folder, pictures(), pictures(1))
        with self.assertRaisesRegex(
            ValueError, r"may name \['collapse', .* Received: .*'fire': 1"
        ):
            self.make(thresholds={"fire": 1})
        with self.assertRaisesRegex(ValueError, "every=0"):
            self.make(every=0)


class CellFeaturesTest(TestCase):
    def test_colours_and_gradients(self):
        images = np.zeros((2, 17, 24, 3))
        # Vertical stripes: neighbours across differ by 1.
        images[1, :, ::2] = 1.0
        features = cell_features(images).reshape(2, 8, 8, 5)
        self.assertAllEqual(features[0], np.zeros((8, 8, 5)))
        self.assertAllClose(features[1, :, :, 3], np.zeros((8, 8)))
        self.assertAllClose(features[1, :, :7, 4], np.full((8, 7), 4.0))
        self.assertAllClose(features[1, :, 1, :3], np.full((8, 3), 1 / 3))
        flat = cell_features(np.full((1, 19, 9, 3), 0.25))
        self.assertAllClose(
            flat.reshape(64, 5), np.tile([0.25, 0.25, 0.25, 0.0, 0.0], (64, 1))
        )


class BestAccuracyTest(TestCase):
    def test_by_hand(self):
        self.assertEqual(best_accuracy([2, 3], [0, 1]), 1.0)
        self.assertEqual(best_accuracy([0, 1], [2, 3]), 0.5)
        self.assertEqual(best_accuracy([1, 1], [1, 1]), 0.5)
        # Above 1: three of four; not above 1: two of two.
        self.assertEqual(best_accuracy([1, 2, 3, 4], [0, 1]), 0.875)
        self.assertEqual(best_accuracy([[[5.0]], [[1.0]]], [[2.0]]), 0.75)
        self.assertTrue(np.isnan(best_accuracy([np.nan], [0.0])))
