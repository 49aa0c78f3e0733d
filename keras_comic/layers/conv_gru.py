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


@keras.saving.register_keras_serializable(package="keras_comic")
class ConvGRU(keras.layers.Layer):
    """Runs a `ConvGRUCell` over the frames of a clip.

    For clips of a known number of frames that are there as a whole. Frame by
    frame, use the cell.

    Args:
        filters: Integer > 0. Channels of the state.
        kernel_size: Odd integer > 0. Defaults to `3`.
        activation: Keras activation of the candidate, or `None`. Defaults to
            `"tanh"`.
        return_sequences: Boolean. Whether to give the states of all frames,
            or only the last. Defaults to `True`.
        **kwargs: Keyword arguments of `keras.layers.Layer`.

    Call arguments:
        inputs: Float `(batch, frames, height, width, channels)`, any range;
            the number of frames must be known.
        flow: Float `(batch, frames - 1, height, width, 2)`, from each frame
            but the first to the one before it, in positions of the feature
            maps, `x`, then `y`; or `None` for no motion. Defaults to `None`.

    Returns:
        Float `(batch, frames, height, width, filters)`, or `(batch, height,
        width, filters)` without `return_sequences`.

    Raises:
        ValueError: If `filters` is not positive, `kernel_size` is not odd, or
            the number of frames is not known or not that of the flow.

    Example:

    >>> layer = keras_comic.layers.ConvGRU(4, return_sequences=False)
    >>> clips = np.random.normal(size=(1, 3, 8, 8, 2)).astype("float32")
    >>> tuple(layer(clips).shape)
    (1, 8, 8, 4)

    Reference:
        - [Ballas et al., 2016](https://arxiv.org/abs/1511.06432); differs
          from it as `ConvGRUCell` does.
    """

    def __init__(
        self,
        filters,
        kernel_size=3,
        activation="tanh",
        return_sequences=True,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.filters = filters
        self.kernel_size = kernel_size
        self.activation = keras.activations.get(activation)
        self.return_sequences = return_sequences
        self.cell = ConvGRUCell(
            filters,
            kernel_size,
            self.activation,
            dtype=self.dtype_policy,
            name="cell",
        )

    def build(self, inputs_shape, flow_shape=None):
        self.cell.build((inputs_shape[0], *inputs_shape[2:]))

    def call(self, inputs, flow=None):
        num_frames = inputs.shape[1]
        if num_frames is None or (
            flow is not None and flow.shape[1] != num_frames - 1
        ):
            raise ValueError(
                "The number of frames must be known, and one more than those "
                "of the flow. "
                f"Received: inputs.shape={tuple(inputs.shape)}, flow.shape="
                f"{None if flow is None else tuple(flow.shape)}"
            )
        states = [self.cell(inputs[:, 0])]
        for index in range(1, num_frames):
            motion = None if flow is None else flow[:, index - 1]
            states.append(self.cell(inputs[:, index], states[-1], motion))
        if self.return_sequences:
            return ops.stack(states, axis=1)
        return states[-1]

    def compute_output_shape(self, inputs_shape, flow_shape=None):
        shape = (*inputs_shape[:-1], self.filters)
        return shape if self.return_sequences else (shape[0], *shape[2:])

    def get_config(self):
        return {
            **super().get_config(),
            "filters": self.filters,
            "kernel_size": self.kernel_size,
            "activation": keras.activations.serialize(self.activation),
            "return_sequences": self.return_sequences,
        }
