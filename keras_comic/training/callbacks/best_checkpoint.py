"""The best weights of a run, by a metric of a validation set."""

import logging
import math
from pathlib import Path

from keras_comic.training.callbacks.step_callback import StepCallback
from keras_comic.training.callbacks.training_checkpoint import read_arrays
from keras_comic.training.callbacks.training_checkpoint import restore_variables
from keras_comic.training.callbacks.training_checkpoint import write_variables

LOGGER = logging.getLogger(__name__)


class BestCheckpoint(StepCallback):
    """Keeps the averaged generators' weights where a metric is lowest.

    The losses of adversarial training do not tell which step was best. Every
    so many steps, and after the last, `evaluate` judges the averaged
    generator; when it is better than ever before, the weights go into
    `best.npz`, with the step, the value and its protocol. `evaluations.csv`
    gets a row for every evaluation. A resumed run goes on with both files;
    values of different protocols are never compared.

        best = BestCheckpoint("runs/ink", evaluate, every=1000)
        gan.fit(..., callbacks=[best])
        best.restore_best(gan)

    Args:
        folder: Path of the folder for both files; made if needed.
        evaluate: Callable. Takes the averaged generator; gives a float or a
            `MetricResult`, the smaller the better. A value that is not finite
            is never the best.
        every: Integer > 0. Training steps between two evaluations. Defaults
            to `1000`.
    """

    def __init__(self, folder, evaluate, every=1000):
        if not callable(evaluate):
            raise TypeError(
                "`evaluate` must be callable with a generator. "
                f"Received: evaluate={evaluate!r}"
            )
        super().__init__(every, Path(folder) / "evaluations.csv")
        self.path = Path(folder) / "best.npz"
        self.evaluate = evaluate
        self.best = None

    def on_train_begin(self, logs=None):
        super().on_train_begin(logs)
        self.best = None
        if self.path.is_file():
            _, facts = read_arrays(self.path)
            if facts["step"] <= self._step:
                self.best = facts

    def on_steps(self, step, logs):
        result = self.evaluate(self.model.averaged_generator)
        facts = {
            "step": step,
            "name": getattr(result, "metric", "value"),
            "value": float(result),
            "protocol": getattr(result, "protocol", None),
        }
        is_best = self._is_best(facts)
        if is_best:
            write_variables(self.path, _averages_of(self.model), facts)
            self.best = facts
        row = {"step": step, facts["name"]: facts["value"]}
        row["best"] = "best" if is_best else ""
        self.table.add(row, ["best"])

    def restore_best(self, gan):
        """Puts the best weights into the averaged generators.

        Args:
            gan: A `GAN` of the same generators.

        Returns:
            Dict of the `step`, the `name` and `value` of the metric and its
            `protocol` (a dict or `None`).
        """
        if not self.path.is_file():
            raise FileNotFoundError(
                "No evaluation has given weights to restore yet. "
                f"Received: {str(self.path)!r}, which is not there"
            )
        return restore_variables(self.path, _averages_of(gan))

    def _is_best(self, facts):
        if not math.isfinite(facts["value"]):
            LOGGER.warning(f"Step {facts['step']}: no finite {facts['name']}.")
            return False
        if self.best is None:
            return True
        for key in ("name", "protocol"):
            if facts[key] != self.best[key]:
                raise ValueError(
                    "The best so far was measured otherwise; train into "
                    "another folder, or measure as before. "
                    f"Received: {key}={facts[key]}, the best's "
                    f"{self.best[key]}"
                )
        return facts["value"] < self.best["value"]


def _averages_of(gan):
    return {
        f"ema_{name}/{index:04d}": variable
        for name in gan.averaged_names
        for index, variable in enumerate(getattr(gan, f"ema_{name}").variables)
    }
