"""The curves of the loss terms."""

import math
import time
from pathlib import Path

from keras_comic.data.paths import whole_file
from keras_comic.training.callbacks.step_callback import StepCallback

COLUMNS = 4
# Time from one plot to the next: each takes about a second.
SECONDS = 60


class LossPlot(StepCallback):
    """Writes the loss terms as curves and as a table, during training.

    `losses.csv` gets a row every so many steps (and one for the last step):
    the step, and each term's mean since the epoch began (`nan` where all its
    steps were skipped so far). `losses.png` shows them, at most once a minute
    and at the end: small axes for each term, logarithmic where all values are
    above 0. A resumed run goes on with
    the table, without the rows after the step it begins from.

    Args:
        folder: Path of the folder for both files; made if needed.
        every: Integer > 0. Training steps between two rows. Defaults to
            `100`.
    """

    def __init__(self, folder, every=100):
        super().__init__(every, Path(folder) / "losses.csv")
        self.path = Path(folder) / "losses.png"

    def on_train_begin(self, logs=None):
        super().on_train_begin(logs)
        self._drawn = (-math.inf, 0)

    def on_steps(self, step, logs):
        terms = [m.name for m in self.model.metrics if m.name in logs]
        self.table.add({"step": step, **{n: float(logs[n]) for n in terms}})
        if time.monotonic() - self._drawn[0] > SECONDS:
            self._write_plot()

    def on_train_end(self, logs=None):
        super().on_train_end(logs)
        if self._drawn[1] < len(self.table.rows):
            self._write_plot()

    def _write_plot(self):
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure

        self._drawn = (time.monotonic(), len(self.table.rows))
        terms = dict.fromkeys(n for r in self.table.rows for n in [*r][1:])
        lines = -(-len(terms) // COLUMNS)
        width, height = 4 * COLUMNS, 2.6 * lines
        figure = Figure((width, height))
        # Matplotlib's own layouts take twice as long.
        ends = 0.7 / width, 0.3 / height, 1 - 0.1 / width, 1 - 0.3 / height
        figure.subplots_adjust(*ends, wspace=0.3, hspace=0.35)
        FigureCanvasAgg(figure)
        axes = figure.subplots(lines, COLUMNS, squeeze=False).ravel()
        for axis, term in zip(axes, terms):
            rows = [row for row in self.table.rows if row.get(term)]
            steps = [int(row["step"]) for row in rows]
            values = [float(row[term]) for row in rows]
            axis.plot(steps, values, marker="." if len(rows) < 2 else "")
            axis.set_title(term, size=10)
            axis.tick_params(which="both", labelsize=8)
            axis.grid(alpha=0.3)
            finite = [value for value in values if math.isfinite(value)]
            if finite and min(finite) > 0.0:
                axis.set_yscale("log")
        for axis in axes[len(terms) :]:
            axis.remove()
        with whole_file(self.path) as path:
            figure.savefig(path, dpi=80, format="png")
