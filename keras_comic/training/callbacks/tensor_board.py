"""The event files of a run, for TensorBoard."""

import io
import os

import keras
import numpy as np
from PIL import Image

from keras_comic.training.callbacks.step_callback import StepCallback

# Points of a curve from one picture to the next.
PICTURES_EVERY = 5


class TensorBoard(StepCallback):
    """Writes loss terms, learning rates, alarms and pictures for TensorBoard.

    Keras's callback of this name counts epochs and batches; this one's steps
    are those of `gan.step_counter`, so that the curves of a resumed run go on.
    The files are written by TensorFlow alone; TensorBoard is only needed to
    look at them: `tensorboard --logdir FOLDER`.

    Scalars are each loss term's mean since the epoch began (`losses/...`), all
    learning rates, the number of skipped steps, and the numbers of `alarms`
    where they are new (`alarms/...`).

    Args:
        folder: Path of the folder for the event files, or a URL that
            TensorFlow can write to; made if needed.
        every: Integer > 0. Training steps between two points of a curve; at
            each fifth of them, and at the last step, there are pictures.
            Defaults to `100`.
        pictures: Dict of a title to a callable that takes the averaged
            generator and gives a uint8 picture `(height, width, 3)`, RGB in
            `[0, 255]`, such as `{"samples": sample_grid.draw}` of a
            `SampleGrid`; or `None`. Defaults to `None`.
        alarms: `TrainingAlarms` or `None`; it comes before this callback in
            the list for `fit`. Defaults to `None`.
    """

    def __init__(self, folder, every=100, pictures=None, alarms=None):
        super().__init__(every)
        _import_tensorflow()
        self.folder = os.fspath(folder)
        self.pictures = dict(pictures or {})
        self.alarms = alarms
        self._writer = None
        self._drawn = self._alarms_step = 0

    def on_train_begin(self, logs=None):
        super().on_train_begin(logs)
        tf = _import_tensorflow()
        self._writer = tf.summary.create_file_writer(self.folder)
        self._drawn = self._alarms_step = self._step

    def on_train_end(self, logs=None):
        super().on_train_end(logs)
        if self._step > self._drawn:
            self._draw(self._step)
        self._writer.close()

    def on_steps(self, step, logs):
        with self._writer.as_default(step):
            for name, value in self._scalars(logs).items():
                _write(name, "scalars", np.float32(value))
        # Several steps at once may pass more than one multiple.
        interval = PICTURES_EVERY * self.every
        if step // interval > self._drawn // interval:
            self._draw(step)
        self._writer.flush()

    def _draw(self, step):
        self._drawn = step
        with self._writer.as_default(step):
            for title, draw in self.pictures.items():
                image = Image.fromarray(draw(self.model.averaged_generator))
                file = io.BytesIO()
                image.save(file, "PNG")
                sides = [str(side).encode() for side in image.size]
                _write(title, "images", [*sides, file.getvalue()])

    def _scalars(self, logs):
        # A term without a step since the epoch began has no mean.
        terms = {name: v for name, v in logs.items() if np.isfinite(v)}
        scalars = {f"losses/{name}": value for name, value in terms.items()}
        for phase, optimizer in self.model.optimizers.items():
            rate = keras.ops.convert_to_numpy(optimizer.learning_rate)
            scalars[f"learning_rates/{phase}"] = rate
        scalars["steps/skipped"] = self.read("skipped_steps")
        if self.alarms is not None and self.alarms.measured > self._alarms_step:
            self._alarms_step = self.alarms.measured
            for name, value in self.alarms.numbers.items():
                scalars[f"alarms/{name}"] = value
        return scalars


def _write(tag, plugin, value):
    """Writes a value in the form that TensorBoard's plugin of a name reads."""
    # `tf.summary.scalar` and `image` are TensorBoard's.
    tf = _import_tensorflow()
    kind = "SCALAR" if plugin == "scalars" else "BLOB_SEQUENCE"
    metadata = tf.compat.v1.SummaryMetadata(
        plugin_data={"plugin_name": plugin}, data_class=f"DATA_CLASS_{kind}"
    )
    tf.summary.write(tag, value, metadata=metadata)


def _import_tensorflow():
    try:
        import tensorflow
    except ImportError as error:
        raise ImportError(
            "Event files for TensorBoard are written by TensorFlow, which is "
            "not installed; `LossPlot` draws curves without it."
        ) from error
    return tensorflow
