"""How far a training is, and how long it will take."""

import atexit
import datetime
import time

import keras


class TrainingProgress(keras.callbacks.Callback):
    """Shows the step, the terms, the rate and the time left of a `fit`.

    On a terminal a bar of rich; elsewhere (a file, a pipe) a plain line every
    so many seconds. Use it with `fit(..., verbose=0)`: Keras's own bar shows
    one epoch, this one the whole run.

    Args:
        console: `rich.console.Console`, or `None` for the standard output.
            Defaults to `None`.
        seconds: Float >= 0. Time between two plain lines, seconds. Defaults
            to `30.0`.

    Raises:
        ValueError: If `seconds` is negative.

    Example:

    >>> progress = keras_comic.training.TrainingProgress(seconds=60.0)
    >>> progress.seconds
    60.0
    """

    def __init__(self, console=None, seconds=30.0):
        if seconds < 0:
            raise ValueError(
                f"`seconds` must be at least 0. Received: seconds={seconds}"
            )
        super().__init__()
        self.console = console
        self.seconds = seconds
        self._bar = None
        self._epoch_start = self._step = 0
        self._logs = {}
        self._first = None
        self._line_step, self._line_time = 0, 0.0

    def on_train_begin(self, logs=None):
        from rich.console import Console

        self._stop_bar()
        self._step = 0
        self._first = None
        self._line_step, self._line_time = 0, time.monotonic()
        if self.console is None:
            self.console = Console()
        if self.console.is_terminal:
            self._start_bar()

    def on_epoch_begin(self, epoch, logs=None):
        steps = self.params.get("steps")
        self._epoch_start = epoch * steps if steps else self._step

    def on_train_batch_end(self, batch, logs=None):
        steps = self.params.get("steps") or batch + 1
        self._step = self._epoch_start + min(batch + 1, steps)
        self._logs = dict(logs or {})
        now = time.monotonic()
        if self._first is None:
            # The first step compiles; the rate is that of those after it.
            self._first = (now, self._step)
        if self._bar is not None:
            self._bar.update(0, completed=self._step, text=self.describe())
        elif now - self._line_time >= self.seconds:
            self._print_line()

    def on_train_end(self, logs=None):
        if self._bar is not None:
            self._stop_bar()
        elif self._step > self._line_step:
            self._print_line()

    def describe(self):
        """What is shown, beside the bar or as a line.

        Returns:
            String, such as `"step 200/1000, 2.9 steps/s, 0:04:35 left, content
            0.714"`.
        """
        total = self._total()
        parts = [
            f"step {self._step}/{total}" if total else f"step {self._step}"
        ]
        rate = self._rate()
        if rate:
            parts.append(f"{rate:.3g} steps/s")
        if rate and total:
            left = datetime.timedelta(
                seconds=round((total - self._step) / rate)
            )
            parts.append(f"{left} left")
        parts += [f"{name} {value:.3g}" for name, value in self._logs.items()]
        return ", ".join(parts)

    def _total(self):
        steps = self.params.get("steps")
        return steps * self.params["epochs"] if steps else None

    def _rate(self):
        if self._first is None:
            return None
        start, first = self._first
        seconds = time.monotonic() - start
        return (self._step - first) / seconds if seconds > 0 else None

    def _print_line(self):
        self._line_step, self._line_time = self._step, time.monotonic()
        self.console.print(
            self.describe(), markup=False, highlight=False, soft_wrap=True
        )

    def _start_bar(self):
        from rich.progress import BarColumn
        from rich.progress import Progress
        from rich.progress import TextColumn
        from rich.table import Column

        text = TextColumn(
            "{task.fields[text]}", markup=False, table_column=Column(ratio=1)
        )
        self._bar = Progress(
            BarColumn(20), text, console=self.console, refresh_per_second=2
        )
        self._bar.add_task("", total=self._total(), text="compiling")
        self._bar.start()
        # A `fit` that is interrupted does not come to `on_train_end`; the bar
        # has hidden the terminal's cursor.
        atexit.register(self._bar.stop)

    def _stop_bar(self):
        if self._bar is not None:
            self._bar.stop()
            atexit.unregister(self._bar.stop)
            self._bar = None
