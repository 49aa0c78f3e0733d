"""Learning rates that change during training."""

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="keras_comic")
class LinearDecay(keras.optimizers.schedules.LearningRateSchedule):
    """A constant rate, then a straight line down to 0.

    The schedule of CycleGAN, where both parts are 100 epochs long.

    Args:
        learning_rate: Float > 0. The rate at first.
        constant_steps: Integer >= 0. Steps with this rate.
        decay_steps: Integer > 0. Steps from there down to 0, where it stays.

    Example:

    >>> rate = keras_comic.training.LinearDecay(0.2, 100, 100)
    >>> [round(float(rate(step)), 2) for step in (0, 100, 150, 200, 300)]
    [0.2, 0.2, 0.1, 0.0, 0.0]

    Reference:
        - [Zhu et al., 2017](https://arxiv.org/abs/1703.10593), section 7.1;
          by steps instead of epochs.
    """

    def __init__(self, learning_rate, constant_steps, decay_steps):
        if not decay_steps > 0:
            raise ValueError(
                "`decay_steps` must be above 0. "
                f"Received: decay_steps={decay_steps}"
            )
        super().__init__()
        self.learning_rate = learning_rate
        self.constant_steps = constant_steps
        self.decay_steps = decay_steps

    def __call__(self, step):
        step = ops.cast(step, "float32")
        done = (step - self.constant_steps) / self.decay_steps
        return self.learning_rate * (1.0 - ops.clip(done, 0.0, 1.0))

    def get_config(self):
        return {
            "learning_rate": self.learning_rate,
            "constant_steps": self.constant_steps,
            "decay_steps": self.decay_steps,
        }
