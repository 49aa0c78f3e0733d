import keras
import numpy as np

from keras_comic.training import RollBack
from tests.test_case import BACKEND
from tests.test_case import TestCase
from tests.training.small_gan import make_small_gan
from tests.training.small_gan import pair
from tests.training.small_gan import small_batch
from tests.training.test_gan import Different

LOG = "keras_comic.training.callbacks.roll_back"


def broken_batch():
    batch = small_batch()
    return {**batch, "photos": batch["photos"] * np.nan}


class RollBackTest(TestCase):
    def fit(self, gan, batches, roll_back, **kwargs):
        gan.fit(
            Different(batches),
            callbacks=[roll_back],
            shuffle=False,
            verbose=0,
            **kwargs,
        )

    def test_weights_blown_up_are_put_back(self):
        gan = make_small_gan()
        optimizers = (keras.optimizers.SGD(0.1) for _ in range(2))
        gan.compile(pair(*optimizers), run_eagerly=True)
        roll_back = RollBack(patience=2, keep_every=2)

        class BlowUp(keras.callbacks.Callback):
            def on_train_batch_end(callback, batch, logs=None):  # noqa: N805
                gan.sync_state()
                if batch == 3:
                    kernel = gan.generator.last.kernel
                    kernel.assign(kernel * np.nan)

        with self.assertLogs(LOG, "WARNING") as logged:
            gan.fit(
                Different([small_batch()] * 6),
                callbacks=[roll_back, BlowUp()],
                shuffle=False,
                verbose=0,
            )
        self.assertEqual(roll_back.num_rollbacks, 1)
        self.assertRegex(
            logged.output[0],
            "Step 6: 2 steps in a row .* the state of step 4, .*0.5",
        )
        for variable in gan.generator.variables:
            self.assertFinite(variable)
        self.assertAllClose(gan.optimizers["generator"].learning_rate, 0.05)
        self.assertEqual(int(self.numpy(gan.step_counter)), 6)
        self.assertEqual(int(self.numpy(gan.skipped_steps)), 2)

    def test_a_rate_far_too_high_is_lowered_until_numbers_are_finite(self):
        gan = make_small_gan()
        gan.compile(
            pair(*(keras.optimizers.SGD(1e6, momentum=0.9) for _ in range(2)))
        )
        roll_back = RollBack(
            patience=1, keep_every=5, factor=0.01, max_rollbacks=20
        )
        with self.assertLogs(LOG, "WARNING"):
            self.fit(gan, [small_batch()] * 60, roll_back)
        self.assertGreater(roll_back.num_rollbacks, 0)
        logs = gan.train_on_batch(small_batch(), return_dict=True)
        self.assertFinite(list(map(float, logs.values())))
        for variable in gan.variables:
            self.assertFinite(variable)
        self.assertLess(gan.optimizers["generator"].learning_rate, 1e5)

    def test_a_hopeless_run_stops(self):
        gan = make_small_gan()
        gan.compile(run_eagerly=True)
        with self.assertRaisesRegex(RuntimeError, "broke off 3 times"):
            with self.assertLogs(LOG, "WARNING"):
                self.fit(
                    gan,
                    [broken_batch()] * 9,
                    RollBack(patience=2, max_rollbacks=2),
                )

    def test_nothing_happens_to_a_sound_run(self):
        weights = []
        for callbacks in ([], [RollBack(patience=2, keep_every=2)]):
            keras.utils.set_random_seed(1)
            gan = make_small_gan()
            gan.compile(run_eagerly=True)
            gan.fit(
                Different([small_batch(seed=seed) for seed in range(5)]),
                callbacks=callbacks,
                shuffle=False,
                verbose=0,
            )
            weights.append(gan.get_weights())
        for one, two in zip(*weights, strict=True):
            self.assertAllClose(one, two, atol=0 if BACKEND != "jax" else 1e-6)

    def test_errors(self):
        for arguments, message in (
            ({"patience": 0}, "patience=0"),
            ({"keep_every": 0}, "keep_every=0"),
            ({"factor": 1.0}, "factor=1.0"),
            ({"max_rollbacks": 0}, "max_rollbacks=0"),
        ):
            with self.assertRaisesRegex(ValueError, message):
                RollBack(**arguments)
