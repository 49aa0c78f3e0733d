import keras
from keras import ops

from keras_comic.models import AdaINGenerator
from keras_comic.models import FeatureNetwork
from keras_comic.models import PatchDiscriminator
from keras_comic.models import StyleTransferGAN
from keras_comic.models.stylization_losses import style_layers_of
from keras_comic.models.stylization_losses import stylization_losses
from tests.test_case import TestCase
from tests.test_case import noise

NOT_HERE = {"adversarial", "discriminator", "consistency", "coherence"}


class StylizationLossesTest(TestCase):
    def test_those_of_style_transfer_gan(self):
        network = FeatureNetwork((1, 1, 3), (4, 4, 4))
        gan = StyleTransferGAN(
            AdaINGenerator.light((4, 8, 4, 4), 1, 8),
            PatchDiscriminator(4),
            network,
        )
        gan.compile(loss_weights=dict.fromkeys(gan.default_loss_weights, 1.0))
        batch = {
            "photos": ops.convert_to_tensor(noise(2, 32, 32, 3)),
            "style_images": ops.convert_to_tensor(noise(2, 32, 32, 3, seed=1)),
        }
        expected = gan.generator_losses(batch)
        comics = gan.generator(
            {"photos": batch["photos"], "style": batch["style_images"]}
        )
        found, _, _ = stylization_losses(
            comics, batch["photos"], batch["style_images"], network, gan.is_used
        )
        self.assertEqual(set(found), set(expected) - NOT_HERE)
        for name, value in found.items():
            self.assertShape(value, (2,))
            self.assertAllClose(value, expected[name], 1e-5, 1e-4)

    def test_terms_that_are_not_used(self):
        found, _, _ = stylization_losses(
            *(noise(1, 32, 32, 3, seed=seed) for seed in range(3)),
            FeatureNetwork((1, 1, 3), (4, 4, 4)),
            lambda name: name == "tone",
        )
        self.assertEqual(set(found), {"content", "style", "tone"})

    def test_drawings_of_another_size(self):
        found, _, _ = stylization_losses(
            noise(1, 32, 32, 3),
            noise(1, 32, 32, 3),
            noise(1, 40, 36, 3),
            FeatureNetwork((1, 1, 3), (4, 4, 4)),
            lambda name: True,
        )
        for value in keras.tree.flatten(found):
            self.assertFinite(value)

    def test_layers(self):
        network = FeatureNetwork((1, 1, 3, 1), (4, 4, 4, 4))
        self.assertEqual(
            style_layers_of(network),
            ["relu1_1", "relu2_1", "relu3_1", "relu4_1"],
        )
        with self.assertRaisesRegex(ValueError, "must reach relu3_3"):
            style_layers_of(FeatureNetwork((1, 1, 1), (4, 4, 4)))
