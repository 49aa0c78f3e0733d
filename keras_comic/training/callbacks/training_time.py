"""How long a training took, over all of its runs."""

import json
import os
import time
from pathlib import Path

import keras

FILE = "time.json"


class TrainingTime(keras.callbacks.Callback):
    """Adds up the seconds of a training that may be stopped and resumed.

    At the end of each epoch the sum is written beside its name and renamed;
    what a killed run did after its last epoch, which the resumed one does
    again, is not counted.

    Args:
        folder: Path of the folder for `time.json`; made if needed. Take that
            of the `TrainingCheckpoint`.

    Example:

    >>> keras_comic.training.TrainingTime("runs/ink").seconds
    0.0
    """

    def __init__(self, folder):
        super().__init__()
        self.folder = Path(folder)
        self._before = 0.0
        self._start = None

    @property
    def seconds(self):
        """Float. Wall-clock time of the epochs that are done, seconds."""
        path = self.folder / FILE
        if not path.is_file():
            return 0.0
        return float(json.loads(path.read_text(encoding="utf-8"))["seconds"])

    def on_train_begin(self, logs=None):
        self._before = self.seconds
        self._start = time.monotonic()

    def on_epoch_end(self, epoch, logs=None):
        seconds = self._before + time.monotonic() - self._start
        self.folder.mkdir(parents=True, exist_ok=True)
        partial = self.folder / f".partial.{FILE}"
        text = json.dumps({"seconds": round(seconds, 3)}) + "\n"
        partial.write_text(text, encoding="utf-8")
        os.replace(partial, self.folder / FILE)
