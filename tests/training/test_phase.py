import keras
import numpy as np
from absl.testing import parameterized

from keras_comic.training import Phase
from keras_comic.training import TrainingCheckpoint
from tests.test_case import BACKEND
from tests.test_case import Batches
from tests.test_case import TestCase
from tests.training import phased_gans
from tests.training.small_gan import small_batch

# Steps of an epoch: the second one of the lazy GAN has a penalty.
GANS = {
    "cycle": (phased_gans.make_cycle_shaped_gan, small_batch(), 2),
    "autoencoder": (
        phased_gans.make_autoencoder_gan,
        phased_gans.flat_batch(),
        4,
    ),
    "lazy": (phased_gans.make_lazy_gan, small_batch(), 9),
}


class PhaseTest(TestCase, parameterized.TestCase):
    def fit(self, gan, name, epochs, done=0, **kwargs):
        return gan.fit(
            Batches(*GANS[name][1:]),
            epochs=epochs,
            initial_epoch=done,
            shuffle=False,
            verbose=0,
            **kwargs,
        ).history

    def make(self, name):
        keras.utils.set_random_seed(1)
        gan = GANS[name][0]()
        # A few steps are done before they would be compiled.
        gan.compile(run_eagerly=name == "cycle" and BACKEND == "tensorflow")
        return gan

    @parameterized.parameters(*GANS)
    def test_small_gans_train_and_resume_bit_by_bit(self, name):
        batch, gan = GANS[name][1], self.make(name)
        networks = [getattr(gan, n) for n in gan.network_names]
        before = [self.values(n.trainable_variables) for n in networks]
        checkpoint = TrainingCheckpoint(self.temporary_folder())
        self.fit(gan, name, 1, callbacks=[checkpoint])
        history = self.fit(gan, name, 2, 1)
        totals = {f"{phase.name}_loss" for phase in gan.phases()}
        self.assertLessEqual(totals, set(history))
        for term in set(gan.default_loss_weights) - {"penalty"}:
            self.assertFinite(history[term])
        for network, values in zip(networks, before):
            for variable, value in zip(network.trainable_variables, values):
                self.assertNotAllClose(variable, value, 0.0, 0.0)
        for n in gan.averaged_names:
            average = getattr(gan, f"ema_{n}").variables[0]
            trained = getattr(gan, n).variables[0]
            self.assertNotAllClose(average, trained, 0.0, 0.0)

        resumed = type(gan).from_config(gan.get_config())
        resumed.compile_from_config(gan.get_compile_config())
        self.fit(resumed, name, 2, checkpoint.restore(resumed))
        expected = gan.training_variables()
        variables = resumed.training_variables()
        self.assertEqual(list(variables), list(expected))
        for key, variable in variables.items():
            self.assertAllEqual(variable, expected[key])
        scores = gan.evaluate(Batches(batch, 1), verbose=0, return_dict=True)
        self.assertLessEqual(totals, set(scores))

    def test_three_phases_by_hand(self):
        # Only the last phase moves the encoder: by its own loss alone.
        gan = self.make("autoencoder")
        batch = GANS["autoencoder"][1]
        frozen = {
            name: keras.optimizers.SGD(0.0)
            for name in ("autoencoder", "critic")
        }
        gan.compile(frozen)
        before = self.values(gan.encoder.variables)
        decoder = self.values(gan.decoder.variables)
        gan.train_on_batch(batch)
        self.assertUnmoved(gan.decoder.variables, decoder)
        for variable, value in zip(gan.encoder.variables, before):
            self.assertNotAllClose(variable, value, 0.0, 0.0)

    @parameterized.parameters(False, BACKEND != "jax")
    def test_lazy_steps(self, run_eagerly):
        gan = self.make("lazy")
        gan.compile(run_eagerly=run_eagerly)
        batch, counts, values = GANS["lazy"][1], [], []
        for _ in range(18):
            gan.reset_metrics()
            logs = gan.train_on_batch(batch, return_dict=True)
            values.append(float(logs["penalty"]))
            optimizer = gan.optimizers["penalty"]
            counts.append(int(self.numpy(optimizer.iterations)))
        self.assertEqual(counts, [1] * 16 + [2] * 2)
        due = np.isfinite(values)
        self.assertEqual(np.flatnonzero(due).tolist(), [0, 16])
        self.assertEqual(int(self.numpy(gan.skipped_steps)), 0)

    def test_a_lazy_phase_that_is_not_finite_is_put_back(self):
        gan = self.make("lazy")
        batch = small_batch()
        broken = {**batch, "comics": batch["comics"] * np.nan}
        before = self.values(gan.discriminator.variables)
        gan.train_on_batch(broken)
        self.assertUnmoved(gan.discriminator.variables, before)
        self.assertEqual(int(self.numpy(gan.skipped_steps)), 1)

    def test_errors(self):
        for arguments, message in (
            ({"every": 0}, "`every` must be a positive integer. .*every=0"),
            ({"repeats": 1.5}, "`repeats` must be .*repeats=1.5"),
            ({"networks": "encoder"}, "`networks` must be a list .*'encoder'"),
        ):
            arguments = {"networks": ["encoder"], **arguments}
            with self.assertRaisesRegex(ValueError, message):
                Phase("codes", lambda batch: {}, **arguments)
