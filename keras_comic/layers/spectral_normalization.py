"""Spectral normalisation that leaves the kernel alone."""

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="keras_comic")
class SpectralNormalization(keras.layers.Wrapper):
    """Divides a layer's kernel by its largest singular value, in each forward.

    For discriminators. The kernel variable is never written to: the forward
    uses `kernel / sigma`, differentiable with respect to the kernel. `sigma`
    comes from power iteration on the kernel as a matrix `(-1, last axis)`; the
    vector of the iteration moves only under `training=True`, so that a
    discriminator called with `training=False` in the generator's phase stays
    as it is. Keras's own `SpectralNormalization` overwrites the kernel on
    every training call instead, which cuts the gradient through `sigma`
    and moves the weights without an optimizer.

    The iteration runs in float32 under every dtype policy; the output has the
    compute dtype of the wrapped layer. Replicas see equal kernels, so the
    vector of the first replica is kept.

    Args:
        layer: Keras layer with a `kernel` variable: `Dense`, `Conv2D` and so
            on.
        power_iterations: Integer > 0. Iterations in a training call.
            Defaults to `1`.
        **kwargs: Keyword arguments of `keras.layers.Layer`; `dtype` has no
            effect, it is float32.

    Call arguments:
        inputs: What the wrapped layer takes.
        training: Boolean, as in Keras. Defaults to `False`.

    Returns:
        What the wrapped layer returns.

    Raises:
        ValueError: If `power_iterations` is not positive, or the layer has no
            `kernel` variable.

    Example:

    >>> convolution = keras.layers.Conv2D(4, 3)
    >>> layer = keras_comic.layers.SpectralNormalization(convolution)
    >>> images = np.random.normal(size=(1, 32, 32, 3)).astype("float32")
    >>> tuple(layer(images, training=True).shape)
    (1, 30, 30, 4)

    Reference:
        - [Miyato et al., 2018](https://arxiv.org/abs/1802.05957), algorithm 1;
          no differences.
    """

    def __init__(self, layer, power_iterations=1, **kwargs):
        if power_iterations < 1:
            raise ValueError(
                "`power_iterations` must be a positive integer. "
                f"Received: power_iterations={power_iterations}"
            )
        # Without autocast, variables are read in float32 inside `call`, also
        # within a model of a mixed policy. The wrapped layer keeps its own.
        kwargs["dtype"] = "float32"
        super().__init__(layer, autocast=False, **kwargs)
        self.power_iterations = power_iterations

    def build(self, input_shape):
        super().build(input_shape)
        kernel = getattr(self.layer, "kernel", None)
        if not isinstance(kernel, keras.Variable):
            raise ValueError(
                "`layer` must have a variable called `kernel`, as Dense and "
                "Conv2D have. Received: "
                f"layer={self.layer.name} of class "
                f"{type(self.layer).__name__}"
            )
        self.vector = self.add_weight(
            name="vector",
            shape=(1, kernel.shape[-1]),
            initializer=keras.initializers.RandomNormal(stddev=1.0),
            trainable=False,
            autocast=False,
            aggregation="only_first_replica",
        )

    def normalized_kernel(self):
        """Returns the kernel divided by its largest singular value.

        Returns:
            Float32, the shape of the kernel.
        """
        kernel = ops.cast(self.layer.kernel, "float32")
        matrix = ops.reshape(kernel, (-1, kernel.shape[-1]))
        constant = ops.stop_gradient(matrix)
        right = self.vector.value
        left = _unit(ops.matmul(right, ops.transpose(constant)))
        right = _unit(right)
        sigma = ops.sum(ops.matmul(left, matrix) * right)
        # A kernel of zeros stays one.
        return kernel / ops.where(sigma > 1e-12, sigma, 1.0)

    def call(self, inputs, training=False):
        if training:
            self._iterate()
        # The wrapped layer runs with the normalised kernel in the place of its
        # own. Its other variables are handed on: the scope hides an outer one.
        kernel = self.layer.kernel
        values = [(v, v.value) for v in self.layer.variables if v is not kernel]
        values.append((kernel, self.normalized_kernel()))
        with keras.StatelessScope(state_mapping=values):
            return self.layer(inputs)

    def _iterate(self):
        kernel = ops.stop_gradient(ops.cast(self.layer.kernel, "float32"))
        matrix = ops.reshape(kernel, (-1, kernel.shape[-1]))
        right = self.vector.value
        for _ in range(self.power_iterations):
            left = _unit(ops.matmul(right, ops.transpose(matrix)))
            new = _unit(ops.matmul(left, matrix))
            # A kernel of zeros would leave a vector of zeros, for good.
            right = ops.where(ops.any(new != 0.0), new, right)
        self.vector.assign(right)

    def compute_output_shape(self, input_shape):
        return self.layer.compute_output_shape(input_shape)

    def compute_output_spec(self, inputs, training=False):
        return self.layer.compute_output_spec(inputs)

    def get_config(self):
        return {
            **super().get_config(),
            "power_iterations": self.power_iterations,
        }


def _unit(vector):
    return vector / ops.maximum(ops.norm(vector), 1e-12)
