"""The base of the callbacks that act every so many steps."""

import keras

from keras_comic.training.callbacks.run_table import RunTable


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
