"""Instance normalisation whose scale and shift come from a style vector."""

import keras

from keras_comic.layers.adain import AdaIN


@keras.saving.register_keras_serializable(package="keras_comic")
class ConditionalInstanceNormalization(keras.layers.Layer):
    """AdaIN with the moments computed from a style vector by a dense layer.

    The dense layer is linear, so that a weighted mix of style vectors is the
    same mix of the injected means and deviations.

    Args:
        epsilon: Float > 0. Added to the variance. Defaults to `1e-5`.
        **kwargs: Keyword arguments of `keras.layers.Layer`.

    Call arguments:
        inputs: Float `(batch, height, width, channels)`, any range.
        style: Float `(batch, style_dim)`, any range.

    Returns:
        Float `(batch, height, width, channels)` in the layer's compute dtype.

    Raises:
        ValueError: If `epsilon` is not positive.

    Example:

    >>> layer = keras_comic.layers.ConditionalInstanceNormalization()
    >>> features = np.random.normal(size=(1, 32, 32, 4)).astype("float32")
    >>> tuple(layer(features, np.zeros((1, 6), "float32")).shape)
    (1, 32, 32, 4)

    Reference:
        - [Dumoulin et al., 2017](https://arxiv.org/abs/1610.07629), and
          [Ghiasi et al., 2017](https://arxiv.org/abs/1705.06830) for the
          style vector; differs from them in nothing but the epsilon.
    """

    def __init__(self, epsilon=1e-5, **kwargs):
        super().__init__(**kwargs)
        self.epsilon = epsilon
        self.adain = AdaIN(epsilon, dtype=self.dtype_policy)

    def build(self, inputs_shape, style_shape):
        channels = inputs_shape[-1]
        self.moments = keras.layers.Dense(
            2 * channels,
            bias_initializer=_IdentityMoments(),
            kernel_initializer=keras.initializers.RandomNormal(stddev=0.02),
            dtype=self.dtype_policy,
            name="moments",
        )
        self.moments.build(style_shape)

    def call(self, inputs, style):
        return self.adain(inputs, self.moments(style))

    def compute_output_shape(self, inputs_shape, style_shape=None):
        return inputs_shape

    def get_config(self):
        return {**super().get_config(), "epsilon": self.epsilon}


class _IdentityMoments(keras.initializers.Initializer):
    """Means of 0, deviations of 1: plain instance normalisation."""

    def __call__(self, shape, dtype=None):
        half = shape[0] // 2
        return keras.ops.concatenate(
            [
                keras.ops.zeros((half,), dtype=dtype),
                keras.ops.ones((half,), dtype=dtype),
            ]
        )
