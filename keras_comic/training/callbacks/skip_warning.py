"""A warning of training steps that moved nothing."""

import logging

import keras

LOGGER = logging.getLogger(__name__)


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
                "%d training steps up to epoch %d were skipped: a loss or a "
                "gradient was not finite. Look for broken pictures in the "
                "data, or lower the learning rates; `gan.skipped_steps` goes "
                "on counting.",
                count,
                epoch + 1,
            )

    def _count(self):
        return int(keras.ops.convert_to_numpy(self.model.skipped_steps.value))
