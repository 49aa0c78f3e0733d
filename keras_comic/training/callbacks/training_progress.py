"""The progress of a training, and the time that it will still take."""

import datetime
import time

import keras


class TrainingProgress(keras.callbacks.Callback):
    """Prints the step, the rate, the time left and the terms of a `fit`.

    On a terminal the line is written anew every second; elsewhere (a file, a
    pipe) there is a line every so many seconds. Use it with `fit(...,
    verbose=0)`: Keras's own bar shows one epoch, this one the whole run.

    Args:
        console: `rich.console.Console`, or `None` for the standard output.
            Defaults to `None`.
        seconds: Float >= 0. Time between two plain lines, seconds. Defaults
            to `30.0`.
    """

    def __init__(self, console=None, seconds=30.0):
        super().__init__()
        self.console = console
        self.seconds = seconds
        self._logs = {}
        self._first = self._shown = (0.0, 0)
        self._epoch_start = self._step = 0

    def on_train_begin(self, logs=None):
        from rich.console import Console

        self.console = self.console or Console()
        self._step = 0
        self._first, self._shown = None, (time.monotonic(), 0)

    def on_epoch_begin(self, epoch, logs=None):
        steps = self.params.get("steps")
        self._epoch_start = epoch * steps if steps else self._step

    def on_train_batch_end(self, batch, logs=None):
        self._step, self._logs = self._epoch_start + batch + 1, dict(logs or {})
        now = time.monotonic()
        # The first step compiles; the rate is that of those after it.
        self._first = self._first or (now, self._step)
        terminal = self.console.is_terminal
        if now - self._shown[0] >= (1.0 if terminal else self.seconds):
            self._show("\r" if terminal else "\n")

    def on_train_end(self, logs=None):
        if self._step > self._shown[1] or self.console.is_terminal:
            self._show("\n")

    def describe(self):
        """Returns the line, such as `"step 20/90, 2.9 steps/s, 0:04 left"`."""
        steps = self.params.get("steps")
        total = steps * self.params["epochs"] if steps else None
        parts = [f"step {self._step}" + (f"/{total}" if total else "")]
        start, first = self._first or (0.0, self._step)
        if self._step > first:
            rate = (self._step - first) / max(time.monotonic() - start, 1e-9)
            parts.append(f"{rate:.3g} steps/s")
            if total:
                left = round(max(total - self._step, 0) / rate)
                parts.append(f"{datetime.timedelta(seconds=left)} left")
        parts += [
            f"{name} {value:.3g}"
            for name, value in self._logs.items()
            # A term that is all of its phase's loss is shown once.
            if self._logs.get(f"{name}_loss") != value
        ]
        return ", ".join(parts)

    def _show(self, end):
        self._shown = (time.monotonic(), self._step)
        line = self.describe()
        if self.console.is_terminal:
            line = line[: self.console.width - 1].ljust(self.console.width - 1)
        self.console.print(
            line, end=end, markup=False, highlight=False, soft_wrap=True
        )
