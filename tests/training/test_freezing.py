import keras

from keras_comic.training.freezing import freeze_layers
from tests.test_case import Batches
from tests.test_case import TestCase
from tests.training.small_gan import make_small_gan
from tests.training.small_gan import pair
from tests.training.small_gan import small_batch


class FreezeLayersTest(TestCase):
    def test_frozen_weights_do_not_move_and_have_no_slots(self):
        gan = make_small_gan()
        frozen = freeze_layers(gan.discriminator, ["spectral_0", "*_1"])
        self.assertEqual(
            frozen, ["spectral_0", "spectral_1", "spectral_1/convolution_1"]
        )
        frozen = freeze_layers(gan.generator, gan.generator.first.name)
        self.assertEqual(frozen, [gan.generator.first.name])
        gan.compile(
            pair(keras.optimizers.Adam(0.1), keras.optimizers.Adam(0.1))
        )
        layers = gan.discriminator.layers
        kept = [
            *gan.generator.first.variables,
            *gan.discriminator.get_layer("spectral_0").layer.variables,
            *gan.discriminator.get_layer("spectral_1").layer.variables,
        ]
        moved = [
            *gan.generator.last.variables,
            *gan.discriminator.get_layer("spectral_2").layer.variables,
        ]
        self.assertEqual(len(layers), 3)
        before, old = self.values(kept), self.values(moved)
        gan.fit(Batches(small_batch(), 3), verbose=0)
        self.assertUnmoved(kept, before)
        for variable, value in zip(moved, old, strict=True):
            self.assertNotAllClose(variable, value)
        # Iterations, the rate, and two slots for a kernel and a bias each.
        for optimizer in gan.optimizers.values():
            self.assertEqual(len(optimizer.variables), 2 + 2 * 2)
        # The average follows all the same.
        for average, variable in zip(
            gan.ema_generator.variables, gan.generator.variables, strict=True
        ):
            self.assertAllClose(average, variable, atol=0.3)

    def test_one_layer_in_another(self):
        discriminator = make_small_gan().discriminator
        for name in ("spectral_0/convolution_0", "convolution_0"):
            self.assertEqual(
                freeze_layers(discriminator, name), ["spectral_0/convolution_0"]
            )

    def test_errors(self):
        with self.assertRaisesRegex(
            ValueError,
            r"must fit layers of the network, which has \['spectral_0', .*"
            "Received: 'conv9'",
        ):
            freeze_layers(make_small_gan().discriminator, ["*_0", "conv9"])
