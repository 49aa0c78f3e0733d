"""Small GANs of other networks and phases than two."""

import keras
from keras import ops

from keras_comic import losses
from keras_comic.models import PatchDiscriminator
from keras_comic.training import GAN
from keras_comic.training import Phase
from tests.test_case import noise
from tests.training.small_gan import SmallGAN
from tests.training.small_gan import SmallGenerator


@keras.saving.register_keras_serializable(package="keras_comic_tests")
class CycleShapedGAN(GAN):
    """Four networks in two phases."""

    network_names = ("there", "back", "comic_judge", "photo_judge")
    averaged_names = ("there", "back")
    default_loss_weights = {
        "adversarial": 1.0,
        "cycle": 10.0,
        "comics": 1.0,
        "photos": 1.0,
    }

    def phases(self):
        return [
            Phase("judges", self.judges_losses, ["comic_judge", "photo_judge"]),
            Phase("generators", self.generator_losses, ["there", "back"]),
        ]

    def generator_losses(self, batch):
        there, back = self.active("there"), self.active("back")
        comics = there(batch["photos"], training=True)
        photos = back(batch["comics"], training=True)
        cycles = (
            ops.abs(back(comics, training=True) - batch["photos"]),
            ops.abs(there(photos, training=True) - batch["comics"]),
        )
        generator_loss = losses.least_squares_generator_loss
        return {
            "adversarial": generator_loss(
                self.judge(comics, discriminator="comic_judge")
            )
            + generator_loss(self.judge(photos, discriminator="photo_judge")),
            "cycle": sum(ops.mean(cycle, axis=(1, 2, 3)) for cycle in cycles),
        }

    def judges_losses(self, batch):
        fakes = {
            "comics": self.active("there")(batch["photos"]),
            "photos": self.active("back")(batch["comics"]),
        }
        names = {"comics": "comic_judge", "photos": "photo_judge"}
        return {
            kind: losses.least_squares_discriminator_loss(
                self.judge(
                    batch[kind],
                    training=True,
                    real=True,
                    discriminator=names[kind],
                ),
                self.judge(
                    ops.stop_gradient(fakes[kind]),
                    training=True,
                    discriminator=names[kind],
                ),
            )
            for kind in names
        }


@keras.saving.register_keras_serializable(package="keras_comic_tests")
class AutoencoderGAN(GAN):
    """Three phases: pixels, the critic of the codes, and the codes."""

    network_names = ("encoder", "decoder", "critic")
    averaged_names = ("decoder", "encoder")
    default_loss_weights = {"pixels": 1.0, "critic": 1.0, "codes": 0.1}

    def phases(self):
        return [
            Phase(
                "autoencoder", self.pixel_losses, ["encoder", "decoder"], "adam"
            ),
            Phase("critic", self.critic_losses, ["critic"]),
            Phase(
                "codes",
                self.code_losses,
                ["encoder"],
                lambda: keras.optimizers.SGD(0.01),
            ),
        ]

    def codes(self, batch):
        return self.active("encoder")(batch["photos"], training=True)

    def pixel_losses(self, batch):
        photos = self.active("decoder")(self.codes(batch), training=True)
        return {"pixels": (photos - batch["photos"]) ** 2}

    def critic_losses(self, batch):
        fakes = ops.stop_gradient(self.codes(batch))
        return {
            "critic": losses.cross_entropy_discriminator_loss(
                self.judge(batch["codes"], True, True, "critic"),
                self.judge(fakes, True, discriminator="critic"),
            )
        }

    def code_losses(self, batch):
        logits = self.judge(self.codes(batch), discriminator="critic")
        return {"codes": losses.cross_entropy_generator_loss(logits)}


@keras.saving.register_keras_serializable(package="keras_comic_tests")
class LazyGAN(SmallGAN):
    """A penalty at each 16th step, as heavy as one at each step."""

    every = 16
    default_loss_weights = {**SmallGAN.default_loss_weights, "penalty": 0.1}

    def phases(self):
        return [
            *super().phases(),
            Phase(
                "penalty",
                self.penalty_losses,
                ["discriminator"],
                lambda: keras.optimizers.SGD(0.01),
                every=self.every,
            ),
        ]

    def discriminator_losses(self, batch):
        terms = super().discriminator_losses(batch)
        return {"discriminator": terms["discriminator"]}

    def penalty_losses(self, batch):
        gradients = self.input_gradients(
            lambda x: self.discriminator(x, training=False), batch["comics"]
        )
        return {"penalty": self.every * losses.r1_penalty(gradients)}


def make_cycle_shaped_gan():
    generators = [SmallGenerator() for _ in range(2)]
    judges = [PatchDiscriminator(2, num_layers=1) for _ in range(2)]
    return CycleShapedGAN(*generators, *judges)


def dense(inputs, outputs):
    return keras.Sequential(
        [
            keras.Input((inputs,)),
            keras.layers.Dense(8, activation="relu"),
            keras.layers.Dense(outputs),
        ]
    )


def make_autoencoder_gan():
    return AutoencoderGAN(dense(12, 2), dense(2, 12), dense(2, 1))


def make_lazy_gan():
    discriminator = PatchDiscriminator(2, num_layers=1)
    return LazyGAN(SmallGenerator(), discriminator)


def flat_batch():
    """Flat photos, and codes as they are to be distributed."""
    return {"photos": noise(4, 12), "codes": noise(4, 2, seed=1)}
