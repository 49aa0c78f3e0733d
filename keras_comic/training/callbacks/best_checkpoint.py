"""The best weights of a run, by a metric of a validation set."""

import logging
import math
from pathlib import Path

import keras

from keras_comic.training.callbacks.run_table import RunTable
from keras_comic.training.callbacks.step_callback import StepCallback
from keras_comic.training.callbacks.weight_file import read_arrays
from keras_comic.training.callbacks.weight_file import write_arrays

LOGGER = logging.getLogger(__name__)
WEIGHTS_FILE = "best.npz"
TABLE_FILE = "evaluations.csv"


class BestCheckpoint(StepCallback):
    """Keeps the averaged generators' weights where a metric is best.

    The losses of adversarial training do not tell which step was best. Every
    so many steps, and after the last, `evaluate` judges the averaged
    generator; when it is better than ever before, the weights go into
    `best.npz`, with the step, the value and its protocol. `evaluations.csv`
    gets a row for every evaluation.

    A resumed run reads the best so far back, and goes on with the table. Two
    values of different protocols are never compared.

        best = BestCheckpoint("runs/ink", evaluate, every=1000)
        gan.fit(..., callbacks=[best])
        best.restore_best(gan)

    Args:
        folder: Path of the folder for both files; made if needed.
        evaluate: Callable. Takes the averaged generator; gives a float or a
            `MetricResult`, or a dict of name to them. A value that is not
            finite is never the best.
        every: Integer > 0. Training steps between two evaluations. Defaults
            to `1000`.
        monitor: String or `None`. The entry of the dict that decides. Defaults
            to `None`, the only one.
        higher_is_better: Boolean. Defaults to `False`, as for KID, FID and
            distances.
    """

    def __init__(
        self,
        folder,
        evaluate,
        every=1000,
        monitor=None,
        higher_is_better=False,
    ):
        if not callable(evaluate):
            raise TypeError(
                "`evaluate` must be callable with a generator. "
                f"Received: evaluate={evaluate!r}"
            )
        super().__init__(every)
        self.folder = Path(folder)
        self.evaluate = evaluate
        self.monitor = monitor
        self.higher_is_better = higher_is_better
        self.best = None
        self.table = RunTable(self.folder / TABLE_FILE)

    def on_train_begin(self, logs=None):
        super().on_train_begin(logs)
        self.table.resume(self._step)
        self.best = None
        if (self.folder / WEIGHTS_FILE).is_file():
            _, facts = read_arrays(self.folder / WEIGHTS_FILE)
            if facts["step"] <= self._step:
                self.best = facts

    def on_steps(self, step, logs):
        results = self.evaluate(self.model.averaged_generator)
        if not isinstance(results, dict):
            name = self.monitor or getattr(results, "metric", "value")
            results = {name: results}
        names = list(results) if self.monitor is None else [self.monitor]
        if len(names) != 1 or names[0] not in results:
            raise ValueError(
                "`monitor` must name the one entry of `evaluate`'s dict that "
                f"decides: {list(results)}. Received: monitor={self.monitor!r}"
            )
        result = results[names[0]]
        facts = {
            "step": step,
            "name": names[0],
            "value": float(result),
            "protocol": getattr(result, "protocol", None),
        }
        is_best = self._is_best(facts)
        if is_best:
            arrays = {
                key: keras.ops.convert_to_numpy(variable.value)
                for key, variable in _averages_of(self.model).items()
            }
            write_arrays(self.folder / WEIGHTS_FILE, arrays, facts)
            self.best = facts
        values = {name: float(value) for name, value in results.items()}
        best = "best" if is_best else ""
        self.table.add({"step": step, **values, "best": best}, ["best"])

    def restore_best(self, gan):
        """Puts the best weights into the averaged generators.

        Args:
            gan: A `GAN` of the same generators.

        Returns:
            Dict of the `step`, the `name` and `value` of the metric and its
            `protocol` (a dict or `None`).
        """
        path = self.folder / WEIGHTS_FILE
        if not path.is_file():
            raise FileNotFoundError(
                "No evaluation has given weights to restore yet. "
                f"Received: folder={str(self.folder)!r}, without {path.name}"
            )
        arrays, facts = read_arrays(path)
        variables = _averages_of(gan)
        shapes = {key: tuple(v.shape) for key, v in variables.items()}
        if shapes != {key: array.shape for key, array in arrays.items()}:
            raise ValueError(
                f"The weights {str(path)!r} are of another generator. "
                f"Received: {len(arrays)} arrays, {len(shapes)} expected, or "
                "other shapes"
            )
        for key, variable in variables.items():
            variable.assign(arrays[key])
        return facts

    def _is_best(self, facts):
        if not math.isfinite(facts["value"]):
            LOGGER.warning(
                "Step %d: %s is not finite.", facts["step"], facts["name"]
            )
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
        if self.higher_is_better:
            return facts["value"] > self.best["value"]
        return facts["value"] < self.best["value"]


def _averages_of(gan):
    return {
        f"ema_{name}/{index:04d}": variable
        for name in gan.averaged_names
        for index, variable in enumerate(getattr(gan, f"ema_{name}").variables)
    }
