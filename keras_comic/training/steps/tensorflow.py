"""A training step on TensorFlow, by tf.GradientTape."""

import functools

import keras
import tensorflow as tf


class BackendStep:
    """What `GAN` needs of TensorFlow."""

    # XLA compiles long and runs convolutions slowly on a CPU.
    default_jit_compile = False

    def check_backend(self):
        """Called at the start of `compile`: this backend trains."""

    def prepare_step(self):
        """Called at the end of `compile`: Keras's trainer is ready as it is."""

    def _maybe_symbolic_build(self, iterator=None, data_batch=None):
        """Keras's trainer calls a model on a batch to build it."""

    def sync_state(self):
        """Called before variables are read in a `fit`: they are up to date."""

    def average_scope(self):
        """The scope to make variables in that every replica assigns alike.

        Returns:
            Context manager.
        """

        def make_variable(make, **arguments):
            arguments["aggregation"] = tf.VariableAggregation.ONLY_FIRST_REPLICA
            return make(**arguments)

        return tf.variable_creator_scope(make_variable)

    def replica_arguments(self):
        """What layers that draw random numbers are told of replicas.

        Returns:
            Dict of keyword arguments; empty without replicas.
        """
        if not _has_replicas():
            return {}
        context = tf.distribute.get_replica_context()
        return {
            "replica": context.replica_id_in_sync_group,
            "num_replicas": _num_replicas(),
        }

    def sum_over_replicas(self, value):
        """The sum of what all replicas hold; without replicas the value.

        Args:
            value: Float tensor, of the same shape on all replicas.

        Returns:
            Float tensor of that shape.
        """
        return _all_reduce(tf.distribute.ReduceOp.SUM, value)

    def train_step(self, data):
        batch = self.batch_of(data)
        values, finite = self.run_phases(batch, self._run_phase)
        return _to_be_averaged(self.finish_step(values, finite))

    def _run_phase(self, phase, batch, finite):
        losses_of, network, optimizer, total_name = phase
        variables = network.trainable_variables
        state = self.state_of_losses()
        before = [tf.identity(variable.value) for variable in state]
        with tf.GradientTape() as tape:
            total, means = self.weighted_total(losses_of(batch))
            # The gradients of the replicas are summed.
            scaled = optimizer.scale_loss(total / _num_replicas())
        if not means:
            # The weights of this phase's terms are all 0.
            return {}, finite
        gradients = tape.gradient(scaled, variables)
        if _has_replicas() and _looks_at_gradients(optimizer):
            gradients = _gather_on_first(gradients)
        finite = tf.logical_and(finite, _is_finite(total, gradients, optimizer))
        finite = _on_all_replicas(finite)
        for variable, old in zip(state, before):
            # What the losses themselves have moved, such as the vectors of a
            # spectral normalisation.
            variable.assign(tf.where(finite, variable.value, old))
        _apply_if(finite, optimizer, gradients, variables)
        return {**means, total_name: total}, finite

    def test_step(self, data):
        # What the losses would move, such as the vectors of a spectral
        # normalisation, is dropped with the scope.
        with keras.StatelessScope():
            values = self.evaluate_phases(self.batch_of(data))
        return _to_be_averaged(self.update_trackers(values))

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
        inputs = tf.convert_to_tensor(inputs)
        with tf.GradientTape() as tape:
            tape.watch(inputs)
            outputs = function(inputs)
        return tape.gradient(outputs, inputs, unconnected_gradients="zero")


def _is_finite(total, gradients, optimizer):
    checked = [total]
    if not isinstance(optimizer, keras.optimizers.LossScaleOptimizer):
        # The other skips steps of its own until the scale fits.
        checked.append(
            tf.linalg.global_norm([g for g in gradients if g is not None])
        )
    return tf.reduce_all(tf.math.is_finite(tf.stack(checked)))


def _unscaled(optimizer):
    while isinstance(optimizer, keras.optimizers.LossScaleOptimizer):
        optimizer = optimizer.inner_optimizer
    return optimizer


def _clips(optimizer):
    return bool(
        optimizer.clipnorm or optimizer.global_clipnorm or optimizer.clipvalue
    )


def _looks_at_gradients(optimizer):
    """Whether an optimizer does more with gradients than to sum them up."""
    inner = _unscaled(optimizer)
    return optimizer is not inner or _clips(inner)


def _gather_on_first(gradients):
    """All gradients on the first replica, zeros on the others."""
    context = tf.distribute.get_replica_context()
    used = [g for g in gradients if g is not None]
    sums = context.all_reduce(tf.distribute.ReduceOp.SUM, used)
    is_first = tf.equal(context.replica_id_in_sync_group, 0)
    # Not by a factor: 0 times infinity is not a number.
    gathered = (tf.where(is_first, s, tf.zeros_like(s)) for s in sums)
    return [None if g is None else next(gathered) for g in gradients]


def _all_reduce(operation, value):
    if not _has_replicas():
        return value
    context = tf.distribute.get_replica_context()
    return context.all_reduce(operation, value)


def _on_all_replicas(finite):
    if not _has_replicas():
        return finite
    broken = tf.cast(tf.logical_not(finite), "float32")
    broken = _all_reduce(tf.distribute.ReduceOp.SUM, broken)
    return tf.equal(broken, 0.0)


def _apply_if(finite, optimizer, gradients, variables):
    def apply(gradients):
        optimizer.apply(gradients, variables)

    if not _has_replicas():
        tf.cond(finite, lambda: apply(gradients), lambda: None)
        return
    inner = _unscaled(optimizer)
    if inner.gradient_accumulation_steps:
        # An attribute of the object hides its method of this name.
        inner._backend_apply_gradients = functools.partial(_accumulate, inner)
    try:
        _on_replicas_if(finite, apply, gradients)
    finally:
        vars(inner).pop("_backend_apply_gradients", None)


def _on_replicas_if(condition, function, gradients, otherwise=None):
    """Calls a function of gradients on all replicas, or another, or none."""

    def call(strategy, condition, gradients):
        condition = strategy.experimental_local_results(condition)[0]

        def on_replicas(function):
            if function is not None:
                strategy.extended.call_for_each_replica(
                    function, args=(gradients,)
                )

        tf.cond(
            condition,
            lambda: on_replicas(function),
            lambda: on_replicas(otherwise),
        )

    tf.distribute.get_replica_context().merge_call(
        call, args=(condition, gradients)
    )


def _accumulate(optimizer, gradients, variables):
    """What Keras does to accumulate gradients, but for replicas."""
    steps = optimizer.gradient_accumulation_steps
    accumulators = [
        optimizer._accumulated_gradients[optimizer._get_variable_index(v)]
        for v in variables
    ]

    def update(gradients):
        gradients = [
            (gradient + accumulator) / steps
            for gradient, accumulator in zip(gradients, accumulators)
        ]
        if _clips(optimizer):
            gradients = _gather_on_first(gradients)
        gradients = optimizer._clip_gradients(gradients)
        optimizer._apply_weight_decay(variables)
        optimizer._backend_update_step(
            gradients, variables, optimizer.learning_rate
        )
        optimizer._backend_reset_gradient_accumulators()

    def keep(gradients):
        sums = _all_reduce(tf.distribute.ReduceOp.SUM, gradients)
        optimizer._backend_increment_gradient_accumulators(
            [total / _num_replicas() for total in sums], accumulators
        )

    due = tf.equal((optimizer._iterations.value + 1) % steps, 0)
    _on_replicas_if(due, update, gradients, keep)


def _to_be_averaged(logs):
    """Logs as Keras takes the means of all replicas' from a step."""
    strategy = tf.distribute.get_strategy()
    if not isinstance(strategy, tf.distribute.MultiWorkerMirroredStrategy):
        return logs
    if strategy.num_replicas_in_sync == len(strategy.extended.worker_devices):
        return logs
    return {name: value[None] for name, value in logs.items()}


def _num_replicas():
    return tf.distribute.get_strategy().num_replicas_in_sync


def _has_replicas():
    return _num_replicas() > 1
