"""A training step on JAX, by jax.value_and_grad.

Keras jits the step and hands it the values of all variables; it returns the
new ones. Inside, a `StatelessScope` stands for the variables' own values, so
that the losses are written as for any other backend.
"""

import contextlib
import functools
import itertools

import jax
import jax.numpy as jnp
import keras
from keras import ops

from keras_comic.training.schedules import ScaledSchedule


class BackendStep:
    """What `GAN` needs of JAX."""

    default_jit_compile = True

    def average_scope(self):
        """The scope to make variables in that every replica assigns alike.

        Returns:
            Context manager.
        """
        return contextlib.nullcontext()

    def check_backend(self):
        """Called at the start of `compile`: this backend trains."""

    def prepare_step(self):
        """Called at the end of `compile`: hands both optimizers to Keras."""
        self.optimizer = _OptimizerPair(
            self.generator_optimizer, self.discriminator_optimizer
        )

    def _symbolic_build(self, iterator=None, data_batch=None):
        """Keras's trainer calls a model on a batch to build it."""

    def sync_state(self):
        """Called before variables are read in a `fit`: fetches their values."""
        self.jax_state_sync()

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

    def train_step(self, state, data):
        batch = self.batch_of(data)
        groups = (
            self.trainable_variables,
            self.non_trainable_variables,
            self.optimizer.variables,
            self.metrics_variables,
        )
        current = _Values(itertools.chain(*groups), itertools.chain(*state))
        logs, finite = self.run_phases(
            batch, functools.partial(self._run_phase, current)
        )
        with current.scope() as scope:
            logs = self.finish_step(logs, finite)
        current.take(scope, itertools.chain(*groups))
        return logs, tuple(current.of(group) for group in groups)

    def _run_phase(self, current, phase, batch, finite):
        losses_of, network, optimizer, total_name = phase
        variables = network.trainable_variables
        others = self.non_trainable_variables

        def scaled_loss(values):
            with current.scope(variables, values) as scope:
                total, means = self.weighted_total(losses_of(batch))
                scaled = optimizer.scale_loss(total)
            updates = [scope.get_current_value(v) for v in others]
            return scaled, (total, means, updates)

        (_, (total, means, updates)), gradients = jax.value_and_grad(
            scaled_loss, has_aux=True
        )(current.of(variables))
        if not means:
            # The weights of this phase's terms are all 0.
            return {}, finite
        finite = jnp.logical_and(
            finite, _is_finite(total, gradients, optimizer)
        )
        current.put_if(finite, others, updates)
        with self._scale_in(current, optimizer):
            new_values, new_state = optimizer.stateless_apply(
                current.of(optimizer.variables),
                gradients,
                current.of(variables),
            )
        current.put_if(finite, variables, new_values)
        current.put_if(finite, optimizer.variables, new_state)
        return {**means, total_name: total}, finite

    @contextlib.contextmanager
    def _scale_in(self, current, optimizer):
        """Hands a schedule its scale, which Keras's own scope has not."""
        while isinstance(optimizer, keras.optimizers.LossScaleOptimizer):
            optimizer = optimizer.inner_optimizer
        schedule = optimizer._learning_rate
        if not isinstance(schedule, ScaledSchedule):
            yield
            return
        schedule.scale = current.of([self.learning_rate_scale])[0]
        try:
            yield
        finally:
            schedule.scale = self.learning_rate_scale

    def test_step(self, state, data):
        groups = (
            self.trainable_variables,
            self.non_trainable_variables,
            self.metrics_variables,
        )
        current = _Values(itertools.chain(*groups), itertools.chain(*state))
        # What the losses would move, such as the vectors of a spectral
        # normalisation, is dropped with the scope.
        with current.scope():
            values = self.evaluate_phases(self.batch_of(data))
        with current.scope() as scope:
            logs = self.update_trackers(values)
        current.take(scope, self.metrics_variables)
        return logs, tuple(current.of(group) for group in groups)

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
        return jax.grad(lambda x: ops.sum(ops.cast(function(x), "float32")))(
            ops.convert_to_tensor(inputs)
        )


def _is_finite(total, gradients, optimizer):
    finite = jnp.isfinite(total)
    if isinstance(optimizer, keras.optimizers.LossScaleOptimizer):
        # It skips steps of its own until the scale fits.
        return finite
    for gradient in gradients:
        finite = jnp.logical_and(finite, jnp.all(jnp.isfinite(gradient)))
    return finite


class _Values:
    """The values that variables have at this point of a step."""

    def __init__(self, variables, values):
        self.variables = list(variables)
        self.values = {}
        self.put(self.variables, values)

    def put(self, variables, values):
        for variable, value in zip(variables, values, strict=True):
            self.values[id(variable)] = value

    def put_if(self, condition, variables, values):
        """Takes new values only where a condition holds."""
        values = jax.tree.map(
            lambda new, old: jnp.where(condition, new, old),
            list(values),
            self.of(variables),
        )
        self.put(variables, values)

    def of(self, variables):
        return [self.values[id(variable)] for variable in variables]

    def scope(self, variables=(), values=()):
        """A scope of these values, with others for some variables."""
        mapping = zip(self.variables, self.of(self.variables), strict=True)
        other = zip(variables, values, strict=True)
        return keras.StatelessScope(state_mapping=[*mapping, *other])

    def take(self, scope, variables):
        """Takes over what a scope has made of variables."""
        variables = list(variables)
        self.put(variables, [scope.get_current_value(v) for v in variables])


class _OptimizerPair:
    """The optimizers as Keras's JAX trainer wants its one: a list of state."""

    built = True

    def __init__(self, generator_optimizer, discriminator_optimizer):
        self.optimizers = (generator_optimizer, discriminator_optimizer)

    def build(self, variables):
        """Both are built in `GAN.compile`."""

    @property
    def variables(self):
        return [v for optimizer in self.optimizers for v in optimizer.variables]

    @property
    def iterations(self):
        return self.optimizers[0].iterations
