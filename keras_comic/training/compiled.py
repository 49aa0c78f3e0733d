"""Compiled functions of pictures, on each backend."""

import keras
from keras import ops


def compiled(generator, function, sizes=()):
    """Compiles a function of uint8 frames and float32 matrices."""
    backend = keras.backend.backend()
    if backend == "tensorflow":
        import tensorflow as tf

        signature = [tf.TensorSpec((None, None, None, 3), tf.uint8)]
        signature += [tf.TensorSpec((None, size)) for size in sizes]
        return tf.function(function, signature, autograph=False)
    if backend == "jax":
        import jax

        @jax.jit
        def run(values, *arguments):
            mapping = list(zip(generator.variables, values, strict=True))
            with keras.StatelessScope(state_mapping=mapping):
                return function(*arguments)

        return lambda *arguments: run(
            [variable.value for variable in generator.variables], *arguments
        )

    if backend == "torch":
        import torch

        function = torch.no_grad()(function)
    return lambda *arguments: function(*map(ops.convert_to_tensor, arguments))
