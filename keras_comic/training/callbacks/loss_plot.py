"""The curves of the loss terms."""

import csv
import math
import os
from pathlib import Path

from keras_comic.training.callbacks.step_callback import StepCallback

TABLE_FILE = "losses.csv"
PLOT_FILE = "losses.png"
COLUMNS = 4


class LossPlot(StepCallback):
    """Writes the loss terms as curves and as a table, during training.

    `losses.csv` gets a row every so many steps (and one for the last step):
    the step, and each term's mean since the epoch began (`nan` where all its
    steps were skipped so far). `losses.png` shows them, small axes for each
    term, logarithmic where all values are above 0. Steps are those of
    `gan.step_counter`: a resumed run goes on with the table it finds, without
    the rows after the step it begins from. Both files are written beside their
    names and renamed.

    Args:
        folder: Path of the folder for both files; made if needed.
        every: Integer > 0. Training steps between two rows. Defaults to
            `100`.

    Raises:
        ValueError: If `every` is not positive.

    Example:

    >>> plot = keras_comic.training.LossPlot("runs/ink", every=50)
    >>> plot.every
    50
    """

    def __init__(self, folder, every=100):
        super().__init__(every)
        self.folder = Path(folder)
        self.rows = []

    def on_train_begin(self, logs=None):
        super().on_train_begin(logs)
        self.rows = []
        path = self.folder / TABLE_FILE
        if path.is_file():
            with open(path, newline="", encoding="utf-8") as file:
                rows = list(csv.DictReader(file))
            self.rows = [row for row in rows if int(row["step"]) <= self._step]

    def on_steps(self, step, logs):
        terms = {name: f"{value:.7g}" for name, value in logs.items()}
        self.rows.append({"step": str(step), **terms})
        self.folder.mkdir(parents=True, exist_ok=True)
        self._write_table()
        self._write_plot()

    def _terms(self):
        """Names of the terms, in the order of the `GAN`."""
        found = {name for row in self.rows for name in row} - {"step"}
        order = [tracker.name for tracker in self.model.metrics]
        return [n for n in order if n in found] + sorted(found - set(order))

    def _write_table(self):
        partial = self.folder / f".partial.{TABLE_FILE}"
        with open(partial, "w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, ["step", *self._terms()], restval="")
            writer.writeheader()
            writer.writerows(self.rows)
        os.replace(partial, self.folder / TABLE_FILE)

    def _write_plot(self):
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure

        terms = self._terms()
        lines = -(-len(terms) // COLUMNS)
        figure = Figure((4 * COLUMNS, 2.6 * lines), layout="constrained")
        FigureCanvasAgg(figure)
        axes = figure.subplots(lines, COLUMNS, squeeze=False).ravel()
        for axis, term in zip(axes, terms):
            rows = [row for row in self.rows if row.get(term)]
            steps = [int(row["step"]) for row in rows]
            values = [float(row[term]) for row in rows]
            axis.plot(steps, values, marker="." if len(rows) < 2 else "")
            axis.set_title(term, size=10)
            axis.tick_params(labelsize=8)
            axis.grid(alpha=0.3)
            finite = [value for value in values if math.isfinite(value)]
            if finite and min(finite) > 0.0:
                axis.set_yscale("log")
        for axis in axes[len(terms) :]:
            axis.remove()
        partial = self.folder / f".partial.{PLOT_FILE}"
        figure.savefig(partial, format="png", dpi=80)
        os.replace(partial, self.folder / PLOT_FILE)
