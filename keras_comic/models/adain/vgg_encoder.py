"""The encoder of the classic AdaIN generator."""

import keras
from keras import ops

from keras_comic.layers import ReflectionConv2D

CONVOLUTIONS = (2, 2, 4, 1)


@keras.saving.register_keras_serializable(package="keras_comic")
class VGGEncoder(keras.layers.Layer):
    """VGG-19 to relu4_1, with reflection padding and input normalisation.

    The first layer is a 1x1 convolution that turns RGB in `[0, 1]` into what
    VGG expects (the "normalised" VGG of the AdaIN authors). Widths are free,
    so that distilled encoders run in it.

    Args:
        filters: Four integers > 0: channels of the four blocks. Defaults to
            VGG-19's `(64, 128, 256, 512)`.
        **kwargs: Keyword arguments of `keras.layers.Layer`.

    Call arguments:
        images: Float `(batch, height, width, 3)`, RGB in `[-1, 1]`; sides
            divisible by 8.

    Returns:
        List of one feature map, relu4_1: `(batch, height / 8, width / 8,
        filters[3])`, non-negative.

    Raises:
        ValueError: If `filters` is not four positive integers.

    Example:

    >>> encoder = keras_comic.models.VGGEncoder((4, 4, 8, 8))
    >>> features = encoder(np.zeros((1, 32, 32, 3), "float32"))
    >>> [tuple(f.shape) for f in features]
    [(1, 4, 4, 8)]

    Reference:
        - [Huang and Belongie, 2017](https://arxiv.org/abs/1703.06868),
          section 6.1; no differences.
    """

    stride = 8

    def __init__(self, filters=(64, 128, 256, 512), **kwargs):
        filters = tuple(filters)
        if len(filters) != 4 or min(filters) < 1:
            raise ValueError(
                "`filters` must be four positive integers. "
                f"Received: filters={filters}"
            )
        super().__init__(**kwargs)
        self.filters = filters
        self.color = ReflectionConv2D(
            3, 1, dtype=self.dtype_policy, name="color"
        )
        self.convolutions = [
            ReflectionConv2D(
                channels,
                activation="relu",
                dtype=self.dtype_policy,
                name=f"conv{block}_{index}",
            )
            for block, (channels, count) in enumerate(
                zip(filters, CONVOLUTIONS, strict=True), start=1
            )
            for index in range(1, count + 1)
        ]

    def build(self, images_shape):
        self.color.build(images_shape)
        shape = images_shape
        for layer in self.convolutions:
            layer.build(shape)
            shape = (*images_shape[:-1], layer.filters)

    def call(self, images):
        x = self.color((ops.cast(images, self.compute_dtype) + 1.0) * 0.5)
        for layer in self.convolutions:
            block, index = layer.name[4:].split("_")
            if index == "1" and block != "1":
                x = ops.max_pool(x, 2, 2, "valid", "channels_last")
            x = layer(x)
        return [x]

    def compute_output_shape(self, images_shape):
        sides = [
            None if side is None else side // self.stride
            for side in images_shape[1:3]
        ]
        return [(images_shape[0], *sides, self.filters[-1])]

    def get_config(self):
        return {**super().get_config(), "filters": self.filters}
