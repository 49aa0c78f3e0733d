"""The training of an AdaIN preset."""

import keras

from keras_comic.losses import CoherencePreservingLoss
from keras_comic.models.adain.adain_generator import AdaINGenerator
from keras_comic.models.adain.style_transfer_gan import StyleTransferGAN
from keras_comic.models.discriminators.patch_discriminator import (
    PatchDiscriminator,
)
from keras_comic.models.features.feature_network import FeatureNetwork
from keras_comic.models.recipe import Recipe
from keras_comic.models.recipe import register_recipe
from keras_comic.training import TemporalConsistency


@register_recipe("adain")
class AdaINRecipe(Recipe):
    """Trains the light AdaIN generator on photos and drawings, unpaired.

    Options of its own: `warmup_steps` of the generator's learning rate, which
    falls in a cosine after them; `discriminator_filters`;
    `feature_precision`, the dtype policy of the network that the losses look
    through; `consistency`, the motion of a `TemporalConsistency` or `None`;
    with a weight of `coherence` it gets a coherence loss.
    """

    options = {
        **Recipe.options,
        "max_blank": (0.75, 0.6),
        "identity_fraction": 0.1,
        "warmup_steps": 100,
        "discriminator_filters": 32,
        "consistency": None,
        "feature_precision": "float32",
    }
    search_space = {
        **Recipe.search_space,
        "style": (3e-5, 1e-3),
        "structure": (0.05, 1.0),
        "adversarial": (0.02, 1.0),
    }
    loss_weights = StyleTransferGAN.default_loss_weights
    about = (
        "An encoder-decoder with the style injected by adaptive instance "
        "normalisation, trained on photos and drawings that are no pairs: by "
        "content, style and structure losses and a discriminator of patches."
    )

    def make_gan(self, options, steps, start=None):
        precision = options["precision"]
        styles = None
        if start is not None and options["keep_styles"]:
            styles = start.styles
        generator = AdaINGenerator.light(styles=styles, dtype=precision)
        if start is not None:
            generator.set_weights(start.get_weights())
        features = options["features"]
        if not isinstance(features, keras.Model):
            features = FeatureNetwork.from_weights(
                features, dtype=options["feature_precision"]
            )
        gan = StyleTransferGAN(
            generator,
            PatchDiscriminator(
                options["discriminator_filters"], dtype=precision
            ),
            features,
            consistency=_make_consistency(options),
        )
        optimizer = gan.default_optimizer("generator")
        optimizer.learning_rate = keras.optimizers.schedules.CosineDecay(
            0.0,
            max(steps - options["warmup_steps"], 1),
            alpha=0.02,
            warmup_target=options["learning_rate"],
            warmup_steps=options["warmup_steps"],
        )
        gan.compile({"generator": optimizer}, options["loss_weights"])
        return gan


def _make_consistency(options):
    motion = options["consistency"]
    if motion is None:
        return None
    coherence = None
    if options["loss_weights"].get("coherence", 0.0) > 0.0:
        coherence = CoherencePreservingLoss(seed=options["seed"])
    return TemporalConsistency(motion, coherence)
