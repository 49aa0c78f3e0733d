"""The time that a training took, over all of its runs."""

import json
import time
from pathlib import Path

import keras

from keras_comic.data.paths import write_whole

FILE = "time.json"


class TrainingTime(keras.callbacks.Callback):
    """Adds up the seconds of a training that may be stopped and resumed.

    The sum is written at the end of each epoch. Whatever a killed run did
    after its last epoch, the resumed one does again, and is not counted.

    Args:
        folder: Path of the folder for `time.json`; made if needed. Take that
            of the `TrainingCheckpoint`.
    """

    def __init__(self, folder):
        super().__init__()
        self.folder = Path(folder)
        self._start = None

    @property
    def seconds(self):
        """Float. Wall-clock time of the epochs that are done, seconds."""
        path = self.folder / FILE
        if not path.is_file():
            return 0.0
        return float(json.loads(path.read_text(encoding="utf-8"))["seconds"])

    def on_train_begin(self, logs=None):
        self._start = time.monotonic() - self.seconds

    def on_epoch_end(self, epoch, logs=None):
        seconds = round(time.monotonic() - self._start, 3)
        text = json.dumps({"seconds": seconds}) + "\n"
        write_whole(self.folder / FILE, text)
