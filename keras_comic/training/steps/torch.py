"""Gradients on PyTorch, by torch.autograd."""

import keras
import torch
from keras import ops

from keras_comic.training.run_state import state_of_losses
from keras_comic.training.steps.base_step import BaseStep
from keras_comic.training.steps.base_step import is_sound
from keras_comic.training.steps.base_step import reached


class BackendStep(BaseStep):
    """PyTorch's part of a `GAN`."""

    def train_step(self, data):
        with torch.no_grad():
            return self._run_step(self._tensors_of(data))

    def test_step(self, data):
        # What the losses would move is dropped with the scope.
        with keras.StatelessScope():
            results = self._run_test(self._tensors_of(data))
        with torch.no_grad():
            return self.trackers.update([(r, True, 1.0) for r in results])

    def _tensors_of(self, data):
        return keras.tree.map_structure(
            lambda v: None if v is None else ops.convert_to_tensor(v),
            self.batch_of(data),
        )

    def _update(self, phase, batch, due, finite):
        """Runs a phase; returns its terms, and if all numbers are finite."""
        if not due:
            nan = ops.convert_to_tensor(float("nan"))
            return dict.fromkeys(phase.term_names, nan), finite
        state = state_of_losses(self)
        before = [variable.value.detach().clone() for variable in state]
        variables = phase.trainable_variables
        with torch.enable_grad():
            total, terms = self._losses_of(phase, batch)
            if not terms:
                # The weights of this phase's terms are all 0.
                return {}, finite
            gradients = torch.autograd.grad(
                phase.optimizer.scale_loss(total),
                [variable.value for variable in variables],
                allow_unused=True,
            )
        gradients, variables = reached(gradients, variables)
        phase.term_names = list(terms)
        sound = is_sound(total, gradients, phase.optimizer)
        finite = ops.logical_and(finite, sound)
        if finite:
            phase.optimizer.apply(gradients, variables)
        else:
            for variable, old in zip(state, before):
                variable.assign(old)
        return {n: value.detach() for n, value in terms.items()}, finite

    def input_gradients(self, function, inputs):
        inputs = ops.convert_to_tensor(inputs).detach().requires_grad_()
        output = ops.sum(ops.cast(function(inputs), "float32"))
        if not output.requires_grad:
            return torch.zeros_like(inputs)
        return torch.autograd.grad(
            output, inputs, create_graph=True, materialize_grads=True
        )[0]
