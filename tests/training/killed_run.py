"""A run that kills itself, for `test_training_checkpoint.py`.

    python -m tests.training.killed_run FOLDER STEPS KILL_AT DELAY

trains in the folder, going on from the checkpoint in it, and sends itself
SIGKILL at the first step from KILL_AT on (0 for never), DELAY milliseconds
later: while the next steps run, or a checkpoint is being written.
"""

import itertools
import os
import signal
import sys
import threading
import time

import keras

from keras_comic.training import LossPlot
from keras_comic.training import TrainingCheckpoint
from keras_comic.training.callbacks.best_checkpoint import BestCheckpoint
from tests.training.small_gan import make_small_gan
from tests.training.small_gan import small_batch

STEPS_PER_EPOCH = 3


class KillAt(keras.callbacks.Callback):
    """SIGKILL, some time after a step."""

    def __init__(self, step, delay):
        super().__init__()
        self.step = step
        self.delay = delay
        self.is_due = False

    def on_train_batch_end(self, batch, logs=None):
        step = int(keras.ops.convert_to_numpy(self.model.step_counter.value))
        if self.step and step >= self.step and not self.is_due:
            self.is_due = True
            arguments = (os.getpid(), signal.SIGKILL)
            threading.Timer(self.delay, os.kill, arguments).start()

    def on_train_end(self, logs=None):
        if self.is_due:
            # It comes after the end then.
            time.sleep(60)


def batches(start):
    """A batch for each step, from one on."""
    for step in itertools.count(start):
        yield (small_batch(seed=step),)


def main(folder, steps, kill_at, delay):
    keras.utils.set_random_seed(1)
    gan = make_small_gan()
    schedule = keras.optimizers.schedules.CosineDecay(0.01, steps)
    gan.compile({"generator": keras.optimizers.Adam(schedule)})
    judged = small_batch(seed=steps)

    def evaluate(generator):
        fakes = generator(judged["photos"], training=False)
        difference = keras.ops.convert_to_numpy(fakes) - judged["comics"]
        return float((difference**2).mean())

    checkpoint = TrainingCheckpoint(folder)
    done = checkpoint.restore(gan)
    gan.fit(
        batches(done * STEPS_PER_EPOCH),
        steps_per_epoch=STEPS_PER_EPOCH,
        epochs=steps // STEPS_PER_EPOCH,
        initial_epoch=done,
        callbacks=[
            KillAt(kill_at, delay / 1000),
            LossPlot(folder, every=2),
            BestCheckpoint(folder, evaluate, every=2),
            checkpoint,
        ],
        verbose=0,
    )


if __name__ == "__main__":
    main(sys.argv[1], *map(int, sys.argv[2:]))
