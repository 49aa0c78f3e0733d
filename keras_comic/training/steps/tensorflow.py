"""A training step on TensorFlow, by tf.GradientTape."""

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

    def train_step(self, data):
        batch = self.batch_of(data)
        values, finite = {}, self.is_finite(batch)
        for phase in self.phases:
            logs, finite = self._run_phase(phase, batch, finite)
            values.update(logs)
        self.count_step(finite)
        self.update_average(finite)
        return self.update_trackers(values, finite)

    def _run_phase(self, phase, batch, finite):
        losses_of, network, optimizer, total_name = phase
        variables = network.trainable_variables
        state = [
            *self.generator.non_trainable_variables,
            *self.discriminator.non_trainable_variables,
        ]
        before = [tf.identity(variable.value) for variable in state]
        with tf.GradientTape() as tape:
            total, means = self.weighted_total(losses_of(batch))
            scaled = optimizer.scale_loss(total)
        if not means:
            # The weights of this phase's terms are all 0.
            return {}, finite
        gradients = tape.gradient(scaled, variables)
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


def _on_all_replicas(finite):
    if not _has_replicas():
        return finite
    context = tf.distribute.get_replica_context()
    broken = tf.cast(tf.logical_not(finite), "float32")
    broken = context.all_reduce(tf.distribute.ReduceOp.SUM, broken)
    return tf.equal(broken, 0.0)


def _apply_if(finite, optimizer, gradients, variables):
    def apply(gradients):
        optimizer.apply(gradients, variables)

    def apply_on_replicas(strategy, finite, gradients):
        finite = strategy.experimental_local_results(finite)[0]
        tf.cond(
            finite,
            lambda: strategy.extended.call_for_each_replica(
                apply, args=(gradients,)
            ),
            lambda: None,
        )

    if _has_replicas():
        tf.distribute.get_replica_context().merge_call(
            apply_on_replicas, args=(finite, gradients)
        )
    else:
        tf.cond(finite, lambda: apply(gradients), lambda: None)


def _has_replicas():
    return tf.distribute.get_strategy().num_replicas_in_sync > 1
