"""The parts of a training step that are the same on most backends."""

import contextlib

import keras


class BaseStep:
    """One backend's part of a `GAN`: it takes gradients and applies them."""

    default_jit_compile = False

    def check_backend(self):
        """Called at the start of `compile`: this backend trains."""

    def prepare_step(self):
        """Called at the end of `compile`."""

    def sync_state(self):
        """Called before variables are read in a `fit`: they are up to date."""

    def average_scope(self):
        """Opens the scope to make variables that replicas assign alike."""
        return contextlib.nullcontext()

    def replica_arguments(self):
        """Tells layers that draw random numbers of replicas: there are none."""
        return {}

    def sum_over_replicas(self, value):
        """Sums a tensor over all replicas: there are none."""
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
        return self._input_gradients(function, inputs)

    # Networks are built before they come to a `GAN`; Keras's trainers would
    # call it on a batch if one layer without weights were never called.

    def _symbolic_build(self, iterator=None, data_batch=None):
        pass

    def _maybe_symbolic_build(self, iterator=None, data_batch=None):
        pass


def batch_of(data):
    """Extracts the batch from the data that Keras gives to a step."""
    batch, targets, _ = keras.utils.unpack_x_y_sample_weight(data)
    return batch if targets is None else data


def reached(gradients, variables):
    """Keeps the gradients that are there, and their variables.

    A penalty on gradients, for one, has none by the last bias.
    """
    pairs = [(g, v) for g, v in zip(gradients, variables) if g is not None]
    if not pairs:
        raise ValueError(
            "The losses of a phase must depend on the networks that it "
            f"trains. Received: no gradient by {len(variables)} variables"
        )
    gradients, variables = zip(*pairs)
    return list(gradients), list(variables)
