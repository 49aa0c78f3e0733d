"""A training step on PyTorch, by torch.autograd."""

import contextlib

import keras
import torch
from keras import ops


class BackendStep:
    """What `GAN` needs of PyTorch."""

    default_jit_compile = False

    def average_scope(self):
        """The scope to make variables in that every replica assigns alike.

        Returns:
            Context manager.
        """
        return contextlib.nullcontext()

    def check_backend(self):
        """Called at the start of `compile`: this backend trains."""

    def prepare_step(self):
        """Called at the end of `compile`: Keras's trainer is ready as it is."""

    def _symbolic_build(self, iterator=None, data_batch=None):
        """Keras's trainer calls a model on a batch to build it."""

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

    def train_step(self, data):
        batch = self.batch_of(keras.tree.map_structure(_to_tensor, data))
        values, finite = self.run_phases(batch, self._run_phase)
        with torch.no_grad():
            return self.finish_step(values, finite)

    def _run_phase(self, phase, batch, finite):
        losses_of, network, optimizer, total_name = phase
        variables = network.trainable_variables
        state = self.state_of_losses()
        before = [variable.value.detach().clone() for variable in state]
        total, means = self.weighted_total(losses_of(batch))
        if not means:
            # The weights of this phase's terms are all 0.
            return {}, finite
        gradients = torch.autograd.grad(
            optimizer.scale_loss(total),
            [variable.value for variable in variables],
            allow_unused=True,
        )
        with torch.no_grad():
            finite = bool(finite) and _is_finite(total, gradients, optimizer)
            if finite:
                optimizer.apply(list(gradients), variables)
            else:
                # What the losses themselves have moved, such as the vectors of
                # a spectral normalisation.
                for variable, old in zip(state, before):
                    variable.assign(old)
        means = {name: value.detach() for name, value in means.items()}
        return {**means, total_name: total.detach()}, finite

    def test_step(self, data):
        batch = self.batch_of(keras.tree.map_structure(_to_tensor, data))
        # What the losses would move is dropped with the scope.
        with keras.StatelessScope():
            values = self.evaluate_phases(batch)
        with torch.no_grad():
            values = {name: value.detach() for name, value in values.items()}
            return self.update_trackers(values)

    def input_gradients(self, function, inputs):
        """Gradients of a function's summed output by its input.

        Inside a phase they can be differentiated again, as penalties need.

        Args:
            function: Tensor to tensor, such as the discriminator. It must not
                update variables: call the discriminator in it with
                `training=False`.
            inputs: Float `(batch, ...)`.

        Returns:
            Float tensor of the shape of `inputs`.
        """
        inputs = ops.convert_to_tensor(inputs).detach().requires_grad_()
        output = ops.sum(ops.cast(function(inputs), "float32"))
        if not output.requires_grad:
            return torch.zeros_like(inputs)
        return torch.autograd.grad(
            output, inputs, create_graph=True, materialize_grads=True
        )[0]


def _to_tensor(value):
    return None if value is None else ops.convert_to_tensor(value)


def _is_finite(total, gradients, optimizer):
    checked = [total]
    if not isinstance(optimizer, keras.optimizers.LossScaleOptimizer):
        # The other skips steps of its own until the scale fits.
        checked.extend(g for g in gradients if g is not None)
    return all(bool(torch.isfinite(value).all()) for value in checked)
