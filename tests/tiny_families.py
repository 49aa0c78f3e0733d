"""Three tiny families that every room is tested with.

One draws without a style, one has a stride of 4 and normalises over height,
width and channels, one makes pictures from codes. No room above `models/`
knows them, so that whatever works for them works for any family. All weights
are fixed: the results can be computed by hand.
"""

import keras
import numpy as np
from keras import ops

from keras_comic.layers import PositionNormalization
from keras_comic.models import Generator
from keras_comic.models import LatentGenerator
from keras_comic.models import StyleGenerator


def fixed(*shape, seed=0, scale=0.3):
    """An initializer of numbers that are the same on every machine."""
    values = np.random.default_rng(seed).normal(0.0, scale, shape)
    return keras.initializers.Constant(values.astype("float32"))


def fixed_convolution(
    inputs, outputs, size=3, strides=1, seed=0, dtype="float32"
):
    """A built convolution with fixed weights."""
    layer = keras.layers.Conv2D(
        outputs,
        size,
        strides=strides,
        padding="same",
        kernel_initializer=fixed(size, size, inputs, outputs, seed=seed),
        bias_initializer=fixed(outputs, seed=seed + 1),
        dtype=dtype,
    )
    layer.build((None, None, None, inputs))
    return layer


@keras.saving.register_keras_serializable(package="tests")
class TinyComic(Generator):
    """Draws without a style and without normalisation; stride 2."""

    stride = 2

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        policy = self.dtype_policy
        self.down = fixed_convolution(3, 4, 4, 2, seed=1, dtype=policy)
        self.grow = keras.layers.UpSampling2D(2, dtype=policy)
        self.up = fixed_convolution(4, 3, seed=2, dtype=policy)
        self.built = True

    def call(self, inputs, training=False):
        features = ops.relu(self.down(inputs["photos"]))
        return ops.tanh(ops.cast(self.up(self.grow(features)), "float32"))


@keras.saving.register_keras_serializable(package="tests")
class TinyPainter(StyleGenerator):
    """Draws in styles; stride 4, normalised over height, width, channels."""

    stride = 4
    style_dim = 6

    def __init__(self, styles=None, **kwargs):
        super().__init__(styles=styles, **kwargs)
        policy = self.dtype_policy
        self.down = fixed_convolution(3, 6, 5, 4, seed=3, dtype=policy)
        self.norm = TinyLayerNorm(dtype=policy)
        self.norm.build((None, None, None, 6))
        self.grow = keras.layers.UpSampling2D(4, dtype=policy)
        self.up = fixed_convolution(6, 3, seed=4, dtype=policy)
        self.built = True

    def encode_style(self, images):
        images = ops.cast(images, "float32")
        means = ops.mean(images, axis=(1, 2))
        squares = ops.mean(ops.square(images), axis=(1, 2))
        return ops.concatenate([means, squares], axis=-1)

    def call(self, inputs, training=False):
        style = inputs["style"]
        if len(style.shape) == 4:
            style = self.encode_style(style)
        features = self.norm(self.down(inputs["photos"]))
        style = ops.cast(style, features.dtype)
        features = features + style[:, None, None, :]
        return ops.tanh(ops.cast(self.up(self.grow(features)), "float32"))


@keras.saving.register_keras_serializable(package="tests")
class TinyLayerNorm(PositionNormalization):
    """Normalises over height, width and channels."""

    axes = (1, 2, 3)


@keras.saving.register_keras_serializable(package="tests")
class TinyCodes(LatentGenerator):
    """Makes pictures of 32x32 pixels from codes of 5 numbers."""

    code_dim = 5

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.dense = keras.layers.Dense(
            8 * 8 * 6,
            kernel_initializer=fixed(5, 384, seed=5),
            bias_initializer=fixed(384, seed=6),
            dtype="float32",
        )
        self.dense.build((None, 5))
        self.grow = keras.layers.UpSampling2D(4, dtype="float32")
        self.up = fixed_convolution(6, 3, seed=7)
        self.built = True

    def call(self, inputs, training=False):
        features = ops.reshape(self.dense(inputs["codes"]), (-1, 8, 8, 6))
        return ops.tanh(ops.cast(self.up(self.grow(features)), "float32"))
