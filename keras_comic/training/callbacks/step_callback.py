"""The base of the callbacks that act every so many steps."""

import csv
import io
import logging

import keras

from keras_comic.data.paths import write_whole

LOGGER = logging.getLogger(__name__)


class StepCallback(keras.callbacks.Callback):
    """Calls `on_steps` every so many training steps, and at the end."""

    def __init__(self, every, table=None):
        if every < 1:
            raise ValueError(
                f"`every` must be a positive integer. Received: every={every}"
            )
        super().__init__()
        self.every = every
        self.table = None if table is None else RunTable(table)
        self._epoch_start = self._step = self._called = 0
        self._logs = {}

    def on_steps(self, step, logs):
        """Does the work of the callback, which overrides it."""

    def on_train_begin(self, logs=None):
        self._step = self._called = self.read("step_counter")
        if self.table is not None:
            self.table.resume(self._step)

    def on_epoch_begin(self, epoch, logs=None):
        self._epoch_start = self.read("step_counter")

    def on_train_batch_end(self, batch, logs=None):
        before, self._step = self._step, self._epoch_start + batch + 1
        self._logs = dict(logs or {})
        # Several steps at once may pass more than one multiple.
        if self._step // self.every > before // self.every:
            self._call()

    def on_train_end(self, logs=None):
        if self._step > self._called:
            self._call()

    def _call(self):
        self.model.sync_state()
        # The last of several steps at once may not have been there to take.
        self._step = self._called = self.read("step_counter")
        self.on_steps(self._step, self._logs)

    def read(self, counter):
        """Returns a counter of the `GAN` as a Python integer."""
        variable = getattr(self.model, counter)
        return int(keras.ops.convert_to_numpy(variable.value))


class RunTable:
    """Rows by the step in a CSV file, as dicts of strings."""

    def __init__(self, path):
        self.path = path
        self.rows = []

    def resume(self, step):
        """Reads the rows up to a step; later ones are written again."""
        self.rows = []
        if self.path.is_file():
            with open(self.path, newline="", encoding="utf-8") as file:
                rows = list(csv.DictReader(file))
            self.rows = [row for row in rows if int(row["step"]) <= step]

    def add(self, row, last=()):
        """Adds a row and writes the file; the columns in `last` come last."""
        self.rows.append(
            {
                name: f"{v:.7g}" if isinstance(v, float) else str(v)
                for name, v in row.items()
            }
        )
        names = dict.fromkeys(name for row in self.rows for name in row)
        columns = [*(n for n in names if n not in last), *last]
        text = io.StringIO(newline="")
        writer = csv.DictWriter(text, columns, restval="")
        writer.writeheader()
        writer.writerows(self.rows)
        write_whole(self.path, text.getvalue())


class SkipWarning(keras.callbacks.Callback):
    """Warns once in a `fit` when steps were skipped."""

    _before = None

    def on_train_begin(self, logs=None):
        self._before = self._count()

    def on_epoch_end(self, epoch, logs=None):
        self.model.sync_state()
        if self._before is not None and (count := self._count() - self._before):
            self._before = None
            LOGGER.warning(
                f"{count} training steps up to epoch {epoch + 1} were skipped: "
                "a loss or a gradient was not finite. Look for broken pictures "
                "in the data, or lower the learning rates; `gan.skipped_steps` "
                "goes on counting."
            )

    def _count(self):
        return int(keras.ops.convert_to_numpy(self.model.skipped_steps.value))
