"""Gradients on TensorFlow, by tf.GradientTape, on one device or several."""

import keras
import tensorflow as tf

from keras_comic.training.optimizers import unscaled
from keras_comic.training.run_state import state_of_losses
from keras_comic.training.steps.base_step import BaseStep
from keras_comic.training.steps.base_step import is_sound
from keras_comic.training.steps.base_step import reached


class BackendStep(BaseStep):
    """TensorFlow's part of a `GAN`."""

    # XLA compiles long and runs convolutions slowly on a CPU, hence no
    # `default_jit_compile`.

    def prepare_step(self):
        with self.distribute_strategy.scope():
            is_distributed = tf.distribute.has_strategy()
        for name, optimizer in self.optimizers.items():
            steps = unscaled(optimizer).gradient_accumulation_steps
            if steps and is_distributed:
                raise ValueError(
                    "Gradients cannot be accumulated under a "
                    "`tf.distribute.Strategy`; take larger batches in the "
                    f"place of it. Received: optimizers[{name!r}] with "
                    f"gradient_accumulation_steps={steps}"
                )

    def average_scope(self):
        def make_variable(make, **arguments):
            arguments["aggregation"] = tf.VariableAggregation.ONLY_FIRST_REPLICA
            return make(**arguments)

        return tf.variable_creator_scope(make_variable)

    def replica_arguments(self):
        if _num_replicas() == 1:
            return {}
        context = tf.distribute.get_replica_context()
        return {
            "replica": context.replica_id_in_sync_group,
            "num_replicas": _num_replicas(),
        }

    def sum_over_replicas(self, value):
        if not tf.distribute.has_strategy():
            return value
        context = tf.distribute.get_replica_context()
        return context.all_reduce(tf.distribute.ReduceOp.SUM, value)

    def train_step(self, data):
        return _to_be_averaged(self._run_step(self.batch_of(data)))

    def test_step(self, data):
        # What the losses would move, such as the vectors of a spectral
        # normalisation, is dropped with the scope.
        with keras.StatelessScope():
            results = self._run_test(self.batch_of(data))
        logs = self.trackers.update([(r, True, 1.0) for r in results])
        return _to_be_averaged(logs)

    def _update(self, phase, batch, due, finite):
        """Runs a phase; returns its terms, and if all numbers are finite."""
        if due is True:
            return self._take(phase, batch, finite)
        if tf.distribute.has_strategy():
            # Replicas cannot meet inside of a `tf.cond`; what they have
            # computed in vain is dropped.
            terms, is_good = self._take(
                phase, batch, tf.logical_and(finite, due)
            )
            is_good = tf.logical_or(is_good, tf.logical_not(due))
            return terms, tf.logical_and(finite, is_good)

        def take():
            terms, is_good = self._take(phase, batch, finite)
            phase.term_names = list(terms)
            return terms, is_good

        def leave():
            nan = tf.constant(float("nan"))
            return dict.fromkeys(phase.term_names, nan), finite

        if tf.executing_eagerly():
            return take() if due else leave()
        # The names are there when the second branch is traced.
        return tf.cond(due, take, leave)

    def _take(self, phase, batch, finite):
        state = state_of_losses(self)
        before = [tf.identity(variable.value) for variable in state]
        optimizer, variables = phase.optimizer, phase.trainable_variables
        with tf.GradientTape() as tape:
            total, terms = self._losses_of(phase, batch)
            # The gradients of the replicas are summed.
            scaled = optimizer.scale_loss(total / _num_replicas())
        if not terms:
            # The weights of this phase's terms are all 0.
            return {}, finite
        gradients = tape.gradient(scaled, variables)
        gradients, variables = reached(gradients, variables)
        if _num_replicas() > 1 and _looks_at_gradients(optimizer):
            gradients = _gather_on_first(gradients)
        finite = tf.logical_and(finite, is_sound(total, gradients, optimizer))
        broken = self.sum_over_replicas(1.0 - tf.cast(finite, "float32"))
        finite = tf.equal(broken, 0.0)
        for variable, old in zip(state, before):
            variable.assign(tf.where(finite, variable.value, old))
        _apply_if(finite, optimizer, gradients, variables)
        return terms, finite

    def input_gradients(self, function, inputs):
        inputs = tf.convert_to_tensor(inputs)
        with tf.GradientTape() as tape:
            tape.watch(inputs)
            outputs = function(inputs)
        return tape.gradient(outputs, inputs, unconnected_gradients="zero")


def _looks_at_gradients(optimizer):
    """Tells if an optimizer clips or scales its gradients."""
    inner = unscaled(optimizer)
    clips = inner.clipnorm or inner.global_clipnorm or inner.clipvalue
    return optimizer is not inner or bool(clips)


def _gather_on_first(gradients):
    """Sums the gradients on the first replica; the others get zeros."""
    context = tf.distribute.get_replica_context()
    sums = context.all_reduce(tf.distribute.ReduceOp.SUM, gradients)
    is_first = tf.equal(context.replica_id_in_sync_group, 0)
    # Not by a factor: 0 times infinity is not a number.
    return [tf.where(is_first, s, tf.zeros_like(s)) for s in sums]


def _apply_if(finite, optimizer, gradients, variables):
    def apply(gradients):
        optimizer.apply(gradients, variables)

    if not tf.distribute.has_strategy():
        tf.cond(finite, lambda: apply(gradients), lambda: None)
        return

    def apply_on_all(strategy, finite, gradients):
        # The condition is the same on all replicas.
        tf.cond(
            strategy.experimental_local_results(finite)[0],
            lambda: strategy.extended.call_for_each_replica(
                apply, args=(gradients,)
            ),
            lambda: None,
        )

    tf.distribute.get_replica_context().merge_call(
        apply_on_all, args=(finite, gradients)
    )


def _to_be_averaged(logs):
    """Shapes the logs as Keras averages them over replicas."""
    strategy = tf.distribute.get_strategy()
    if not isinstance(strategy, tf.distribute.MultiWorkerMirroredStrategy):
        return logs
    if strategy.num_replicas_in_sync == len(strategy.extended.worker_devices):
        return logs
    return {name: value[None] for name, value in logs.items()}


def _num_replicas():
    return tf.distribute.get_strategy().num_replicas_in_sync
