"""The parts of a training step that are the same on most backends."""

import contextlib


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

    # Networks are built before they come to a `GAN`; Keras's trainers would
    # call it on a batch if one layer without weights were never called.

    def _symbolic_build(self, iterator=None, data_batch=None):
        pass

    def _maybe_symbolic_build(self, iterator=None, data_batch=None):
        pass


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
