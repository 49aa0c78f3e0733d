"""The event files of a run, for TensorBoard."""

import io
import os
import time

import keras
import numpy as np
from PIL import Image

from keras_comic.training.callbacks.step_callback import StepCallback

FILE_VERSION = "brain.Event:2"


class TensorBoard(StepCallback):
    """Writes loss terms, learning rates, alarms and pictures for TensorBoard.

    Keras's callback of this name counts epochs and batches; this one's steps
    are those of `gan.step_counter`: the curves of a resumed run go on, and what
    was written after the step that it begins from is taken back. The files are
    written by TensorFlow alone; TensorBoard is only needed to look at them:
    `tensorboard --logdir FOLDER`.

    Scalars are each loss term's mean since the epoch began (`losses/...`),
    all learning rates, the number of skipped steps, and the numbers of
    `alarms` where they are new (`alarms/...`).

    Args:
        folder: Path of the folder for the event files, or a URL that
            TensorFlow can write to; made if needed.
        every: Integer > 0. Training steps between two points of a curve.
            Defaults to `100`.
        pictures: Dict of a title to a callable that takes the averaged
            generator and gives a uint8 picture `(height, width, 3)`, RGB in
            `[0, 255]`, such as `{"samples": sample_grid.draw}` of a
            `SampleGrid`; or `None`. Defaults to `None`.
        pictures_every: Integer > 0. Training steps between two pictures, a
            multiple of `every`. Defaults to `500`.
        alarms: `TrainingAlarms` or `None`; it comes before this callback in
            the list for `fit`. Defaults to `None`.

    Raises:
        ImportError: If TensorFlow is not installed.
        ValueError: If `every` is not positive, or `pictures_every` is not a
            multiple of it.

    Example:

    >>> board = keras_comic.training.TensorBoard("runs/ink/events", every=50)
    >>> board.every
    50
    """

    def __init__(
        self,
        folder,
        every=100,
        pictures=None,
        pictures_every=500,
        alarms=None,
    ):
        super().__init__(every)
        if pictures_every < 1 or pictures_every % every:
            raise ValueError(
                f"`pictures_every` must be a multiple of every={every}. "
                f"Received: pictures_every={pictures_every}"
            )
        _import_tensorflow()
        self.folder = os.fspath(folder)
        self.pictures = dict(pictures or {})
        self.pictures_every = pictures_every
        self.alarms = alarms
        self._file = None
        self._ending = False
        self._drawn = self._alarms_step = 0

    def on_train_begin(self, logs=None):
        super().on_train_begin(logs)
        tf = _import_tensorflow()
        self._close()
        tf.io.gfile.makedirs(self.folder)
        # TensorBoard reads the files of a folder in the order of their names.
        name = f"events.out.tfevents.{time.time_ns():020d}.{os.getpid()}"
        self._file = tf.io.TFRecordWriter(os.path.join(self.folder, name))
        self._drawn, self._alarms_step = self._step, self._step
        self._ending = False
        self._write(0, file_version=FILE_VERSION)
        # Whatever was written for later steps is no part of this run.
        started = tf.compat.v1.SessionLog(status=tf.compat.v1.SessionLog.START)
        self._write(self._step + 1, session_log=started)
        self._file.flush()

    def on_train_end(self, logs=None):
        # The last step has pictures, too.
        self._ending = True
        super().on_train_end(logs)
        self._close()

    def on_steps(self, step, logs):
        tf = _import_tensorflow()
        summary = tf.compat.v1.Summary()
        for name, value in self._scalars(step, logs).items():
            _add(summary, name, "scalars", np.float32(value))
        # Several steps at once may pass more than one multiple.
        before = self._drawn // self.pictures_every
        if self._ending or step // self.pictures_every > before:
            self._drawn = step
            for title, draw in self.pictures.items():
                picture = np.asarray(draw(self.model.ema_generator))
                _add(summary, title, "images", _image_parts(picture))
        self._write(step, summary=summary)
        self._file.flush()

    def _scalars(self, step, logs):
        # Where all steps since the epoch began were skipped there is no mean.
        scalars = {
            f"losses/{name}": float(value)
            for name, value in logs.items()
            if np.isfinite(value)
        }
        for phase, optimizer in self.model.optimizers.items():
            rate = keras.ops.convert_to_numpy(optimizer.learning_rate)
            scalars[f"learning_rates/{phase}"] = float(rate)
        skipped = keras.ops.convert_to_numpy(self.model.skipped_steps.value)
        scalars["steps/skipped"] = float(skipped)
        rows = [] if self.alarms is None else self.alarms.rows
        if rows and self._alarms_step < int(rows[-1]["step"]) <= step:
            self._alarms_step = int(rows[-1]["step"])
            for name, value in self.alarms.numbers().items():
                scalars[f"alarms/{name}"] = value
        return scalars

    def _write(self, step, **content):
        tf = _import_tensorflow()
        event = tf.compat.v1.Event(wall_time=time.time(), step=step, **content)
        self._file.write(event.SerializeToString())

    def _close(self):
        if self._file is not None:
            self._file.close()
            self._file = None


def _add(summary, tag, plugin, value):
    """Adds a value in the form that TensorBoard's plugin of that name reads."""
    tf = _import_tensorflow()
    metadata = tf.compat.v1.SummaryMetadata(
        plugin_data={"plugin_name": plugin},
        data_class="DATA_CLASS_SCALAR"
        if plugin == "scalars"
        else "DATA_CLASS_BLOB_SEQUENCE",
    )
    tensor = tf.make_tensor_proto(value)
    summary.value.add(tag=tag, tensor=tensor, metadata=metadata)


def _image_parts(picture):
    """Width, height and the PNG file, as the images plugin wants them."""
    if picture.ndim != 3 or picture.shape[-1] != 3 or picture.dtype != "uint8":
        raise ValueError(
            "A picture must be uint8 of shape (height, width, 3). "
            f"Received: shape={picture.shape}, dtype={picture.dtype}"
        )
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "PNG")
    height, width = picture.shape[:2]
    return [str(width).encode(), str(height).encode(), file.getvalue()]


def _import_tensorflow():
    try:
        import tensorflow
    except ImportError as error:
        raise ImportError(
            "Event files for TensorBoard are written by TensorFlow, which is "
            "not installed; `LossPlot` draws curves without it."
        ) from error
    return tensorflow
