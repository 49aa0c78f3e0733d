"""The style encoder of the light AdaIN generator."""

import keras
from keras import ops

from keras_comic.layers import ReflectionConv2D
from keras_comic.layers import channel_moments


@keras.saving.register_keras_serializable(package="keras_comic")
class LightStyleEncoder(keras.layers.Layer):
    """A drawing, of any size, to one style vector.

    A pyramid of strided convolutions without normalisation; the channel means
    and deviations of every level (the pixels included) go through two dense
    layers to the style vector.

    Args:
        filters: Integers > 0. Channels of the levels, each at half the
            resolution of the one before. Defaults to `(32, 64, 96)`.
        style_dim: Integer > 0. Length of the style vector. Defaults to `96`.
        hidden_dim: Integer > 0. Units between the moments and the style
            vector. Defaults to `192`.
        **kwargs: Keyword arguments of `keras.layers.Layer`.

    Call arguments:
        images: Float32 `(batch, height, width, 3)`, RGB in `[-1, 1]`; sides of
            at least 32 pixels.

    Returns:
        Float32 `(batch, style_dim)`.

    Raises:
        ValueError: If a number is not positive.

    Example:

    >>> encoder = keras_comic.models.LightStyleEncoder((4, 8), style_dim=6)
    >>> tuple(encoder(np.zeros((1, 40, 33, 3), "float32")).shape)
    (1, 6)
    """

    def __init__(
        self, filters=(32, 64, 96), style_dim=96, hidden_dim=192, **kwargs
    ):
        filters = tuple(filters)
        if not filters or min(*filters, style_dim, hidden_dim) < 1:
            raise ValueError(
                "`filters`, `style_dim` and `hidden_dim` must be positive. "
                f"Received: filters={filters}, style_dim={style_dim}, "
                f"hidden_dim={hidden_dim}"
            )
        super().__init__(**kwargs)
        self.filters = filters
        self.style_dim = style_dim
        self.hidden_dim = hidden_dim
        self.levels = [
            ReflectionConv2D(
                channels,
                3,
                strides=2,
                activation="relu",
                dtype=self.dtype_policy,
                name=f"level_{i}",
            )
            for i, channels in enumerate(filters, start=1)
        ]
        self.hidden = keras.layers.Dense(
            hidden_dim, activation="relu", dtype="float32", name="hidden"
        )
        self.style = keras.layers.Dense(
            style_dim, dtype="float32", name="style"
        )

    def build(self, images_shape):
        shape = images_shape
        for level in self.levels:
            level.build(shape)
            shape = level.compute_output_shape(shape)
        moments = 2 * (images_shape[-1] + sum(self.filters))
        self.hidden.build((images_shape[0], moments))
        self.style.build((images_shape[0], self.hidden_dim))

    def call(self, images):
        features = images
        moments = list(channel_moments(images))
        for level in self.levels:
            features = level(features)
            moments.extend(channel_moments(features))
        return self.style(self.hidden(ops.concatenate(moments, axis=-1)))

    def compute_output_shape(self, images_shape):
        return (images_shape[0], self.style_dim)

    def get_config(self):
        return {
            **super().get_config(),
            "filters": self.filters,
            "style_dim": self.style_dim,
            "hidden_dim": self.hidden_dim,
        }
