"""Convolution, normalisation, activation."""

import keras

from keras_comic.layers.conditional_instance_normalization import (
    ConditionalInstanceNormalization,
)
from keras_comic.layers.instance_normalization import InstanceNormalization
from keras_comic.layers.reflection_conv2d import ReflectionConv2D

NORMALIZATIONS = ("conditional", "instance", None)


def make_normalization(normalization, dtype):
    """Returns the normalisation layer of a block, or `None`."""
    if normalization == "conditional":
        return ConditionalInstanceNormalization(
            dtype=dtype, name="normalization"
        )
    if normalization == "instance":
        return InstanceNormalization(dtype=dtype, name="normalization")
    if normalization is None:
        return None
    raise ValueError(
        f"`normalization` must be one of {list(NORMALIZATIONS)}. "
        f"Received: normalization={normalization!r}"
    )


@keras.saving.register_keras_serializable(package="keras_comic")
class ConvBlock(keras.layers.Layer):
    """Reflection-padded convolution, normalisation, activation.

    Args:
        filters: Integer > 0. Channels of the output.
        kernel_size: Odd integer > 0. Defaults to `3`.
        strides: Integer > 0. Defaults to `1`.
        normalization: `"instance"`, `"conditional"` (AdaIN from a style
            vector) or `None`. Defaults to `"instance"`.
        activation: Keras activation or `None`. Defaults to `"relu"`.
        upsample: Boolean. Doubles height and width (nearest neighbour) before
            the convolution. Defaults to `False`.
        **kwargs: Keyword arguments of `keras.layers.Layer`.

    Call arguments:
        inputs: Float `(batch, height, width, channels)`, any range.
        style: Float `(batch, style_dim)`; needed by, and only by,
            `normalization="conditional"`. Defaults to `None`.

    Returns:
        Float `(batch, new_height, new_width, filters)`.

    Raises:
        ValueError: If `normalization` is unknown, or a number is out of range.

    Example:

    >>> block = keras_comic.layers.ConvBlock(4, strides=2)
    >>> tuple(block(np.zeros((1, 32, 32, 3), "float32")).shape)
    (1, 16, 16, 4)
    """

    def __init__(
        self,
        filters,
        kernel_size=3,
        strides=1,
        normalization="instance",
        activation="relu",
        upsample=False,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.filters = filters
        self.kernel_size = kernel_size
        self.strides = strides
        self.normalization = normalization
        self.activation = keras.activations.get(activation)
        self.upsample = upsample
        if upsample:
            self.upsampling = keras.layers.UpSampling2D(
                2,
                data_format="channels_last",
                interpolation="nearest",
                dtype=self.dtype_policy,
            )
        self.convolution = ReflectionConv2D(
            filters,
            kernel_size,
            strides,
            # A normalisation takes a bias away again.
            use_bias=normalization is None,
            dtype=self.dtype_policy,
            name="convolution",
        )
        self.normalizer = make_normalization(normalization, self.dtype_policy)

    def build(self, inputs_shape, style_shape=None):
        if self.upsample:
            inputs_shape = self.upsampling.compute_output_shape(inputs_shape)
        self.convolution.build(inputs_shape)
        features_shape = self.convolution.compute_output_shape(inputs_shape)
        if self.normalization == "conditional":
            self.normalizer.build(features_shape, style_shape)
        elif self.normalization == "instance":
            self.normalizer.build(features_shape)

    def call(self, inputs, style=None):
        if self.upsample:
            inputs = self.upsampling(inputs)
        features = self.convolution(inputs)
        if self.normalization == "conditional":
            features = self.normalizer(features, style)
        elif self.normalization == "instance":
            features = self.normalizer(features)
        return self.activation(features)

    def compute_output_shape(self, inputs_shape, style_shape=None):
        if self.upsample:
            inputs_shape = self.upsampling.compute_output_shape(inputs_shape)
        return self.convolution.compute_output_shape(inputs_shape)

    def get_config(self):
        return {
            **super().get_config(),
            "filters": self.filters,
            "kernel_size": self.kernel_size,
            "strides": self.strides,
            "normalization": self.normalization,
            "activation": keras.activations.serialize(self.activation),
            "upsample": self.upsample,
        }
