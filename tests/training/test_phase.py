import keras
import numpy as np

from keras_comic.training import Phase
from keras_comic.training import TrainingCheckpoint
from tests.test_case import BACKEND
from tests.test_case import Batches
from tests.test_case import TestCase
from tests.training import phased_gans
from tests.training.small_gan import small_batch

GANS = {
    "cycle": (phased_gans.make_cycle_shaped_gan, small_batch()),
    "autoencoder": (phased_gans.make_autoencoder_gan, phased_gans.flat_batch()),
    "lazy": (phased_gans.make_lazy_gan, small_batch()),
}


class PhaseTest(TestCase):
    def fit(self, gan, batch, epochs, done=0, **kwargs):
        return gan.fit(
            Batches(batch, 9),
            epochs=epochs,
            initial_epoch=done,
            shuffle=False,
            verbose=0,
            **kwargs,
        ).history

    def make(self, name):
        keras.utils.set_random_seed(1)
        gan = GANS[name][0]()
        gan.compile()
        return gan

    def test_small_gans_train(self):
        totals = {
            "cycle": ("judges_loss", "generators_loss"),
            "autoencoder": ("autoencoder_loss", "critic_loss", "codes_loss"),
            "lazy": ("discriminator_loss", "generator_loss", "penalty_loss"),
        }
        for name, (_, batch) in GANS.items():
            with self.subTest(name=name):
                gan = self.make(name)
                networks = {n: getattr(gan, n) for n in gan.network_names}
                before = {
                    n: self.values(network.trainable_variables)
                    for n, network in networks.items()
                }
                history = self.fit(gan, batch, 2)
                self.assertLessEqual(set(totals[name]), set(history))
                terms = set(gan.default_loss_weights) - {"penalty"}
                for values in [history[term] for term in terms]:
                    self.assertFinite(values)
                for n, network in networks.items():
                    for variable, value in zip(
                        network.trainable_variables, before[n], strict=True
                    ):
                        self.assertNotAllClose(variable, value, 0.0, 0.0)
                for n in gan.averaged_names:
                    self.assertNotAllClose(
                        getattr(gan, f"ema_{n}").variables[0],
                        networks[n].variables[0],
                        0.0,
                        0.0,
                    )
                scores = gan.evaluate(
                    Batches(batch, 1), verbose=0, return_dict=True
                )
                self.assertLessEqual(set(totals[name]), set(scores))
                config = gan.get_config()
                revived = type(gan).from_config(config)
                revived.compile_from_config(gan.get_compile_config())
                self.assertEqual(
                    list(revived.training_variables()),
                    list(gan.training_variables()),
                )

    def test_small_gans_resume_bit_by_bit(self):
        for name, (_, batch) in GANS.items():
            with self.subTest(name=name):
                checkpoint = TrainingCheckpoint(self.temporary_folder())
                whole = self.make(name)
                self.fit(whole, batch, 2)
                self.fit(self.make(name), batch, 1, callbacks=[checkpoint])
                resumed = self.make(name)
                self.fit(resumed, batch, 2, checkpoint.restore(resumed))
                expected = whole.training_variables()
                for key, variable in resumed.training_variables().items():
                    self.assertAllEqual(variable, expected[key])

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

    def test_lazy_steps(self):
        self.check_lazy_steps(self.make("lazy"))

    def check_lazy_steps(self, gan):
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

    def test_lazy_steps_run_eagerly(self):
        gan = self.make("lazy")
        gan.compile(run_eagerly=BACKEND != "jax")
        self.check_lazy_steps(gan)

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
