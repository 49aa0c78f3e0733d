"""The base of all normalisations over the positions of a picture."""

import keras
from keras import ops

from keras_comic.layers.shared_statistics import position_moments


class PositionNormalization(keras.layers.Layer):
    """Base of the layers that normalise with moments over the positions.

    `scale * (x - mean(x)) / sqrt(var(x) + epsilon) + shift`, in float32 under
    mixed precision. The moments come from `position_moments`, so that
    `collect_statistics` sees them and `use_statistics` replaces them. Here the
    scale and the shift are weights, two numbers a channel; a subclass states
    the axes, or overrides `build` and `call` and uses `normalize`.

    Args:
        epsilon: Float > 0. Added to the variance. Defaults to `1e-5`.
        **kwargs: Keyword arguments of `keras.layers.Layer`.

    Call arguments:
        inputs: Float `(batch, height, width, channels)`, any range.

    Returns:
        Float `(batch, height, width, channels)` in the layer's compute dtype.

    Raises:
        ValueError: If `epsilon` is not positive.
    """

    # Axes of the moments.
    axes = (1, 2)

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
        return self.normalize(inputs, self.gamma, self.beta)

    def normalize(self, inputs, scale, shift):
        """Normalises features, then scales and shifts them.

        Args:
            inputs: Float `(batch, height, width, channels)`, any range.
            scale: Float32 that broadcasts against the inputs.
            shift: Float32 that broadcasts against the inputs.

        Returns:
            Float `(batch, height, width, channels)` in the compute dtype.
        """
        mean, variance = position_moments(inputs, self.axes)
        scale, shift = (ops.cast(value, "float32") for value in (scale, shift))
        # One multiply-add over the positions.
        scale = scale / ops.sqrt(variance + self.epsilon)
        shift = shift - mean * scale
        outputs = ops.cast(inputs, "float32") * scale + shift
        return ops.cast(outputs, self.compute_dtype)

    def compute_output_shape(self, inputs_shape):
        return inputs_shape

    def get_config(self):
        return {**super().get_config(), "epsilon": self.epsilon}
