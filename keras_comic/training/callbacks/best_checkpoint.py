"""The best weights of a run, by a metric of a validation set."""

import csv
import json
import logging
import math
import os
from pathlib import Path

import keras
import numpy as np

from keras_comic.training.callbacks.step_callback import StepCallback

LOGGER = logging.getLogger(__name__)
WEIGHTS_FILE = "best.npz"
TABLE_FILE = "evaluations.csv"
FACTS = "__facts__"


class BestCheckpoint(StepCallback):
    """Keeps the averaged generator's weights where a metric is best.

    The losses of adversarial training do not tell which step was best. Every
    so many steps, and after the last, `evaluate` judges the averaged
    generator; when it is better than ever before, its weights go into
    `best.npz`, with the step, the value and its protocol, written beside its
    name and renamed. `evaluations.csv` gets a row for every evaluation.

    A resumed run reads the best so far back, and goes on with the table. What
    lies after the step that it begins from is left out: it will be reached
    again, or is another run's. Two values of different protocols are never
    compared.

    For KID on a validation set:

        kid = keras_comic.metrics.KernelDistance(feature_network, subset_size=n)
        evaluate = metric_evaluation(kid, validation_photos, validation_comics)
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
        monitor: String or `None`. Which entry of the dict decides. Defaults to
            `None`, the only one.
        higher_is_better: Boolean. Defaults to `False`, as for KID, FID and
            distances.

    Raises:
        TypeError: If `evaluate` is not callable.
        ValueError: If `every` is not positive.

    Example:

    >>> best = keras_comic.training.BestCheckpoint(
    ...     "runs/ink", lambda generator: 0.5, every=1000
    ... )
    >>> best.best is None
    True
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
        self.rows = []

    def on_train_begin(self, logs=None):
        super().on_train_begin(logs)
        self.best, self.rows = None, []
        path = self.folder / TABLE_FILE
        if path.is_file():
            with open(path, newline="", encoding="utf-8") as file:
                rows = list(csv.DictReader(file))
            self.rows = [row for row in rows if int(row["step"]) <= self._step]
        if (self.folder / WEIGHTS_FILE).is_file():
            facts, _ = self._read()
            if facts["step"] <= self._step:
                self.best = facts

    def on_steps(self, step, logs):
        results = self.evaluate(self.model.ema_generator)
        if not isinstance(results, dict):
            name = self.monitor or getattr(results, "metric", "value")
            results = {name: results}
        name, result = self._monitored(results)
        facts = {
            "step": step,
            "name": name,
            "value": float(result),
            "protocol": getattr(result, "protocol", None),
        }
        is_best = self._is_best(facts)
        if is_best:
            self._write_weights(facts)
            self.best = facts
        values = {key: f"{float(v):.7g}" for key, v in results.items()}
        row = {"step": str(step), **values, "best": "best" if is_best else ""}
        self.rows.append(row)
        self._write_table()

    def restore_best(self, gan):
        """Puts the best weights into the averaged generator.

        Args:
            gan: A `GAN` of the same generator.

        Returns:
            Dict of the `step`, the `name` and `value` of the metric and its
            `protocol` (a dict or `None`).

        Raises:
            FileNotFoundError: If no evaluation was finite yet.
            ValueError: If the weights are of another generator, or the file is
                damaged.
        """
        facts, arrays = self._read()
        variables = gan.ema_generator.variables
        shapes = [tuple(variable.shape) for variable in variables]
        stored = [array.shape for array in arrays]
        if shapes != stored:
            raise ValueError(
                f"The weights {str(self.folder / WEIGHTS_FILE)!r} are of "
                f"another generator. Received: {len(stored)} arrays, "
                f"{len(shapes)} expected, or other shapes"
            )
        for variable, array in zip(variables, arrays, strict=True):
            variable.assign(array)
        return facts

    def _monitored(self, results):
        """Name and value of the entry that decides."""
        names = list(results) if self.monitor is None else [self.monitor]
        if len(names) != 1 or names[0] not in results:
            raise ValueError(
                "`monitor` must name the one of what `evaluate` gives that "
                f"decides: {list(results)}. Received: monitor={self.monitor!r}"
            )
        return names[0], results[names[0]]

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

    def _read(self):
        path = self.folder / WEIGHTS_FILE
        if not path.is_file():
            raise FileNotFoundError(
                "No evaluation has given weights to restore yet. "
                f"Received: folder={str(self.folder)!r}, without {path.name}"
            )
        try:
            with np.load(path) as archive:
                arrays = dict(archive)
            facts = json.loads(str(arrays.pop(FACTS)))
        except Exception as error:
            raise ValueError(
                f"The weights {str(path)!r} cannot be read: {error}. "
                "Remove the file to begin anew."
            ) from error
        return facts, [arrays[key] for key in sorted(arrays)]

    def _write_weights(self, facts):
        self.folder.mkdir(parents=True, exist_ok=True)
        arrays = {
            f"ema_generator/{index:04d}": keras.ops.convert_to_numpy(v.value)
            for index, v in enumerate(self.model.ema_generator.variables)
        }
        partial = self.folder / f".partial.{WEIGHTS_FILE}"
        with open(partial, "wb") as file:
            np.savez(file, **{FACTS: json.dumps(facts)}, **arrays)
            file.flush()
            os.fsync(file.fileno())
        os.replace(partial, self.folder / WEIGHTS_FILE)

    def _write_table(self):
        self.folder.mkdir(parents=True, exist_ok=True)
        names = dict.fromkeys(name for row in self.rows for name in row)
        columns = [name for name in names if name not in ("step", "best")]
        partial = self.folder / f".partial.{TABLE_FILE}"
        with open(partial, "w", newline="", encoding="utf-8") as file:
            columns = ["step", *columns, "best"]
            writer = csv.DictWriter(file, columns, restval="")
            writer.writeheader()
            writer.writerows(self.rows)
        os.replace(partial, self.folder / TABLE_FILE)


def metric_evaluation(metric, inputs, comics, batch_size=8):
    """What `BestCheckpoint` evaluates with, from a metric of sets of images.

    The metric sees the real comics once, and those that a generator makes at
    each evaluation.

    Args:
        metric: Metric of sets of features, such as
            `keras_comic.metrics.KernelDistance` with a feature network.
        inputs: What the generator takes: a float32 array `(count, ...)`, or a
            dict of them, of the validation set.
        comics: Float32 `(count, height, width, 3)`, RGB in `[-1, 1]`, the real
            comics of the validation set.
        batch_size: Integer > 0. Defaults to `8`.

    Returns:
        Callable. Takes a generator; gives a `MetricResult`, or a dict of them
        if the metric has several numbers. Where one is not finite it gives a
        dict of plain floats.

    Raises:
        ValueError: If `batch_size` is not positive.

    Example:

    >>> def colors(images):
    ...     return keras.ops.mean(images, axis=(1, 2))
    >>> photos = np.random.uniform(-1, 1, (4, 32, 32, 3)).astype("float32")
    >>> evaluate = keras_comic.training.metric_evaluation(
    ...     keras_comic.metrics.KernelDistance(colors), photos, photos
    ... )
    >>> evaluate(lambda images, training: images).value < 0
    True
    """
    if batch_size < 1:
        raise ValueError(
            "`batch_size` must be a positive integer. "
            f"Received: batch_size={batch_size}"
        )
    metric.reset_state()
    for start in range(0, len(comics), batch_size):
        metric.update_state(comics=comics[start : start + batch_size])

    def evaluate(generator):
        metric.reset_state(["fake_comics"])
        for start in range(0, len(keras.tree.flatten(inputs)[0]), batch_size):
            batch = keras.tree.map_structure(
                lambda array: array[start : start + batch_size],  # noqa: B023
                inputs,
            )
            fakes = generator(batch, training=False)
            metric.update_state(fake_comics=keras.ops.convert_to_numpy(fakes))
        numbers = metric.result()
        if not isinstance(numbers, dict):
            numbers = {type(metric).__name__: numbers}
        if all(math.isfinite(number) for number in numbers.values()):
            return metric.report()
        return {name: float(number) for name, number in numbers.items()}

    return evaluate
