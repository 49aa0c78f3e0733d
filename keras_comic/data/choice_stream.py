"""A choice for each sample, at random."""

import tensorflow as tf

from keras_comic.data.randomness import random_key
from keras_comic.data.randomness import random_uniforms


class ChoiceStream:
    """Says yes or no to each sample, as `PictureStream` makes images."""

    mean_bytes = 0.0

    def __init__(self, seed, name, fraction):
        self.name = name
        self.fraction = fraction
        self.key = random_key(seed, name)

    def specs(self):
        """As in `PictureStream`."""
        return {self.name: tf.TensorSpec([], "bool")}

    def read(self, samples):
        """As in `PictureStream`."""
        return [random_uniforms(self.key, samples, 1)[:, 0] < self.fraction]

    def prepare(self, block):
        """Gives back what it gets."""
        return block

    make = prepare
    finish = prepare
