import csv

import keras
import numpy as np
from absl.testing import parameterized
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


def pictures(count=12, seed=0):
    """Pictures of smooth random colours."""
    cells = noise(count, 3, 3, 3, seed=seed) * 0.8
    return cells.repeat(5, axis=1).repeat(5, axis=2)


@keras.saving.register_keras_serializable(package="keras_comic_tests")
class Scaled(keras.layers.Layer):
    """`photos * scale + shift` of each channel; both are trained."""

    def __init__(self, scale=1.0, shift=0.0, **kwargs):
        super().__init__(**kwargs)
        self.scale, self.shift = scale, shift

    def build(self, shape):
        self.factors = self.add_weight(
            shape=(2, 3), initializer=self._values, name="factors"
        )

    def _values(self, shape, dtype=None):
        rows = [np.broadcast_to(v, 3) for v in (self.scale, self.shift)]
        return ops.convert_to_tensor(np.stack(rows), dtype)

    def call(self, images):
        return images * self.factors[0] + self.factors[1]

    def get_config(self):
        config = {"scale": self.scale, "shift": self.shift}
        return {**super().get_config(), **config}


def scaled_gan(judge=0.0, scale=1.0, shift=0.0):
    """A generator `Scaled`, and a discriminator that weighs the channels."""
    gan = SmallGAN(
        *(
            keras.Sequential([keras.Input((None, None, 3)), layer])
            for layer in (Scaled(scale, shift), Scaled(judge))
        )
    )
    # Nothing changes.
    optimizers = pair(*(keras.optimizers.SGD(0.0) for _ in range(2)))
    gan.compile(optimizers, run_eagerly=True)
    return gan


class TrainingAlarmsTest(TestCase, parameterized.TestCase):
    def setUp(self):
        super().setUp()
        self.folder = self.temporary_folder() / "run"

    def make(self, comics=None, every=1):
        comics = pictures(seed=1) if comics is None else comics
        return TrainingAlarms(self.folder, pictures(), comics, every)

    def fit(self, gan, alarms, steps=6, batch=None):
        data = Batches(batch or small_batch(), steps)
        gan.fit(data, callbacks=[alarms], shuffle=False, verbose=0)

    def read(self):
        path = self.folder / "alarms.csv"
        with open(path, newline="", encoding="utf-8") as file:
            return list(csv.DictReader(file))

    def test_a_healthy_generator_rings_nothing(self):
        alarms = self.make()
        with self.assertNoLogs(LOG):
            self.fit(scaled_gan(), alarms)
        rows = self.read()
        numbers = "diversity color_shift discriminator_accuracy skipped_steps"
        columns = f"step {numbers} skipped_share alarms".split()
        self.assertEqual(list(rows[0]), columns)
        self.assertEqual([row["step"] for row in rows], list("123456"))
        self.assertEqual({row["alarms"] for row in rows}, {""})
        self.assertEqual(alarms.ringing, [])
        self.assertGreater(alarms.numbers["diversity"], 0.8)
        self.assertLess(alarms.numbers["diversity"], 1.25)
        self.assertLess(alarms.numbers["color_shift"], 10.0)
        # A discriminator that gives the same for all.
        self.assertEqual(alarms.numbers["discriminator_accuracy"], 0.5)
        self.assertEqual(alarms.numbers["skipped_share"], 0.0)

    @parameterized.named_parameters(
        (
            "collapsed",
            {"scale": 0.0, "shift": pictures(seed=1).mean((0, 1, 2)).tolist()},
            "collapse",
            "Step 1: The generator collapses: .* 0 times .* less than 0.4",
        ),
        (
            "tinting",
            {"scale": 0.8, "shift": [0.2, 0.0, -0.2]},
            "color_cast",
            r"Step 1: The colours are cast: .* is \d.* more than 12",
        ),
    )
    def test_rings(self, network, alarm, message):
        alarms = self.make()
        with self.assertLogs(LOG, "WARNING") as logged:
            self.fit(scaled_gan(**network), alarms, 3)
        # Once, although it rings on.
        (text,) = logged.output
        self.assertRegex(text, message)
        self.assertEqual([row["alarms"] for row in self.read()], [alarm] * 3)
        self.assertEqual(alarms.ringing, [alarm])

    def test_a_discriminator_that_wins(self):
        # All that is generated is darker than any comic.
        gan = scaled_gan(scale=0.5, shift=-0.45, judge=1.0)
        alarms = self.make(comics=pictures(seed=1) * 0.5 + 0.45)
        with self.assertLogs(LOG, "WARNING") as logged:
            self.fit(gan, alarms)
        (text,) = logged.output
        # When it has won five times.
        self.assertIn("Step 5: The discriminator wins: its accuracy is 1", text)
        expected = [*[""] * 4, *["discriminator_wins"] * 2]
        self.assertEqual([row["alarms"] for row in self.read()], expected)

    def test_steps_that_are_skipped(self):
        alarms, gan = self.make(every=2), scaled_gan()
        broken = small_batch()
        broken = {**broken, "photos": broken["photos"] * np.nan}
        self.fit(gan, alarms, 2)
        with self.assertLogs(LOG, "WARNING") as logged:
            self.fit(gan, alarms, 4, broken)
        (text,) = logged.output
        self.assertIn("Step 4: Steps are not finite: a share of 1 of", text)
        self.fit(gan, alarms, 2)
        found = [(row["skipped_steps"], row["alarms"]) for row in self.read()]
        ringing = "skipped_steps"
        expected = [("0", ""), ("2", ringing), ("4", ringing), ("4", "")]
        self.assertEqual(found, expected)

    def test_pictures_that_are_not_finite_ring_nothing(self):
        with self.assertLogs(LOG, "WARNING") as logged:
            self.fit(scaled_gan(scale=[np.inf, 1.0, 1.0]), self.make(), 2)
        (text,) = logged.output
        self.assertIn("Steps are not finite", text)
        self.assertNotIn("diversity", self.read()[-1])

    def test_resumed_run_goes_on_with_table_and_alarms(self):
        gan = scaled_gan(scale=0.0)
        with self.assertLogs(LOG, "WARNING"):
            self.fit(gan, self.make(), 6)
        before = self.read()
        gan.step_counter.assign(4)
        # It has rung before the run was killed.
        with self.assertNoLogs(LOG):
            self.fit(gan, self.make(), 2)
        self.assertEqual(self.read(), before)

    def test_errors(self):
        uneven = {"photos": pictures(2), "style": noise(3, 2)}
        for inputs, comics, message in (
            (pictures(1), pictures(), r"`inputs` must have .* Received: \[1\]"),
            (uneven, pictures(), r"Received: \[2, 3\]"),
            (pictures(), pictures(1), "`comics` must have"),
        ):
            with self.assertRaisesRegex(ValueError, message):
                TrainingAlarms(self.folder, inputs, comics)


class NumbersTest(TestCase):
    def test_colours_and_gradients(self):
        images = np.zeros((2, 17, 24, 3))
        # Vertical stripes: neighbours across differ by 1.
        images[1, :, ::2] = 1.0
        features = cell_features(images).reshape(2, 8, 8, 5)
        self.assertAllEqual(features[0], np.zeros((8, 8, 5)))
        self.assertAllClose(features[1, :, :, 3], np.zeros((8, 8)))
        self.assertAllClose(features[1, :, :7, 4], np.full((8, 7), 4.0))
        self.assertAllClose(features[1, :, 1, :3], np.full((8, 3), 1 / 3))

    def test_best_accuracy(self):
        for real, fake, expected in (
            ([2, 3], [0, 1], 1.0),
            ([0, 1], [2, 3], 0.5),
            ([1, 1], [1, 1], 0.5),
            # Above 1: three of four; not above 1: two of two.
            ([1, 2, 3, 4], [0, 1], 0.875),
            ([[[5.0]], [[1.0]]], [[2.0]], 0.75),
            ([np.nan], [0.0], np.nan),
        ):
            self.assertAllEqual(best_accuracy(real, fake), expected)
