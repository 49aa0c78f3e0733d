"""Instance normalisation."""

import keras
from keras import ops

from keras_comic.layers.shared_statistics import normalization_moments


@keras.saving.register_keras_serializable(package="keras_comic")
class InstanceNormalization(keras.layers.Layer):
    """Normalises each channel of each picture over its positions.

    `scale * (x - mean(x)) / sqrt(var(x) + epsilon) + shift`, statistics in
    float32 under mixed precision. It is Keras's `GroupNormalization(groups=-1)`
    with the same weights, and takes its statistics from `use_statistics` where
    frames of a video, or parts of a picture, are to be normalised alike.

    Args:
        epsilon: Float > 0. Added to the variance. Defaults to `1e-5`.
        **kwargs: Keyword arguments of `keras.layers.Layer`.

    Call arguments:
        inputs: Float `(batch, height, width, channels)`, any range.

    Returns:
        Float `(batch, height, width, channels)` in the layer's compute dtype.

    Raises:
        ValueError: If `epsilon` is not positive.

    Example:

    >>> layer = keras_comic.layers.InstanceNormalization()
    >>> features = np.random.normal(3.0, size=(1, 32, 32, 4))
    >>> outputs = layer(features.astype("float32"))
    >>> bool(abs(keras.ops.mean(outputs)) < 1e-5)
    True

    Reference:
        - [Ulyanov et al., 2016](https://arxiv.org/abs/1607.08022); no
          differences.
    """

    def __init__(self, epsilon=1e-5, **kwargs):
        if not epsilon > 0:
            raise ValueError(
                f"`epsilon` must be positive. Received: epsilon={epsilon}"
            )
        super().__init__(**kwargs)
        self.epsilon = epsilon

    def build(self, inputs_shape):
        shape = (inputs_shape[-1],)
        self.gamma = self.add_weight(
            shape=shape, initializer="ones", name="gamma", autocast=False
        )
        self.beta = self.add_weight(
            shape=shape, initializer="zeros", name="beta", autocast=False
        )

    def call(self, inputs):
        mean, variance = normalization_moments(inputs)
        # One multiply-add over the positions.
        scale = self.gamma * ops.rsqrt(variance + self.epsilon)
        shift = self.beta - mean * scale
        outputs = (
            ops.cast(inputs, "float32") * scale[:, None, None]
            + shift[:, None, None]
        )
        return ops.cast(outputs, self.compute_dtype)

    def compute_output_shape(self, inputs_shape):
        return inputs_shape

    def get_config(self):
        return {**super().get_config(), "epsilon": self.epsilon}
