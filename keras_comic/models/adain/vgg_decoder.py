"""The decoder of the classic AdaIN generator."""

import keras
from keras import ops

from keras_comic.layers import AdaIN
from keras_comic.layers import ReflectionConv2D

# Convolutions at each width: the mirror of the encoder's, the last to RGB.
MIRRORED = (1, 4, 2, 2)


@keras.saving.register_keras_serializable(package="keras_comic")
class VGGDecoder(keras.layers.Layer):
    """AdaIN on relu4_1, then the mirror of VGG-19 to relu4_1.

    Convolutions with reflection padding, nearest-neighbour upsampling where
    the encoder pools, no normalisation and no final activation.

    Args:
        filters: Four integers > 0: those of the encoder, from full to eighth
            resolution. Defaults to `(64, 128, 256, 512)`.
        **kwargs: Keyword arguments of `keras.layers.Layer`.

    Call arguments:
        features: List of one feature map from `VGGEncoder`.
        style: Float `(batch, 2 * filters[3])`: the means and the deviations
            of relu4_1 of the style.

    Returns:
        Float32 `(batch, height, width, 3)`, RGB, near `[-1, 1]` (unbounded).

    Raises:
        ValueError: If `filters` is not four positive integers.

    Example:

    >>> decoder = keras_comic.models.VGGDecoder((4, 4, 8, 8))
    >>> features = [np.zeros((1, 4, 4, 8), "float32")]
    >>> tuple(decoder(features, np.ones((1, 16), "float32")).shape)
    (1, 32, 32, 3)

    Reference:
        - [Huang and Belongie, 2017](https://arxiv.org/abs/1703.06868),
          section 6.1; no differences.
    """

    def __init__(self, filters=(64, 128, 256, 512), **kwargs):
        filters = tuple(filters)
        if len(filters) != 4 or min(filters) < 1:
            raise ValueError(
                "`filters` must be four positive integers. "
                f"Received: filters={filters}"
            )
        super().__init__(**kwargs)
        self.filters = filters
        self.adain = AdaIN(dtype=self.dtype_policy, name="adain")
        self.upsampling = keras.layers.UpSampling2D(
            2,
            data_format="channels_last",
            interpolation="nearest",
            dtype=self.dtype_policy,
        )
        # The last convolution of a width leads to the next width.
        self.convolutions = []
        for block, count in zip((4, 3, 2, 1), MIRRORED, strict=True):
            next_filters = filters[block - 2] if block > 1 else 3
            for index in range(count, 0, -1):
                last = (block, index) == (1, 1)
                self.convolutions.append(
                    ReflectionConv2D(
                        next_filters if index == 1 else filters[block - 1],
                        activation=None if last else "relu",
                        dtype=self.dtype_policy,
                        name=f"conv{block}_{index}",
                    )
                )

    def build(self, features_shape, style_shape):
        shape = features_shape[0]
        for layer in self.convolutions:
            layer.build(shape)
            shape = (*shape[:-1], layer.filters)

    def call(self, features, style):
        x = self.adain(features[0], style)
        for layer in self.convolutions:
            x = layer(x)
            if layer.name in ("conv4_1", "conv3_1", "conv2_1"):
                x = self.upsampling(x)
        return ops.cast(x, "float32") * 2.0 - 1.0

    def get_config(self):
        return {**super().get_config(), "filters": self.filters}
