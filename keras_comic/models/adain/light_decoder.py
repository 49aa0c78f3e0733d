"""The decoder of the light AdaIN generator."""

import keras
from keras import ops

from keras_comic.layers import ConvBlock
from keras_comic.layers import ReflectionConv2D
from keras_comic.layers import ResidualBlock


@keras.saving.register_keras_serializable(package="keras_comic")
class LightDecoder(keras.layers.Layer):
    """Residual blocks and upsampling, AdaIN from the style at every scale.

    The style's means and deviations are injected after each convolution: in
    the residual blocks at quarter resolution, at half resolution (where the
    encoder's features are taken in again) and at full resolution.

    Args:
        filters: Three integers > 0: channels at quarter, half and full
            resolution. Defaults to `(80, 40, 16)`.
        num_residual_blocks: Integer >= 0. Defaults to `4`.
        **kwargs: Keyword arguments of `keras.layers.Layer`.

    Call arguments:
        features: List from `LightContentEncoder`: images, half- and
            quarter-resolution feature maps.
        style: Float32 `(batch, style_dim)`.

    Returns:
        Float32 `(batch, height, width, 3)`, RGB in `[-1, 1]`.

    Raises:
        ValueError: If `filters` is not three positive integers, or
            `num_residual_blocks` is negative.

    Example:

    >>> encoder = keras_comic.models.LightContentEncoder((4, 8))
    >>> decoder = keras_comic.models.LightDecoder((8, 6, 4), 1)
    >>> features = encoder(np.zeros((1, 32, 32, 3), "float32"))
    >>> tuple(decoder(features, np.zeros((1, 5), "float32")).shape)
    (1, 32, 32, 3)
    """

    def __init__(self, filters=(80, 40, 16), num_residual_blocks=4, **kwargs):
        filters = tuple(filters)
        if len(filters) != 3 or min(filters) < 1:
            raise ValueError(
                "`filters` must be three positive integers. "
                f"Received: filters={filters}"
            )
        if num_residual_blocks < 0:
            raise ValueError(
                "`num_residual_blocks` must be at least 0. "
                f"Received: num_residual_blocks={num_residual_blocks}"
            )
        super().__init__(**kwargs)
        self.filters = filters
        self.num_residual_blocks = num_residual_blocks
        self.residual_blocks = [
            ResidualBlock(
                filters[0],
                normalization="conditional",
                dtype=self.dtype_policy,
                name=f"residual_{i}",
            )
            for i in range(1, num_residual_blocks + 1)
        ]

        def block(filters, name, **kwargs):
            return ConvBlock(
                filters,
                normalization="conditional",
                dtype=self.dtype_policy,
                name=name,
                **kwargs,
            )

        half, full = filters[1:]
        self.half_resolution = block(half, "half_resolution", upsample=True)
        self.skip = block(half, "skip", kernel_size=1, activation=None)
        self.full_resolution = block(full, "full_resolution", upsample=True)
        self.image = ReflectionConv2D(
            3,
            kernel_initializer="glorot_normal",
            dtype=self.dtype_policy,
            name="image",
        )

    def build(self, features_shape, style_shape):
        image_shape, half_shape, quarter_shape = features_shape
        for block in self.residual_blocks:
            block.build(quarter_shape, style_shape)
        self.half_resolution.build(quarter_shape, style_shape)
        self.skip.build(half_shape, style_shape)
        decoded_shape = self.half_resolution.compute_output_shape(quarter_shape)
        self.full_resolution.build(decoded_shape, style_shape)
        full_shape = self.full_resolution.compute_output_shape(decoded_shape)
        self.image.build((*full_shape[:-1], full_shape[-1] + image_shape[-1]))

    def call(self, features, style):
        images, half, x = features
        for block in self.residual_blocks:
            x = block(x, style)
        x = self.half_resolution(x, style) + self.skip(half, style)
        x = self.full_resolution(x, style)
        x = ops.concatenate([x, ops.cast(images, x.dtype)], axis=-1)
        return ops.tanh(ops.cast(self.image(x), "float32"))

    def get_config(self):
        return {
            **super().get_config(),
            "filters": self.filters,
            "num_residual_blocks": self.num_residual_blocks,
        }
