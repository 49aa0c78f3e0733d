"""Checkpoints that a killed run goes on from, to the same numbers."""

import json
import os
import time
from pathlib import Path

import keras
import numpy as np

from keras_comic.data.paths import whole_file

FACTS = "__facts__"


class TrainingCheckpoint(keras.callbacks.Callback):
    """Writes everything a `GAN` needs to go on, at the end of each epoch.

    All networks, averages, counters, random numbers and optimizers (with their
    loss scales) go into one file, written beside its name and renamed:
    whenever the run is killed, a whole checkpoint is there. With a dataset
    that starts at any step (`keras_comic.data.style_transfer_dataset`'s
    `start_step`), a resumed run reaches the weights of a run that was never
    killed, bit for bit on one processor type. `seconds` adds up the time of
    all these runs, up to the last checkpoint.

    Args:
        folder: Path of the folder for `checkpoint.npz`; made if needed.
    """

    def __init__(self, folder):
        super().__init__()
        self.path = Path(folder) / "checkpoint.npz"
        self.seconds = 0.0
        self._start = None

    def on_train_begin(self, logs=None):
        self._start = time.monotonic() - self.seconds

    def on_epoch_end(self, epoch, logs=None):
        self.save(self.model, epoch + 1)

    def save(self, gan, epochs):
        """Writes a checkpoint.

        Args:
            gan: A compiled `GAN`.
            epochs: Integer, the epochs that are done.
        """
        gan.sync_state()
        if self._start is not None:
            self.seconds = time.monotonic() - self._start
        facts = {"epochs": epochs, "seconds": round(self.seconds, 3)}
        facts["keras"] = keras.__version__
        write_variables(self.path, gan.training_variables(), facts)

    def restore(self, gan):
        """Puts the checkpoint's values back, if there is one.

        Args:
            gan: A compiled `GAN` of the same networks and optimizers.

        Returns:
            Integer, the epochs that are done; 0 without a checkpoint.
        """
        if not self.path.is_file():
            return 0
        facts = restore_variables(self.path, gan.training_variables())
        self.seconds = facts.get("seconds", 0.0)
        return facts["epochs"]


def write_variables(path, variables, facts):
    """Writes variables by their keys, and facts as JSON."""
    arrays = {
        key: keras.ops.convert_to_numpy(variable.value)
        for key, variable in variables.items()
    }
    with whole_file(path) as partial, open(partial, "wb") as file:
        np.savez(file, **{FACTS: json.dumps(facts)}, **arrays)
        file.flush()
        os.fsync(file.fileno())


def read_arrays(path):
    """Returns the arrays and the facts."""
    try:
        with open(path, "rb") as file, np.load(file) as archive:
            arrays = dict(archive)
        facts = json.loads(str(arrays.pop(FACTS)))
    except Exception as error:
        raise ValueError(
            f"The file {str(path)!r} cannot be read: {error}. "
            "Remove it to begin anew."
        ) from error
    return arrays, facts


def restore_variables(path, variables):
    """Puts the arrays into the variables; returns the facts."""
    arrays, facts = read_arrays(path)
    stored = {key: array.shape for key, array in arrays.items()}
    expected = {key: tuple(v.shape) for key, v in variables.items()}
    differing = sorted(
        key
        for key in {*stored, *expected}
        if stored.get(key) != expected.get(key)
    )
    if differing:
        first = differing[0]
        raise ValueError(
            f"The file {str(path)!r} is of other networks or optimizers; "
            "remove it, or train into another folder. Received: "
            f"{len(differing)} differing arrays, the first {first!r}: "
            f"{stored.get(first)} stored, {expected.get(first)} expected"
        )
    for key, variable in variables.items():
        variable.assign(arrays[key])
    return facts
