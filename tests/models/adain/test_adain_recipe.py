import keras_comic
from keras_comic.models import get_recipe
from tests.test_case import TestCase
from tests.test_case import photos


class AdaINRecipeTest(TestCase):
    def make_gan(self, steps=10, start=None, **options):
        recipe = get_recipe("adain")
        network = keras_comic.FeatureNetwork((1, 1, 3), (4, 4, 4))
        options = {**recipe.options, "features": network, **options}
        return recipe.make_gan(options, steps, start)

    def test_options(self):
        gan = self.make_gan(
            110,
            learning_rate=0.01,
            warmup_steps=10,
            loss_weights={"content": 2.0},
            precision="mixed_bfloat16",
        )
        self.assertEqual(gan.loss_weights["content"], 2.0)
        self.assertEqual(gan.generator.dtype_policy.name, "mixed_bfloat16")
        self.assertEqual(gan.discriminator.filters, 32)
        self.assertIsNone(gan.consistency)

    def test_consistency(self):
        gan = self.make_gan(
            consistency="shift", loss_weights={"coherence": 0.5}
        )
        self.assertIsNotNone(gan.consistency.coherence)

    def test_start_from_a_preset(self):
        source = keras_comic.AdaINGenerator.light()
        source.add_style("old", photos(32, 32, 3))
        gan = self.make_gan(start=source)
        for network in (gan.generator, gan.ema_generator):
            self.assertEqual(network.style_names, ["old"])
            for one, other in zip(
                network.get_weights(), source.get_weights(), strict=True
            ):
                self.assertAllEqual(one, other)
        dropped = self.make_gan(start=source, keep_styles=False)
        self.assertEqual(dropped.ema_generator.style_names, [])
