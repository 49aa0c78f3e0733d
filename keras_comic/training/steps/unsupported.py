"""In the place of a training step, on backends that have none here."""

import contextlib

import keras


class BackendStep:
    """Tells that `GAN` does not train on this backend; inference works."""

    default_jit_compile = False

    def average_scope(self):
        """The scope to make variables in that every replica assigns alike.

        Returns:
            Context manager.
        """
        return contextlib.nullcontext()

    def check_backend(self):
        """Called at the start of `compile`: this backend does not train.

        Raises:
            RuntimeError: Always.
        """
        raise RuntimeError(
            "keras_comic trains on Keras's TensorFlow, JAX and PyTorch "
            "backends; on others presets can be used, not trained. Set the "
            'environment variable KERAS_BACKEND to "tensorflow", "jax" or '
            '"torch" before Keras is imported. '
            f"Received: KERAS_BACKEND={keras.backend.backend()!r}"
        )

    def prepare_step(self):
        """Called at the end of `compile`, which is not reached here."""

    def sync_state(self):
        """Called before variables are read in a `fit`: they are up to date."""

    def replica_arguments(self):
        """What layers that draw random numbers are told of replicas.

        Returns:
            Dict of keyword arguments; empty without replicas.
        """
        return {}

    def sum_over_replicas(self, value):
        """The sum of what all replicas hold; without replicas the value.

        Args:
            value: Float tensor, of the same shape on all replicas.

        Returns:
            Float tensor of that shape.
        """
        return value

    def input_gradients(self, function, inputs):
        """Gradients of a function's summed output by its input.

        Args:
            function: Tensor to tensor, such as the discriminator.
            inputs: Float `(batch, ...)`.

        Raises:
            RuntimeError: Always.
        """
        self.check_backend()
