"""Noise on what a discriminator sees, less and less of it."""

import keras
from keras import ops

from keras_comic.layers.random_numbers import SavedSeed
from keras_comic.layers.random_numbers import draw_for_replica


@keras.saving.register_keras_serializable(package="keras_comic")
class InstanceNoise(SavedSeed, keras.layers.Layer):
    """Adds Gaussian noise whose deviation falls to 0 in a straight line.

    Early in training the real and the generated images have nothing in common,
    and a discriminator that tells them apart without a doubt has no gradient
    to give. Noise on both makes the two overlap. Give it to a `Judge` as
    `instance_noise`, which adds it to reals and fakes in both phases.

    Args:
        stddev: Float >= 0. Deviation of the noise at the first step, in the
            unit of the images. Defaults to `0.1`.
        decay_steps: Integer > 0. Steps until there is no noise. Defaults to
            `10000`.
        seed: Integer or `None`. Defaults to `None`.
        **kwargs: Keyword arguments of `keras.layers.Layer`; `dtype` has no
            effect, it is float32.

    Call arguments:
        images: Float `(batch, height, width, channels)`, any range.
        step: Integer scalar, the steps done. Defaults to `0`.
        replica: Integer scalar. Which of the devices that share a batch this
            is, so that each draws its own numbers; `GAN` tells it. Defaults
            to `0`.
        num_replicas: Integer. How many there are. Defaults to `1`.

    Returns:
        Float32, of the shape of `images`.

    Raises:
        ValueError: If an argument is out of its range.

    Example:

    >>> layer = keras_comic.layers.InstanceNoise(0.8, decay_steps=10, seed=1)
    >>> images = np.zeros((1, 32, 32, 3), "float32")
    >>> noisy = [layer(images, step=step) for step in (0, 5, 10)]
    >>> [round(float(np.std(image)), 1) for image in noisy]
    [0.8, 0.4, 0.0]

    Reference:
        - [Sønderby et al., 2017](https://arxiv.org/abs/1610.04490), section
          3.2; no differences.
    """

    def __init__(self, stddev=0.1, decay_steps=10000, seed=None, **kwargs):
        if not stddev >= 0.0:
            raise ValueError(
                f"`stddev` must be at least 0. Received: stddev={stddev}"
            )
        if not isinstance(decay_steps, int) or decay_steps < 1:
            raise ValueError(
                "`decay_steps` must be a positive integer. "
                f"Received: decay_steps={decay_steps!r}"
            )
        kwargs["dtype"] = "float32"
        super().__init__(autocast=False, **kwargs)
        self.stddev = stddev
        self.decay_steps = decay_steps
        self.seed = seed
        self.seed_generator = keras.random.SeedGenerator(seed)
        self.built = True

    def call(self, images, step=0, replica=0, num_replicas=1):
        images = ops.cast(images, "float32")
        done = ops.cast(step, "float32") / self.decay_steps
        noise = draw_for_replica(
            keras.random.normal,
            ops.shape(images),
            self.seed_generator,
            replica,
            num_replicas,
        )
        return images + self.stddev * ops.maximum(1.0 - done, 0.0) * noise

    def compute_output_spec(self, images, step=0, replica=0, num_replicas=1):
        return keras.KerasTensor(images.shape, dtype="float32")

    def get_config(self):
        return {
            **super().get_config(),
            "stddev": self.stddev,
            "decay_steps": self.decay_steps,
            "seed": self.seed,
        }
