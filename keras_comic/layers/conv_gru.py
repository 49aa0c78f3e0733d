"""A gated recurrent unit of feature maps, whose state moves with the scene."""

import keras
from keras import ops

from keras_comic.layers.reflection_conv2d import ReflectionConv2D
from keras_comic.layers.warp import warp_images


@keras.saving.register_keras_serializable(package="keras_comic")
class ConvGRUCell(keras.layers.Layer):
    """One step of a convolutional gated recurrent unit.

        update, reset = sigmoid(gates([inputs, state]))
        candidate = activation(candidate([inputs, reset * state]))
        new_state = (1 - update) * state + update * candidate

    where the brackets stack channels, and both convolutions pad by
    reflection. With a flow, the state is first warped along it: what it knows
    of a thing is then at the place that the thing has moved to.

    Args:
        filters: Integer > 0. Channels of the state.
        kernel_size: Odd integer > 0. Defaults to `3`.
        activation: Keras activation of the candidate, or `None`. Defaults to
            `"tanh"`.
        **kwargs: Keyword arguments of `keras.layers.Layer`.

    Call arguments:
        inputs: Float `(batch, height, width, channels)`, any range; sides
            larger than `kernel_size // 2`.
        state: Float `(batch, height, width, filters)`, the last output, or
            `None` for zeros. Defaults to `None`.
        flow: Float `(batch, height, width, 2)`, from these inputs to the last
            ones, in positions of the feature maps, `x` (to the right), then
            `y` (down), see `warp_images`; or `None` for no motion. Defaults
            to `None`.

    Returns:
        Float `(batch, height, width, filters)`, the new state: between -1 and
        1 with the default activation, if the state was.

    Raises:
        ValueError: If `filters` is not positive, or `kernel_size` is not odd.

    Example:

    >>> cell = keras_comic.layers.ConvGRUCell(4)
    >>> features = np.random.normal(size=(1, 8, 8, 3)).astype("float32")
    >>> state = cell(features)
    >>> right = np.tile(np.float32([1.0, 0.0]), (1, 8, 8, 1))
    >>> tuple(cell(features, state, right).shape)
    (1, 8, 8, 4)

    Reference:
        - [Ballas et al., 2016](https://arxiv.org/abs/1511.06432), equations
          5 to 8; differs from it in the reflection padding, the biases, and
          the warp of the state.
    """

    def __init__(self, filters, kernel_size=3, activation="tanh", **kwargs):
        super().__init__(**kwargs)
        self.filters = filters
        self.kernel_size = kernel_size
        self.activation = keras.activations.get(activation)
        self.gates = ReflectionConv2D(
            2 * filters,
            kernel_size,
            activation="sigmoid",
            kernel_initializer="glorot_uniform",
            dtype=self.dtype_policy,
            name="gates",
        )
        self.candidate = ReflectionConv2D(
            filters,
            kernel_size,
            activation=self.activation,
            kernel_initializer="glorot_uniform",
            dtype=self.dtype_policy,
            name="candidate",
        )

    def build(self, inputs_shape, state_shape=None, flow_shape=None):
        both_shape = (*inputs_shape[:-1], inputs_shape[-1] + self.filters)
        self.gates.build(both_shape)
        self.candidate.build(both_shape)

    def call(self, inputs, state=None, flow=None):
        if state is None:
            # Not by `zeros`, which would need a batch of known size.
            state = ops.zeros_like(inputs[..., :1])
            state = ops.repeat(state, self.filters, axis=-1)
        elif flow is not None:
            state = warp_images(state, flow)
        state = ops.cast(state, self.compute_dtype)
        gates = self.gates(ops.concatenate([inputs, state], axis=-1))
        update, reset = gates[..., : self.filters], gates[..., self.filters :]
        candidate = self.candidate(
            ops.concatenate([inputs, reset * state], axis=-1)
        )
        return (1.0 - update) * state + update * candidate

    def compute_output_shape(
        self, inputs_shape, state_shape=None, flow_shape=None
    ):
        return (*inputs_shape[:-1], self.filters)

    def get_config(self):
        return {
            **super().get_config(),
            "filters": self.filters,
            "kernel_size": self.kernel_size,
            "activation": keras.activations.serialize(self.activation),
        }
