"""Recipes of the tiny families, as a user's own module registers them."""

import keras
from keras import ops

from keras_comic.losses import least_squares_discriminator_loss
from keras_comic.losses import least_squares_generator_loss
from keras_comic.models import PatchDiscriminator
from keras_comic.models import Recipe
from keras_comic.models import register_recipe
from keras_comic.training import GAN
from tests.tiny_families import TinyCodes
from tests.tiny_families import TinyComic
from tests.tiny_families import TinyPainter


@keras.saving.register_keras_serializable(package="tests")
class TinyGAN(GAN):
    """Trains a tiny generator to draw what passes for a comic."""

    default_loss_weights = {"adversarial": 1.0, "discriminator": 1.0}

    def fakes(self, batch):
        if self.generator.kind == "latent_generator":
            codes = ops.mean(batch, axis=(1, 2))
            codes = ops.concatenate([codes, codes[:, :2]], axis=-1)
            return self.active_generator({"codes": codes}, training=True)
        inputs = {"photos": batch["photos"]}
        if self.generator.takes_style:
            inputs["style"] = batch["style_images"]
        return self.active_generator(inputs, training=True)

    def generator_losses(self, batch):
        logits = self.judge(self.fakes(batch))
        return {"adversarial": least_squares_generator_loss(logits)}

    def discriminator_losses(self, batch):
        if isinstance(batch, dict):
            real = batch.get("comics", batch.get("style_images"))
        else:
            real = batch
        return {
            "discriminator": least_squares_discriminator_loss(
                self.judge(real, training=True, real=True),
                self.judge(ops.stop_gradient(self.fakes(batch)), training=True),
            )
        }


class TinyRecipe(Recipe):
    """Shared by the three."""

    options = {**Recipe.options, "filters": 4}
    generator = None
    about = "A tiny one."

    def make_gan(self, options, steps, start=None):
        generator = self.generator()
        if start is not None:
            generator = start
        gan = TinyGAN(generator, PatchDiscriminator(options["filters"]))
        gan.compile(
            {"generator": keras.optimizers.Adam(options["learning_rate"])},
            options["loss_weights"],
            # A few steps are done before they would be compiled.
            run_eagerly=keras.backend.backend() == "tensorflow",
        )
        return gan


@register_recipe("tiny_comic")
class TinyComicRecipe(TinyRecipe):
    data_kind = "unpaired"
    generator = TinyComic


@register_recipe("tiny_painter")
class TinyPainterRecipe(TinyRecipe):
    generator = TinyPainter


@register_recipe("tiny_codes")
class TinyCodesRecipe(TinyRecipe):
    data_kind = "comics"
    generator = TinyCodes
