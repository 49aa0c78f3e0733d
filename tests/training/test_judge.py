import keras
import numpy as np
from keras import ops

from keras_comic.layers import AdaptiveAugmentation
from keras_comic.layers import InstanceNoise
from keras_comic.models import PatchDiscriminator
from keras_comic.training import GAN
from keras_comic.training import Judge
from tests.test_case import Batches
from tests.test_case import TestCase
from tests.test_case import noise
from tests.training.small_gan import SmallGenerator
from tests.training.small_gan import small_batch


@keras.saving.register_keras_serializable(package="keras_comic_tests")
class Pair(keras.layers.Layer):
    """A discriminator of a photo with its comic."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.network = keras.layers.Conv2D(1, 3)
        self.network.build((None, None, None, 6))
        self.built = True

    def call(self, pictures, training=False):
        photos, comics = pictures
        return self.network(ops.concatenate([photos, comics], axis=-1))


class ConditionalGAN(GAN):
    default_loss_weights = {"adversarial": 1.0, "discriminator": 1.0}

    def generator_losses(self, batch):
        comics = self.active_generator(batch["photos"], training=True)
        return {"adversarial": -self.judge([batch["photos"], comics])}

    def discriminator_losses(self, batch):
        photos = batch["photos"]
        fakes = ops.stop_gradient(self.active_generator(photos))
        real_logits = self.judge([photos, batch["comics"]], True, real=True)
        return {"discriminator": self.judge([photos, fakes], True)} | {
            "adversarial": -real_logits
        }


class JudgeTest(TestCase):
    def test_pictures_that_belong_together_are_augmented_alike(self):
        augmentation = AdaptiveAugmentation(initial_probability=1.0, seed=1)
        judge = Judge(Pair(), augmentation)
        photos = noise(2, 12, 12, 3)
        first, second = judge.augment([photos, -photos])
        (again,) = judge.augment([photos])
        self.assertGreater(np.abs(self.numpy(first) - photos).mean(), 0.1)
        # The next pictures get other numbers.
        self.assertNotAllClose(first, again)
        expected = AdaptiveAugmentation(initial_probability=1.0, seed=1)
        self.assertAllClose(first, expected(photos))
        expected = AdaptiveAugmentation(initial_probability=1.0, seed=1)
        self.assertAllClose(second, expected(-photos))

    def test_noise_is_not_alike(self):
        judge = Judge(Pair(), None, InstanceNoise(0.5, seed=1))
        photos = noise(2, 12, 12, 3)
        seen = judge.augment({"photos": photos, "comics": photos})
        self.assertNotAllClose(seen["photos"], seen["comics"])

    def test_a_conditional_discriminator_is_trained(self):
        augmentation = AdaptiveAugmentation(
            ["blit"], interval=1, ada_kimg=0.01, boundary=-1e9, seed=1
        )
        gan = ConditionalGAN(SmallGenerator(), Judge(Pair(), augmentation))
        gan.compile()
        batch = Batches(small_batch(), 3)
        history = gan.fit(batch, shuffle=False, verbose=0).history
        for values in history.values():
            self.assertFinite(values)
        self.assertAllClose(history["real_sign"], [1.0])
        # 2 pictures a step, of 10.
        self.assertAllClose(augmentation.probability, 0.6, 1e-5)

    def test_config(self):
        judge = Judge(
            PatchDiscriminator(4),
            AdaptiveAugmentation(["flip"], seed=3),
            InstanceNoise(0.2, seed=4),
        )
        config = judge.get_config()
        self.assertEqual(Judge.from_config(config).get_config(), config)
        shown = judge(noise(2, 32, 32, 3))
        self.assertShape(shown, (2, 2, 2, 1))
