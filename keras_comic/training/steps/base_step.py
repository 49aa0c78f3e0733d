"""The parts of a training step that are the same on most backends."""

import contextlib

import keras

from keras_comic.training.batches import as_batch
from keras_comic.training.phase import is_finite


class BaseStep:
    """The part of a `GAN` that takes gradients and applies them."""

    default_jit_compile = False

    def check_backend(self):
        """Raises an error in `compile` where the backend cannot train."""
        if keras.backend.backend() not in ("tensorflow", "jax", "torch"):
            raise RuntimeError(
                "keras_comic trains on Keras's TensorFlow, JAX and PyTorch "
                "backends; on others presets can be used, not trained. Set "
                'the environment variable KERAS_BACKEND to "tensorflow", '
                '"jax" or "torch" before Keras is imported. '
                f"Received: KERAS_BACKEND={keras.backend.backend()!r}"
            )

    def prepare_step(self):
        """Prepares the backend at the end of `compile`."""

    def sync_state(self):
        """Brings the variables up to date before they are read in a `fit`."""

    def batch_of(self, data):
        """Returns the batch in the data that Keras gives to a step."""
        return as_batch(data, self.batch_names)

    def average_scope(self):
        """Opens the scope to make variables that replicas assign alike."""
        return contextlib.nullcontext()

    def replica_arguments(self):
        """Returns the replica, for layers that draw random numbers."""
        return {}

    def sum_over_replicas(self, value):
        """Sums a tensor over all replicas; here there is one."""
        return value

    def input_gradients(self, function, inputs):
        """Returns the gradients of a function's summed output by its input.

        Inside a phase they can be differentiated again, as penalties need.

        Args:
            function: Tensor to tensor, such as the discriminator. It must not
                update variables: call the discriminator in it with
                `training=False`.
            inputs: Float `(batch, ...)`.

        Returns:
            Float tensor of the shape of `inputs`.
        """
        self.check_backend()

    # Keras's trainers look for layers that were never called, such as an
    # activation in a copied network, and if there is one, call the model on a
    # batch, which is no input of a `GAN`. Networks are built before they come
    # here, and there is no public way to say so for the layers within them.

    def _symbolic_build(self, iterator=None, data_batch=None):
        pass

    def _maybe_symbolic_build(self, iterator=None, data_batch=None):
        pass


# What a `GAN` gets where nothing else is made for the backend.
BackendStep = BaseStep


def reached(gradients, variables):
    """Drops the variables that the loss does not depend on."""
    pairs = [(g, v) for g, v in zip(gradients, variables) if g is not None]
    if not pairs:
        raise ValueError(
            "The losses of a phase must depend on the networks that it "
            f"trains. Received: no gradient by {len(variables)} variables"
        )
    gradients, variables = zip(*pairs)
    return list(gradients), list(variables)


def is_sound(total, gradients, optimizer):
    """Tells if a loss and its gradients are finite."""
    if isinstance(optimizer, keras.optimizers.LossScaleOptimizer):
        # It skips steps of its own until the scale fits.
        return is_finite([total])
    return is_finite([total, *gradients])
