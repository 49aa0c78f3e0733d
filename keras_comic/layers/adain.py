"""Adaptive instance normalisation."""

import keras
from keras import ops

from keras_comic.layers.position_normalization import PositionNormalization


@keras.saving.register_keras_serializable(package="keras_comic")
class AdaIN(PositionNormalization):
    """Gives feature maps the channel means and deviations of a style.

    `deviation * (x - mean(x)) / sqrt(var(x) + epsilon) + mean`, statistics
    taken over the positions of each channel of each sample, in float32 under
    mixed precision, or given by `use_statistics`. It has no weights;
    `ConditionalInstanceNormalization` is the layer that computes the style's
    moments from a style vector.

    Args:
        epsilon: Float > 0. Added to the variance. Defaults to `1e-5`.
        **kwargs: Keyword arguments of `keras.layers.Layer`.

    Call arguments:
        inputs: Float `(batch, height, width, channels)`, any range.
        style_moments: Float `(batch, 2 * channels)`: the means, then the
            standard deviations.

    Returns:
        Float `(batch, height, width, channels)` in the layer's compute dtype.

    Raises:
        ValueError: If `epsilon` is not positive, or `style_moments` does not
            hold two numbers a channel.

    Example:

    >>> features = np.random.normal(size=(1, 32, 32, 4)).astype("float32")
    >>> moments = np.ones((1, 8), "float32")
    >>> tuple(keras_comic.layers.AdaIN()(features, moments).shape)
    (1, 32, 32, 4)

    Reference:
        - [Huang and Belongie, 2017](https://arxiv.org/abs/1703.06868),
          equation 8; differs from the published PyTorch code in the variance
          (population here, unbiased there).
    """

    def build(self, inputs_shape, style_moments_shape=None):
        pass

    def call(self, inputs, style_moments):
        channels = inputs.shape[-1]
        if style_moments.shape[-1] != 2 * channels:
            raise ValueError(
                "`style_moments` must hold a mean and a deviation for each of "
                f"the {channels} channels, shape (batch, {2 * channels}). "
                f"Received: style_moments.shape={tuple(style_moments.shape)}"
            )
        moments = ops.cast(style_moments, "float32")[:, None, None, :]
        mean, deviation = moments[..., :channels], moments[..., channels:]
        return self.normalize(inputs, deviation, mean)
