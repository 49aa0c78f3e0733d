"""Gradients on JAX, by jax.value_and_grad.

Keras jits the step, gives it the values of all variables, and takes the new
ones. Inside, a `StatelessScope` stands for the variables' own values, so that
a step is written as for any other backend.
"""

import itertools

import jax
import jax.numpy as jnp
import keras
from keras import ops

from keras_comic.training.run_state import state_of_losses
from keras_comic.training.steps.base_step import BaseStep
from keras_comic.training.steps.base_step import is_sound


class BackendStep(BaseStep):
    """JAX's part of a `GAN`."""

    default_jit_compile = True

    def sync_state(self):
        self.jax_state_sync()

    def train_step(self, state, data):
        groups = (
            self.trainable_variables,
            self.non_trainable_variables,
            self.optimizer.variables,
            self.metrics_variables,
        )
        with _scope(groups, state) as scope:
            logs = self._run_step(self.batch_of(data))
        return logs, _values(scope, groups)

    def test_step(self, state, data):
        groups = (
            self.trainable_variables,
            self.non_trainable_variables,
            self.metrics_variables,
        )
        # What the losses would move is dropped with the scope.
        with _scope(groups, state):
            results = self._run_test(self.batch_of(data))
        with _scope(groups, state) as scope:
            logs = self.trackers.update([(r, True, 1.0) for r in results])
        return logs, _values(scope, groups)

    def _update(self, phase, batch, due, finite):
        """Runs a phase; returns its terms, and if all numbers are finite."""
        if due is True:
            terms, finite, changes = self._take(phase, batch, finite)
        else:
            # The step that is left out needs the names of the terms.
            shapes = jax.eval_shape(lambda: self._take(phase, batch, finite))
            terms, finite, changes = jax.lax.cond(
                due,
                lambda: self._take(phase, batch, finite),
                lambda: (
                    dict.fromkeys(shapes[0], jnp.float32(jnp.nan)),
                    finite,
                    [v.value for v in self._changed_by(phase)],
                ),
            )
        if terms:
            for variable, value in zip(self._changed_by(phase), changes):
                variable.assign(value)
        return terms, finite

    def _changed_by(self, phase):
        return [
            *state_of_losses(self),
            *phase.trainable_variables,
            *phase.optimizer.variables,
        ]

    def _take(self, phase, batch, finite):
        """Returns the terms, and the new values of all that changes."""
        state, variables = state_of_losses(self), phase.trainable_variables
        optimizer = phase.optimizer
        outer = [*self.variables, *optimizer.variables]
        current = [(variable, variable.value) for variable in outer]

        def scaled_loss(values):
            mapping = [*current, *zip(variables, values, strict=True)]
            with keras.StatelessScope(state_mapping=mapping) as scope:
                total, terms = self._losses_of(phase, batch)
                scaled = optimizer.scale_loss(total)
            moved = [scope.get_current_value(v) for v in state]
            return scaled, (total, terms, moved)

        old = [v.value for v in self._changed_by(phase)]
        (_, (total, terms, moved)), gradients = jax.value_and_grad(
            scaled_loss, has_aux=True
        )([v.value for v in variables])
        if not terms:
            # The weights of this phase's terms are all 0.
            return {}, finite, old
        finite = jnp.logical_and(finite, is_sound(total, gradients, optimizer))
        trained, slots = optimizer.stateless_apply(
            [v.value for v in optimizer.variables],
            gradients,
            [v.value for v in variables],
        )
        new = [*moved, *trained, *slots]
        changes = [jnp.where(finite, n, o) for n, o in zip(new, old)]
        return terms, finite, changes

    def input_gradients(self, function, inputs):
        return jax.grad(lambda x: ops.sum(ops.cast(function(x), "float32")))(
            ops.convert_to_tensor(inputs)
        )


def _scope(groups, state):
    variables, values = itertools.chain(*groups), itertools.chain(*state)
    return keras.StatelessScope(
        state_mapping=list(zip(variables, values, strict=True))
    )


def _values(scope, groups):
    return tuple(
        [scope.get_current_value(variable) for variable in group]
        for group in groups
    )
