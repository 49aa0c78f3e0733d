"""The optimizers of a run: loss scales, and rates that a run can lower."""

import keras


@keras.saving.register_keras_serializable(package="keras_comic")
class ScaledSchedule(keras.optimizers.schedules.LearningRateSchedule):
    """A schedule times a variable of its optimizer."""

    def __init__(self, schedule, scale=None):
        super().__init__()
        self.schedule = schedule
        self.scale = scale

    def __call__(self, step):
        rate = self.schedule(step)
        return rate if self.scale is None else rate * self.scale.value

    def get_config(self):
        # The scale is a variable of the optimizer, which saves it.
        return {"schedule": keras.saving.serialize_keras_object(self.schedule)}

    @classmethod
    def from_config(cls, config):
        return cls(keras.saving.deserialize_keras_object(config["schedule"]))


class PhaseOptimizers:
    """Stands for the optimizers of all phases where Keras expects one.

    Keras's callbacks read and set the rate of the last phase's; the others keep
    their ratio to it.
    """

    built = True

    def __init__(self, optimizers):
        # Keras would set the rate of each of `optimizers` alike.
        self._members = list(optimizers)

    @property
    def variables(self):
        return [v for optimizer in self._members for v in optimizer.variables]

    @property
    def learning_rate(self):
        """The rate of the last phase, or of its schedule as it is now."""
        return unscaled(self._members[-1]).learning_rate

    @learning_rate.setter
    def learning_rate(self, rate):
        before = float(keras.ops.convert_to_numpy(self.learning_rate))
        for optimizer in self._members:
            variable = rate_variable(optimizer)
            if variable is None:
                raise ValueError(
                    "The rate of this optimizer cannot be set. "
                    f"Received: {type(optimizer).__name__}"
                )
            now = variable.value * (rate / before) if before else rate
            variable.assign(now)


def prepare_optimizer(optimizer, layers, variables):
    """Scales losses where they are float16, and builds the slots."""
    optimizer = keras.optimizers.get(optimizer)
    if unscaled(optimizer) is optimizer and any(
        layer.dtype_policy.name == "mixed_float16" for layer in layers
    ):
        optimizer = keras.optimizers.LossScaleOptimizer(optimizer)
    _scale_schedule(unscaled(optimizer))
    if not optimizer.built:
        optimizer.build(variables)
    return optimizer


def unscaled(optimizer):
    """Returns the optimizer within one that scales losses."""
    while isinstance(optimizer, keras.optimizers.LossScaleOptimizer):
        optimizer = optimizer.inner_optimizer
    return optimizer


def rate_variable(optimizer):
    """Returns the variable that an optimizer's rate is proportional to."""
    # `learning_rate` is the value of a schedule, not the schedule itself.
    rate = unscaled(optimizer)._learning_rate
    if isinstance(rate, ScaledSchedule):
        return rate.scale
    return rate if isinstance(rate, keras.Variable) else None


def _scale_schedule(optimizer):
    schedule = optimizer._learning_rate
    if isinstance(schedule, ScaledSchedule):
        if schedule.scale is not None:
            return
        schedule = schedule.schedule
    if isinstance(schedule, keras.optimizers.schedules.LearningRateSchedule):
        scale = optimizer.add_variable(
            shape=(),
            initializer="ones",
            dtype="float32",
            aggregation="only_first_replica",
            name="learning_rate_scale",
        )
        optimizer.learning_rate = ScaledSchedule(schedule, scale)
