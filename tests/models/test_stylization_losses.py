import keras

from keras_comic.models import FeatureNetwork
from keras_comic.models.stylization_losses import style_layers_of
from keras_comic.models.stylization_losses import stylization_losses
from tests.test_case import TestCase
from tests.test_case import noise

NOT_HERE = {"adversarial", "discriminator", "consistency", "coherence"}


class StylizationLossesTest(TestCase):
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
