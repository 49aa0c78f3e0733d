import re

import keras

from keras_comic.training import GAN
from keras_comic.training import TemporalConsistency
from keras_comic.training.compilation import default_weights
from tests.test_case import TestCase
from tests.training.small_gan import make_small_gan
from tests.training.small_gan import pair
from tests.training.small_gan import small_batch


class Coherent(GAN):
    default_loss_weights = {"pixels": 1.0, "consistency": 2.0, "coherence": 3.0}


class CompilationTest(TestCase):
    def test_networks_by_name(self):
        gan = make_small_gan()
        again = GAN(gan.generator, discriminator=gan.discriminator)
        self.assertIs(again.discriminator, gan.discriminator)
        with self.assertRaisesRegex(
            ValueError,
            r"takes the networks \['generator', 'discriminator'\]. Received: "
            "1 networks",
        ):
            GAN(gan.generator)

    def test_terms_of_consistency_need_it(self):
        self.assertEqual(default_weights(Coherent, None), {"pixels": 1.0})
        self.assertEqual(
            default_weights(Coherent, TemporalConsistency("shift")),
            {"pixels": 1.0, "consistency": 2.0},
        )

    def test_what_compile_refuses(self):
        optimizer, gan = keras.optimizers.Adam(), make_small_gan()
        for arguments, message in (
            (
                {"loss_weights": {"style": 1.0}},
                r"`loss_weights` may name \['adversarial', 'discriminator', "
                r"'penalty', 'pixels'\]. Received: loss_weights={'style': 1.0}",
            ),
            (
                {"loss_weights": {"pixels": -1.0}},
                r"must be at least 0. Received: .*'pixels': -1.0",
            ),
            ({"optimizers": pair(optimizer, optimizer)}, "object of its own"),
            (
                {"optimizers": {"critic": "sgd"}},
                r"`optimizers` may name \['discriminator', 'generator'\]. "
                "Received: optimizers={'critic': 'sgd'}",
            ),
            ({"repeats": {"generator": 0}}, "positive integers"),
            ({"repeats": {"generator": 1.5}}, "positive integers"),
        ):
            with self.assertRaisesRegex(ValueError, message):
                gan.compile(**arguments)
        # A name is not an object.
        gan.compile(pair("sgd", "sgd"))
        self.assertIsInstance(gan.optimizers["generator"], keras.optimizers.SGD)

    def test_averages_of_keras_are_refused(self):
        gan = make_small_gan()
        gan.compile()
        with self.assertRaisesRegex(ValueError, "averages its generators"):
            gan.fit(small_batch(), callbacks=[keras.callbacks.SwapEMAWeights()])

    def test_what_keras_compiles_with_is_refused(self):
        gan = make_small_gan()
        for arguments in (
            {"optimizers": "adam"},
            {"optimizer": "adam"},
            {"loss": "mse", "metrics": ["mae"]},
        ):
            with self.assertRaisesRegex(
                TypeError,
                r"`compile\(\)` takes the published recipe, and "
                r"`compile\(optimizers={\"discriminator\": ..., \"generator\": "
                rf"...}}, .*Received: {re.escape(str(arguments))}",
            ):
                gan.compile(**arguments)

    def test_a_term_without_weight(self):
        class Forgetful(type(make_small_gan())):
            default_loss_weights = {"pixels": 1.0}

            def generator_losses(self, batch):
                return {"pixel": batch["photos"]}

        gan = make_small_gan()
        gan = Forgetful(gan.generator, gan.discriminator)
        gan.compile()
        with self.assertRaisesRegex(
            ValueError,
            r"`Forgetful.default_loss_weights` must name every term .*"
            r"Received: \['pixel'\], beside \['pixels'\]",
        ):
            gan.train_on_batch(small_batch())
