"""Two convolutions and a skip."""

import keras

from keras_comic.layers.conv_block import ConvBlock


@keras.saving.register_keras_serializable(package="keras_comic")
class ResidualBlock(keras.layers.Layer):
    """Two normalised, reflection-padded convolutions added to their input.

    No activation after the sum.

    Args:
        filters: Integer > 0. Channels; those of the input.
        kernel_size: Odd integer > 0. Defaults to `3`.
        normalization: `"instance"`, `"conditional"` (AdaIN from a style
            vector) or `None`. Defaults to `"instance"`.
        activation: Keras activation or `None`, between the two convolutions.
            Defaults to `"relu"`.
        **kwargs: Keyword arguments of `keras.layers.Layer`.

    Call arguments:
        inputs: Float `(batch, height, width, filters)`, any range.
        style: Float `(batch, style_dim)`; needed by, and only by,
            `normalization="conditional"`. Defaults to `None`.

    Returns:
        Float `(batch, height, width, filters)`.

    Raises:
        ValueError: If the input does not have `filters` channels.

    Example:

    >>> block = keras_comic.layers.ResidualBlock(4)
    >>> tuple(block(np.zeros((1, 32, 32, 4), "float32")).shape)
    (1, 32, 32, 4)

    Reference:
        - [Johnson et al., 2016](https://arxiv.org/abs/1603.08155),
          supplementary material; reflection padding instead of none.
    """

    def __init__(
        self,
        filters,
        kernel_size=3,
        normalization="instance",
        activation="relu",
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.filters = filters
        self.kernel_size = kernel_size
        self.normalization = normalization
        self.activation = keras.activations.get(activation)
        self.first = ConvBlock(
            filters,
            kernel_size,
            normalization=normalization,
            activation=self.activation,
            dtype=self.dtype_policy,
            name="first",
        )
        self.second = ConvBlock(
            filters,
            kernel_size,
            normalization=normalization,
            activation=None,
            dtype=self.dtype_policy,
            name="second",
        )

    def build(self, inputs_shape, style_shape=None):
        if inputs_shape[-1] != self.filters:
            raise ValueError(
                "The input of a residual block must have `filters` channels. "
                f"Received: filters={self.filters}, "
                f"input channels={inputs_shape[-1]}"
            )
        self.first.build(inputs_shape, style_shape)
        self.second.build(inputs_shape, style_shape)

    def call(self, inputs, style=None):
        features = self.first(inputs, style)
        return inputs + self.second(features, style)

    def compute_output_shape(self, inputs_shape, style_shape=None):
        return inputs_shape

    def get_config(self):
        return {
            **super().get_config(),
            "filters": self.filters,
            "kernel_size": self.kernel_size,
            "normalization": self.normalization,
            "activation": keras.activations.serialize(self.activation),
        }
