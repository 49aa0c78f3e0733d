import math

import keras
import pytest
from keras import ops

from keras_comic import losses
from keras_comic.models import AdaINGenerator
from keras_comic.models import FeatureNetwork
from keras_comic.models import PatchDiscriminator
from keras_comic.models import StyleTransferGAN
from keras_comic.training import Judge
from tests.test_case import Batches
from tests.test_case import TestCase
from tests.test_case import noise

BATCH = {
    "photos": noise(2, 32, 32, 3),
    "style_images": noise(2, 32, 32, 3, seed=1),
}
# Every term that a weight can switch off.
OPTIONAL = (
    "gram",
    "structure",
    "smoothness",
    "tone",
    "total_variation",
    "adversarial",
)


def make_gan(dtype=None, judged_with=(), **kwargs):
    return StyleTransferGAN(
        AdaINGenerator.light((4, 8, 4, 4), 1, 8, dtype=dtype),
        Judge(PatchDiscriminator(4, dtype=dtype), *judged_with),
        FeatureNetwork((1, 1, 3), (4, 4, 4), dtype=dtype),
        **kwargs,
    )


def tensors(batch):
    return keras.tree.map_structure(ops.convert_to_tensor, batch)


class StyleTransferGANTest(TestCase):
    def test_gan(self):
        self.run_gan_test(
            make_gan,
            BATCH,
            {"photos": BATCH["photos"], "style": BATCH["style_images"]},
        )

    def test_every_term(self):
        gan = make_gan()
        gan.compile(loss_weights=dict.fromkeys(gan.default_loss_weights, 1.0))
        batch = tensors(BATCH)
        comics = gan.generator(
            {"photos": batch["photos"], "style": batch["style_images"]}
        )
        features = gan.feature_network(comics)
        drawn = gan.feature_network(batch["style_images"])
        layers = ["relu1_1", "relu2_1", "relu3_1"]
        self.assertEqual(gan.style_layers, layers)
        styles = (
            [features[name] for name in layers],
            [drawn[name] for name in layers],
        )
        logits = gan.discriminator(comics)
        expected = {
            "content": losses.content_loss(
                features["relu3_3"],
                gan.feature_network(batch["photos"])["relu3_3"],
            ),
            "style": losses.moments_style_loss(*styles),
            "gram": losses.gram_style_loss(*styles),
            "structure": losses.structure_loss(comics, batch["photos"]),
            "smoothness": losses.edge_aware_smoothness_loss(
                comics, batch["photos"]
            ),
            "tone": losses.tone_loss(comics, batch["photos"]),
            "total_variation": losses.total_variation_loss(comics),
            "adversarial": losses.least_squares_generator_loss(logits),
        }
        found = gan.generator_losses(batch)
        self.assertEqual(set(found), set(expected))
        self.assertEqual(
            {*found, "discriminator"}, set(gan.default_loss_weights)
        )
        for name, value in expected.items():
            self.assertShape(found[name], (2,))
            self.assertAllClose(found[name], value, 1e-5, 1e-4)

    def test_terms_of_no_weight_cost_nothing(self):
        gan = make_gan()
        gan.compile(loss_weights=dict.fromkeys(OPTIONAL, 0.0))
        found = gan.generator_losses(tensors(BATCH))
        self.assertEqual(set(found), {"content", "style"})
        self.assertEqual(gan.discriminator_losses(tensors(BATCH)), {})

    def test_adversarial_losses(self):
        # A discriminator of zeros gives logits of 0.
        for name, generator_loss, discriminator_loss in (
            ("least_squares", 1.0, 1.0),
            ("hinge", 0.0, 2.0),
            ("cross_entropy", math.log(2.0), 2.0 * math.log(2.0)),
        ):
            with self.subTest(name=name):
                gan = make_gan(adversarial_loss=name)
                for variable in gan.discriminator.trainable_variables:
                    variable.assign(ops.zeros(variable.shape))
                found = gan.generator_losses(tensors(BATCH))
                self.assertAllClose(found["adversarial"], [generator_loss] * 2)
                found = gan.discriminator_losses(tensors(BATCH))
                self.assertAllClose(
                    found["discriminator"], [discriminator_loss] * 2
                )
                self.assertEqual(gan.get_config()["adversarial_loss"], name)

    # `test_gan` of the training does a few steps of both, and augments.
    @pytest.mark.slow
    def test_fifty_steps_of_mixed_precision(self):
        for policy in ("mixed_float16", "mixed_bfloat16"):
            with self.subTest(policy=policy):
                keras.utils.set_random_seed(1)
                gan = make_gan(dtype=policy)
                gan.compile()
                for optimizer in gan.optimizers.values():
                    self.assertEqual(
                        isinstance(
                            optimizer, keras.optimizers.LossScaleOptimizer
                        ),
                        policy == "mixed_float16",
                    )
                history = gan.fit(
                    Batches(BATCH, 10), epochs=5, verbose=0
                ).history
                self.assertEqual(int(self.numpy(gan.step_counter)), 50)
                for values in history.values():
                    self.assertFinite(values)
                for name in ("generator_loss", "discriminator_loss"):
                    self.assertLess(
                        history[name][-1], 0.95 * history[name][0], name
                    )
                for weights in gan.get_weights():
                    self.assertFinite(weights)
                if policy == "mixed_float16":
                    # Few of the steps were skipped, on either side.
                    for optimizer in gan.optimizers.values():
                        self.assertGreater(
                            int(self.numpy(optimizer.iterations)), 40
                        )

    def test_label_smoothing(self):
        # A discriminator of zeros gives logits of 0.
        for name, expected in (
            ("least_squares", 0.9**2),
            ("cross_entropy", 2.0 * math.log(2.0)),
        ):
            gan = make_gan(adversarial_loss=name, label_smoothing=0.1)
            self.assertEqual(gan.get_config()["label_smoothing"], 0.1)
            for variable in gan.discriminator.trainable_variables:
                variable.assign(ops.zeros(variable.shape))
            found = gan.discriminator_losses(tensors(BATCH))
            self.assertAllClose(found["discriminator"], [expected] * 2)
        with self.assertRaisesRegex(
            ValueError,
            r"is for \['cross_entropy', 'least_squares', 'minimax'\]. "
            "Received: label_smoothing=0.1 with adversarial_loss='hinge'",
        ):
            make_gan(adversarial_loss="hinge", label_smoothing=0.1)
        with self.assertRaisesRegex(ValueError, "label_smoothing=0.5"):
            make_gan(label_smoothing=0.5)

    def test_errors(self):
        with self.assertRaisesRegex(
            ValueError,
            r"must be one of \['cross_entropy', 'hinge', 'least_squares', "
            r"'minimax', 'wasserstein'\]. Received: adversarial_loss='louder'",
        ):
            make_gan(adversarial_loss="louder")
        gan = make_gan()
        with self.assertRaisesRegex(
            ValueError,
            r"must reach relu3_3. Received: a network of \['relu1_1', "
            r"'relu2_1'\]",
        ):
            StyleTransferGAN(
                gan.generator,
                gan.discriminator,
                FeatureNetwork((1, 1), (4, 4)),
            )
