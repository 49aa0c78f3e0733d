"""Layer normalisation over height, width and channels."""

import keras

from keras_comic.layers.position_normalization import PositionNormalization


@keras.saving.register_keras_serializable(package="keras_comic")
class LayerNorm(PositionNormalization):
    """Normalises each picture over its positions and channels together.

    It is Keras's `GroupNormalization(groups=1)` with the same weights, but its
    statistics can be shared (see `use_statistics`). Keras's own
    `LayerNormalization` averages over the channels of each position alone.

    Shapes, types and errors are those of `PositionNormalization`.

    Args:
        epsilon: Float > 0. Added to the variance. Defaults to `1e-5`.
        **kwargs: Keyword arguments of `keras.layers.Layer`.

    Example:

    >>> layer = keras_comic.layers.LayerNorm()
    >>> features = np.random.normal(3.0, size=(1, 32, 32, 4))
    >>> outputs = layer(features.astype("float32"))
    >>> bool(abs(keras.ops.mean(outputs)) < 1e-5)
    True

    Reference:
        - [Ba et al., 2016](https://arxiv.org/abs/1607.06450), on feature maps
          as in AnimeGANv2; no differences.
    """

    axes = (1, 2, 3)
