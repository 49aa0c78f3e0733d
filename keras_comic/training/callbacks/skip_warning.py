"""A warning of training steps that moved nothing."""

import logging

import keras

LOGGER = logging.getLogger(__name__)


class SkipWarning(keras.callbacks.Callback):
    """Warns once when steps were skipped."""

    def __init__(self):
        super().__init__()
        self._before = None

    def on_train_begin(self, logs=None):
        self._before = self._count(self.model.skipped_steps)

    def on_epoch_end(self, epoch, logs=None):
        if self._before is None:
            return
        self.model.sync_state()
        count = self._count(self.model.skipped_steps) - self._before
        if count:
            self._before = None
            LOGGER.warning(
                "%d training steps up to epoch %d were skipped: a loss or a "
                "gradient was not finite. Look for broken pictures in the "
                "data, or lower the learning rates; `gan.skipped_steps` goes "
                "on counting.",
                count,
                epoch + 1,
            )

    def _count(self, variable):
        return int(keras.ops.convert_to_numpy(variable.value))
