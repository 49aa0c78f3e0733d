import keras
import numpy as np

from keras_comic.training import LinearDecay
from keras_comic.training import WarmUp
from tests.test_case import Batches
from tests.test_case import TestCase
from tests.training.small_gan import make_small_gan
from tests.training.small_gan import small_batch


def rates(schedule, steps):
    return [float(keras.ops.convert_to_numpy(schedule(n))) for n in steps]


class LinearDecayTest(TestCase):
    def test_rates(self):
        found = rates(LinearDecay(0.4, 10, 20), [0, 10, 15, 20, 30, 99])
        self.assertAllClose(found, [0.4, 0.4, 0.3, 0.2, 0.0, 0.0])

    def test_config(self):
        schedule = LinearDecay(0.4, 10, 20)
        again = keras.saving.deserialize_keras_object(
            keras.saving.serialize_keras_object(schedule)
        )
        self.assertEqual(again.get_config(), schedule.get_config())

    def test_errors(self):
        with self.assertRaisesRegex(ValueError, "learning_rate=0"):
            LinearDecay(0, 1, 1)
        with self.assertRaisesRegex(ValueError, "constant_steps=-1"):
            LinearDecay(1, -1, 1)
        with self.assertRaisesRegex(ValueError, "decay_steps=0"):
            LinearDecay(1, 1, 0)


class WarmUpTest(TestCase):
    def test_rates(self):
        schedule = WarmUp(LinearDecay(0.4, 10, 20), 4)
        found = rates(schedule, [0, 2, 4, 14, 24, 34])
        self.assertAllClose(found, [0.0, 0.2, 0.4, 0.4, 0.2, 0.0])
        self.assertAllClose(rates(WarmUp(2.0, 4), [1, 4, 9]), [0.5, 2.0, 2.0])

    def test_config(self):
        for inner in (0.5, LinearDecay(0.4, 10, 20)):
            schedule = WarmUp(inner, 4)
            again = keras.saving.deserialize_keras_object(
                keras.saving.serialize_keras_object(schedule)
            )
            steps = [0, 3, 17]
            self.assertEqual(rates(again, steps), rates(schedule, steps))

    def test_errors(self):
        with self.assertRaisesRegex(ValueError, "warmup_steps=0"):
            WarmUp(1.0, 0)
        with self.assertRaisesRegex(ValueError, "schedule=0"):
            WarmUp(0, 1)


class ScaledScheduleTest(TestCase):
    def test_rates_of_both_kinds_are_lowered(self):
        gan = make_small_gan()
        gan.compile(
            keras.optimizers.SGD(LinearDecay(0.4, 4, 4)),
            keras.optimizers.SGD(0.2),
        )
        gan.scale_learning_rates(0.5)
        gan.scale_learning_rates(0.5)
        rate = gan.generator_optimizer.learning_rate
        self.assertAllClose(rate, 0.1)
        self.assertAllClose(gan.discriminator_optimizer.learning_rate, 0.05)
        with self.assertRaisesRegex(ValueError, "factor=0"):
            gan.scale_learning_rates(0)

    def test_within_a_fit_and_saved(self):
        # A step of SGD is the rate times the gradient: with the rate at a
        # quarter, the first step is a quarter as long.
        moves = []
        for factor in (1.0, 0.25):
            keras.utils.set_random_seed(1)
            gan = make_small_gan()
            gan.compile(
                keras.optimizers.SGD(LinearDecay(0.4, 4, 4)),
                loss_weights={"adversarial": 0.0},
            )
            gan.scale_learning_rates(factor)
            before = np.copy(self.numpy(gan.generator.variables[0]))
            gan.fit(
                Batches(small_batch(), 1),
                callbacks=[],
                shuffle=False,
                verbose=0,
            )
            moves.append(self.numpy(gan.generator.variables[0]) - before)
        self.assertAllClose(moves[1], moves[0] / 4, atol=1e-7)
        path = self.temporary_folder() / "gan.keras"
        gan.save(path)
        again = keras.saving.load_model(path)
        rate = again.generator_optimizer.learning_rate
        self.assertAllClose(rate, 0.1)
