"""Checkpoints that a killed run goes on from, to the same numbers."""

import time
from pathlib import Path

import keras

from keras_comic.training.callbacks.weight_file import read_arrays
from keras_comic.training.callbacks.weight_file import write_arrays

FILE = "checkpoint.npz"


class TrainingCheckpoint(keras.callbacks.Callback):
    """Writes everything a `GAN` needs to go on, at the end of epochs.

    All networks, averages, counters, random numbers and optimizers (with their
    loss scales) go into one file, written beside its name and renamed:
    whenever the run is killed, a whole checkpoint is there. With a dataset
    that starts at any step (`keras_comic.data.style_transfer_dataset`'s
    `start_step`), a resumed run reaches the weights of a run that was never
    killed, bit for bit on one processor type. `seconds` adds up the time of
    all these runs, up to the last checkpoint.

    Args:
        folder: Path of the folder for `checkpoint.npz`; made if needed.
        save_every: Integer > 0. Epochs between two checkpoints; the last
            epoch of a `fit` is always saved, also when a callback ends it
            early. Defaults to `1`.
    """

    def __init__(self, folder, save_every=1):
        if save_every < 1:
            raise ValueError(
                "`save_every` must be a positive integer. "
                f"Received: save_every={save_every}"
            )
        super().__init__()
        self.folder = Path(folder)
        self.save_every = save_every
        self.seconds = 0.0
        self._done = self._saved = self._start = None

    def on_train_begin(self, logs=None):
        self._start = time.monotonic() - self.seconds

    def on_epoch_end(self, epoch, logs=None):
        self._done = epoch + 1
        last = self._done == self.params.get("epochs")
        if last or self._done % self.save_every == 0:
            self.save(self.model, self._done)

    def on_train_end(self, logs=None):
        if self._done != self._saved:
            self.save(self.model, self._done)

    def save(self, gan, epochs):
        """Writes a checkpoint.

        Args:
            gan: A compiled `GAN`.
            epochs: Integer, the epochs that are done.
        """
        gan.sync_state()
        if self._start is not None:
            self.seconds = time.monotonic() - self._start
        arrays = {
            key: keras.ops.convert_to_numpy(variable.value)
            for key, variable in gan.training_variables().items()
        }
        facts = {
            "epochs": epochs,
            "seconds": round(self.seconds, 3),
            "keras": keras.__version__,
        }
        write_arrays(self.folder / FILE, arrays, facts)
        self._done = self._saved = epochs

    def restore(self, gan):
        """Puts the checkpoint's values back, if there is one.

        Args:
            gan: A compiled `GAN` of the same networks and optimizers.

        Returns:
            Integer, the epochs that are done; 0 without a checkpoint.
        """
        path = self.folder / FILE
        if not path.is_file():
            return 0
        arrays, facts = read_arrays(path)
        variables = gan.training_variables()
        shapes = {key: tuple(v.shape) for key, v in variables.items()}
        stored = {key: array.shape for key, array in arrays.items()}
        if shapes != stored:
            differing = sorted(
                key
                for key in {*shapes, *stored}
                if shapes.get(key) != stored.get(key)
            )
            raise ValueError(
                f"The checkpoint {str(path)!r} is of other networks or "
                "optimizers; remove it, or train into another folder. "
                f"Received: {len(differing)} differing arrays, the first "
                f"{differing[0]!r}: {stored.get(differing[0])} stored, "
                f"{shapes.get(differing[0])} expected"
            )
        for key, variable in variables.items():
            variable.assign(arrays[key])
        self.seconds = facts.get("seconds", 0.0)
        return facts["epochs"]
