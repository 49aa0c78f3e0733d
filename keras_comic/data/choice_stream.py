"""A choice for each sample, at random."""

import tensorflow as tf

from keras_comic.data.randomness import random_key
from keras_comic.data.randomness import random_uniforms


class ChoiceStream:
    """Says yes or no to each sample, as `PictureStream` makes images.

    Args:
        seed: Integer.
        name: String, its key in a batch. The random numbers depend on it.
        fraction: Float in `[0, 1]`. How often it says yes.
    """

    mean_bytes = 0.0

    def __init__(self, seed, name, fraction):
        self.name = name
        self.fraction = fraction
        self.key = random_key(seed, name)

    def specs(self):
        """As in `PictureStream`.

        Returns:
            Dict of `tf.TensorSpec`.
        """
        return {self.name: tf.TensorSpec([], "bool")}

    def read(self, samples):
        """As in `PictureStream`.

        Args:
            samples: Int64 array `(samples,)`.

        Returns:
            List of one boolean array `(samples,)`.
        """
        return [random_uniforms(self.key, samples, 1)[:, 0] < self.fraction]

    def prepare(self, block):
        """Gives back what it gets.

        Args:
            block: Dict of tensors.

        Returns:
            The same.
        """
        return block

    make = prepare
    finish = prepare
