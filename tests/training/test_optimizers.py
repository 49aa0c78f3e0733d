import keras
import numpy as np

from keras_comic.training import LinearDecay
from keras_comic.training.optimizers import ScaledSchedule
from keras_comic.training.optimizers import prepare_optimizer
from keras_comic.training.optimizers import rate_variable
from tests.test_case import Batches
from tests.test_case import TestCase
from tests.training.small_gan import make_small_gan
from tests.training.small_gan import pair
from tests.training.small_gan import small_batch


class OptimizersTest(TestCase):
    def prepared(self, optimizer):
        layer = keras.layers.Dense(2)
        layer.build((None, 3))
        return prepare_optimizer(optimizer, [layer], layer.trainable_variables)

    def test_rates_of_both_kinds_are_lowered(self):
        for rate in (0.4, LinearDecay(0.4, 4, 4)):
            optimizer = self.prepared(keras.optimizers.SGD(rate))
            variable = rate_variable(optimizer)
            for _ in range(2):
                variable.assign(variable * 0.5)
            self.assertAllClose(optimizer.learning_rate, 0.1)
            # Among what a checkpoint keeps.
            self.assertTrue(any(variable is v for v in optimizer.variables))

    def test_a_schedule_is_scaled_once(self):
        optimizer = self.prepared(keras.optimizers.SGD(LinearDecay(0.4, 4, 4)))
        variable = rate_variable(optimizer)
        again = self.prepared(optimizer)
        self.assertIs(again, optimizer)
        self.assertIs(rate_variable(again), variable)
        revived = type(optimizer).from_config(optimizer.get_config())
        self.assertAllClose(revived.learning_rate, 0.4)
        revived = self.prepared(revived)
        self.assertEqual(revived.get_config(), optimizer.get_config())
        config = optimizer.get_config()["learning_rate"]
        schedule = keras.saving.deserialize_keras_object(config)
        self.assertIsInstance(schedule, ScaledSchedule)
        self.assertIsInstance(schedule.schedule, LinearDecay)

    def test_within_a_fit_and_saved(self):
        # A step of SGD is the rate times the gradient: with the rate at a
        # quarter, the first step is a quarter as long.
        moves = []
        for factor in (1.0, 0.25):
            keras.utils.set_random_seed(1)
            gan = make_small_gan()
            gan.compile(
                pair(keras.optimizers.SGD(LinearDecay(0.4, 4, 4))),
                loss_weights={"adversarial": 0.0},
            )
            rate_variable(gan.optimizers["generator"]).assign(factor)
            before = np.copy(self.numpy(gan.generator.variables[0]))
            gan.fit(Batches(small_batch(), 1), shuffle=False, verbose=0)
            moves.append(self.numpy(gan.generator.variables[0]) - before)
        self.assertAllClose(moves[1], moves[0] / 4, atol=1e-7)
        path = self.temporary_folder() / "gan.keras"
        gan.save(path)
        again = keras.saving.load_model(path)
        self.assertAllClose(again.optimizers["generator"].learning_rate, 0.1)

    def test_callbacks_of_keras_set_the_rates(self):
        gan = make_small_gan()
        rates = {"discriminator": 0.02, "generator": LinearDecay(0.4, 9, 9)}
        gan.compile({n: keras.optimizers.SGD(r) for n, r in rates.items()})
        for callback in (
            keras.callbacks.LearningRateScheduler(lambda epoch, rate: 0.1),
            keras.callbacks.ReduceLROnPlateau(
                "generator_loss", 0.5, 0, mode="min", min_delta=1e9
            ),
        ):
            gan.fit(small_batch(), epochs=2, callbacks=[callback], verbose=0)
        found = [float(o.learning_rate) for o in gan.optimizers.values()]
        self.assertAllClose(found[0] / found[1], 0.02 / 0.4, rtol=1e-5)
        self.assertLess(found[1], 0.1)
