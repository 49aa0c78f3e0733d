"""Going back to a good state when training breaks."""

import logging

import keras
import numpy as np

from keras_comic.training.callbacks.step_callback import StepCallback
from keras_comic.training.optimizers import rate_variable

LOGGER = logging.getLogger(__name__)
# A state is good while no loss is so many times its usual size.
BLOWN_UP = 10.0
# States kept; after more roll-backs than one, older ones are gone back to.
NUM_STATES = 3
# These are not put back.
COUNTERS = ("step_counter", "skipped_steps")


class RollBack(StepCallback):
    """Goes back to the last good state when steps keep failing.

    `GAN` skips a step whose loss or gradients are not finite. When `patience`
    of them follow each other, the weights, the averages and the optimizers are
    put back to the last state that was kept while all was well, and all
    learning rates are multiplied by `factor`. A second failure before a new
    state was kept goes back to the one before, in the end to the first. The
    step counter goes on, so that the data do not repeat. Each roll-back is a
    warning in the log of `keras_comic`, and is counted in `num_rollbacks`.

    A state is kept every `keep_every` steps, if no step was skipped since
    and no loss term is more than ten times the median of those seen. The
    states, at most 3, are in the main memory.

    Args:
        patience: Integer > 0. Skipped steps in a row. Defaults to `5`.
        keep_every: Integer > 0. Steps between two states. Defaults to `200`.
        factor: Float in `(0, 1)`. Defaults to `0.5`.
        max_rollbacks: Integer > 0. After so many, the next failure stops the
            training with an error. Defaults to `10`.
    """

    def __init__(
        self, patience=5, keep_every=200, factor=0.5, max_rollbacks=10
    ):
        if min(patience, keep_every, max_rollbacks) < 1 or not 0 < factor < 1:
            raise ValueError(
                "Counts must be positive integers, and `factor` in (0, 1). "
                f"Received: patience={patience}, keep_every={keep_every}, "
                f"factor={factor}, max_rollbacks={max_rollbacks}"
            )
        # Values on an accelerator are fetched only when they may be needed.
        super().__init__(every=patience)
        self.patience = patience
        self.keep_every = keep_every
        self.factor = factor
        self.max_rollbacks = max_rollbacks
        self.num_rollbacks = 0
        self._states = []
        self._losses = []
        self._rates = []
        self._next_keep = self._skipped = 0

    def on_train_begin(self, logs=None):
        super().on_train_begin(logs)
        self._states, self._losses = [], []
        rates = map(rate_variable, self.model.optimizers.values())
        self._rates = [rate for rate in rates if rate is not None]
        self._skipped = self.read("skipped_steps")
        self._keep(self._step)

    def on_train_end(self, logs=None):
        super().on_train_end(logs)
        self._states = []

    def on_steps(self, step, logs):
        if self.read("skipped_in_a_row") >= self.patience:
            self._roll_back(step)
        elif step >= self._next_keep:
            skipped = self.read("skipped_steps")
            if skipped == self._skipped and self._is_usual(logs):
                self._keep(step)
            self._skipped = skipped

    def _is_usual(self, logs):
        sizes = {name: abs(float(value)) for name, value in logs.items()}
        # A lazy phase has no value before it was due.
        sizes = {n: size for n, size in sizes.items() if np.isfinite(size)}
        self._losses = [*self._losses[-99:], sizes]

        def usual(name):
            median = np.median([seen.get(name, 0.0) for seen in self._losses])
            return max(median, 1e-3)

        return bool(sizes) and all(
            size <= BLOWN_UP * usual(name) for name, size in sizes.items()
        )

    def _keep(self, step):
        state = {
            key: np.array(keras.ops.convert_to_numpy(variable.value))
            for key, variable in self.model.training_variables().items()
            if not key.startswith(COUNTERS)
            and not any(variable is rate for rate in self._rates)
        }
        # The first state stays: it is the last resort.
        newer = [*self._states[1:], (step, state)][1 - NUM_STATES :]
        self._states = [*self._states[:1], *newer]
        self._next_keep = step + self.keep_every

    def _roll_back(self, step):
        if self.num_rollbacks == self.max_rollbacks:
            raise RuntimeError(
                f"Training broke off {self.num_rollbacks + 1} times, although "
                "it went back to a good state with lower learning rates each "
                "time; look at the data and the weights of the losses. "
                f"Received: step {step}"
            )
        self.num_rollbacks += 1
        good_step, state = self._states[-1]
        if len(self._states) > 1:
            self._states.pop()
        variables = self.model.training_variables()
        for key, value in state.items():
            variables[key].assign(value)
        self.model.skipped_in_a_row.assign(0)
        for rate in self._rates:
            rate.assign(rate * self.factor)
        self._next_keep = step + self.keep_every
        LOGGER.warning(
            f"Step {step}: {self.patience} steps in a row were not finite. "
            f"Back to the state of step {good_step}, with learning rates "
            f"times {self.factor:g}."
        )
