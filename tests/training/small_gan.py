"""A pair of networks small enough to compile within a second."""

import keras
import numpy as np
from keras import ops

from keras_comic import losses
from keras_comic.models import PatchDiscriminator
from keras_comic.training import GAN
from keras_comic.training import Judge
from tests.test_case import noise


@keras.saving.register_keras_serializable(package="keras_comic_tests")
class SmallGAN(GAN):
    """Makes photos into comics of the same batch, pixel by pixel."""

    default_loss_weights = {
        "pixels": 1.0,
        "adversarial": 0.1,
        "discriminator": 1.0,
        "penalty": 0.0,
    }

    def generator_losses(self, batch):
        fake_comics = self.active_generator(batch["photos"], training=True)
        values = {"pixels": ops.abs(fake_comics - batch["comics"])}
        if self.is_used("adversarial"):
            values["adversarial"] = losses.least_squares_generator_loss(
                self.judge(fake_comics)
            )
        return values

    def discriminator_losses(self, batch):
        if not self.is_used("adversarial"):
            return {}
        fake_comics = self.active_generator(batch["photos"], training=True)
        values = {
            "discriminator": losses.least_squares_discriminator_loss(
                self.judge(batch["comics"], training=True, real=True),
                self.judge(ops.stop_gradient(fake_comics), training=True),
            )
        }
        if self.is_used("penalty"):
            gradients = self.input_gradients(
                lambda images: self.discriminator(images, training=False),
                batch["comics"],
            )
            values["penalty"] = ops.sum(gradients**2, axis=(1, 2, 3))
        return values


@keras.saving.register_keras_serializable(package="keras_comic_tests")
class SmallGenerator(keras.Model):
    """Two convolutions."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.first = keras.layers.Conv2D(
            4, 3, padding="same", activation="relu", dtype=self.dtype_policy
        )
        self.last = keras.layers.Conv2D(
            3, 3, padding="same", activation="tanh", dtype=self.dtype_policy
        )
        self.build((None, None, None, 3))

    def build(self, images_shape):
        self.first.build(images_shape)
        self.last.build((*images_shape[:-1], 4))

    def call(self, images, training=False):
        return ops.cast(self.last(self.first(images)), "float32")

    def get_config(self):
        return super().get_config()


def make_small_gan(dtype=None, augmentation=None, noise=None, **kwargs):
    discriminator = PatchDiscriminator(2, num_layers=1, dtype=dtype)
    if augmentation is not None or noise is not None:
        discriminator = Judge(discriminator, augmentation, noise)
    return SmallGAN(SmallGenerator(dtype=dtype), discriminator, **kwargs)


def pair(generator, discriminator=None):
    """The optimizers of both phases, as `compile` takes them."""
    optimizers = {"generator": generator, "discriminator": discriminator}
    return {k: v for k, v in optimizers.items() if v is not None}


def small_batch(size=2, seed=0):
    """Photos, and as comics the same ones brighter."""
    photos = noise(size, 12, 12, 3, seed=seed)
    return {"photos": photos, "comics": np.clip(photos + 0.5, -1.0, 1.0)}
