"""Convolution with reflection padding."""

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="keras_comic")
class ReflectionConv2D(keras.layers.Layer):
    """Convolution that pads by reflection, so that no dark frame grows inwards.

    `kernel_size // 2` pixels are mirrored at every border (the border pixel is
    not repeated), whatever the strides: the convention of PyTorch's
    `ReflectionPad2d` before a convolution without padding.

    Args:
        filters: Integer > 0. Channels of the output.
        kernel_size: Odd integer > 0. Defaults to `3`.
        strides: Integer > 0. Defaults to `1`.
        activation: Keras activation or `None`. Defaults to `None`.
        use_bias: Boolean. Defaults to `True`.
        kernel_initializer: Keras initializer. Defaults to `"he_normal"`.
        **kwargs: Keyword arguments of `keras.layers.Layer`.

    Call arguments:
        inputs: Float `(batch, height, width, channels)`, any range; sides
            larger than `kernel_size // 2` pixels.

    Returns:
        Float `(batch, ceil(height / strides), ceil(width / strides), filters)`.

    Raises:
        ValueError: If `filters` or `strides` is not positive, or `kernel_size`
            is not odd.

    Example:

    >>> layer = keras_comic.layers.ReflectionConv2D(4, strides=2)
    >>> tuple(layer(np.zeros((1, 33, 32, 3), "float32")).shape)
    (1, 17, 16, 4)
    """

    def __init__(
        self,
        filters,
        kernel_size=3,
        strides=1,
        activation=None,
        use_bias=True,
        kernel_initializer="he_normal",
        **kwargs,
    ):
        if filters < 1:
            raise ValueError(
                "`filters` must be a positive integer. "
                f"Received: filters={filters}"
            )
        if kernel_size < 1 or kernel_size % 2 == 0:
            raise ValueError(
                "`kernel_size` must be a positive odd integer. "
                f"Received: kernel_size={kernel_size}"
            )
        if strides < 1:
            raise ValueError(
                "`strides` must be a positive integer. "
                f"Received: strides={strides}"
            )
        super().__init__(**kwargs)
        self.filters = filters
        self.kernel_size = kernel_size
        self.strides = strides
        self.activation = keras.activations.get(activation)
        self.use_bias = use_bias
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        self.convolution = keras.layers.Conv2D(
            filters,
            kernel_size,
            strides=strides,
            padding="valid",
            data_format="channels_last",
            activation=self.activation,
            use_bias=use_bias,
            kernel_initializer=self.kernel_initializer,
            dtype=self.dtype_policy,
            name="convolution",
        )

    def build(self, input_shape):
        self.convolution.build(input_shape)

    def call(self, inputs):
        margin = self.kernel_size // 2
        if margin:
            borders = [[0, 0], [margin, margin], [margin, margin], [0, 0]]
            inputs = ops.pad(inputs, borders, mode="reflect")
        return self.convolution(inputs)

    def compute_output_shape(self, input_shape):
        batch, height, width, _ = input_shape
        sides = [
            None if side is None else -(-side // self.strides)
            for side in (height, width)
        ]
        return (batch, *sides, self.filters)

    def get_config(self):
        return {
            **super().get_config(),
            "filters": self.filters,
            "kernel_size": self.kernel_size,
            "strides": self.strides,
            "activation": keras.activations.serialize(self.activation),
            "use_bias": self.use_bias,
            "kernel_initializer": keras.initializers.serialize(
                self.kernel_initializer
            ),
        }
