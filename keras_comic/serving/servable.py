"""A version of a SavedModel that answers requests."""

import collections
import contextvars
import weakref
from pathlib import Path

import numpy as np
import tensorflow as tf
from tensorflow.core.protobuf import saved_model_pb2

from keras_comic.export.warmup import read_warmup_records
from keras_comic.serving.batcher import DEFAULT_MAX_BYTES
from keras_comic.serving.batcher import DEFAULT_MAX_REQUESTS
from keras_comic.serving.batcher import Batcher
from keras_comic.serving.batcher import common_rows
from keras_comic.serving.decoded_bytes import decoded_bytes
from keras_comic.serving.errors import ServingError
from keras_comic.serving.errors import as_serving_error

GRAPH_FILE = "saved_model.pb"
TAG = "serve"

# What a thread has asked for last, for its line in the log.
LAST_PREDICTION = contextvars.ContextVar("last_prediction", default=None)

# Of a tensor: a `tf.DType`, and a `tf.TensorShape`.
TensorInfo = collections.namedtuple("TensorInfo", ["dtype", "shape"])
# Dicts of name to `TensorInfo`.
Signature = collections.namedtuple("Signature", ["inputs", "outputs"])


class Servable:
    """A version of a SavedModel, loaded, warm, and with its queue.

    It is loaded without Keras and without the code that made it. Its warm-up
    records are run before it is ready. It ends when nobody holds it any more:
    what it has accepted is finished then.

    Args:
        name: String. The model's name.
        version: Integer.
        folder: String or path, which holds `saved_model.pb`.
        batching: `BatchingParameters`. Defaults to `None`, for the defaults
            of `Batcher`.
        max_queue: Integer. Most requests that wait or run. Defaults to `256`.
        max_queue_bytes: Integer. Most bytes of inputs that wait or run.
            Defaults to 256 MiB.
    Raises:
        FileNotFoundError: If there is no SavedModel in the folder.
        ServingError: If it cannot be loaded, or a warm-up record fails.
    Example:

    >>> import tensorflow as tf
    >>> module = tf.Module()
    >>> module.invert = tf.function(
    ...     lambda images: {"comics": 255 - images},
    ...     [tf.TensorSpec((None, None, None, 3), tf.uint8, name="images")],
    ... )
    >>> tf.saved_model.save(
    ...     module, "models/comic/1", {"serving_default": module.invert}
    ... )
    >>> servable = keras_comic.serving.Servable("comic", 1, "models/comic/1")
    >>> images = np.zeros((1, 32, 32, 3), "uint8")
    >>> future = servable.predict("serving_default", {"images": images})
    >>> future.result()["comics"].max()
    np.uint8(255)
    """

    def __init__(
        self,
        name,
        version,
        folder,
        batching=None,
        max_queue=DEFAULT_MAX_REQUESTS,
        max_queue_bytes=DEFAULT_MAX_BYTES,
    ):
        self.name = name
        self.version = version
        self.folder = Path(folder)
        self.signature_defs = _read_signature_defs(self.folder)
        try:
            loaded = tf.saved_model.load(str(self.folder))
        except Exception as error:
            raise ServingError(
                "INTERNAL", f"The SavedModel cannot be loaded: {error}"
            ) from error
        functions = dict(loaded.signatures)
        self.signatures = {
            signature: Signature(
                _tensor_infos(definition.inputs),
                _tensor_infos(definition.outputs),
            )
            for signature, definition in self.signature_defs.items()
            if signature in functions
        }
        # The threads of the batcher hold it and the model, but not `self`.
        runner = _Runner(loaded, functions, self.signatures)
        self._warm_up(runner)
        self.batcher = Batcher(
            runner,
            batching,
            max_requests=max_queue,
            max_bytes=max_queue_bytes,
            name=f"{name}-{version}",
            weigh=decoded_bytes,
        )
        self._ending = weakref.finalize(self, self.batcher.close)

    def _warm_up(self, runner):
        for number, (signature, inputs) in enumerate(
            read_warmup_records(self.folder)
        ):
            try:
                signature = signature or "serving_default"
                runner(signature, self._checked(signature, inputs))
            except Exception as error:
                error = as_serving_error(error)
                raise ServingError(
                    error.code, f"Warm-up record {number} fails: {error}"
                ) from error

    def predict(self, signature_name, inputs, deadline=None):
        """Takes a request; it may be run together with others.

        Args:
            signature_name: String.
            inputs: Dict of name to NumPy array, or what becomes one; of
                strings, objects of type `bytes`.
            deadline: Float, a time of `time.monotonic()`, after which the
                request is not begun any more. Defaults to `None`.
        Returns:
            A `Prediction`, a `concurrent.futures.Future` of a dict of name to
            NumPy array, with the attribute `batch_size`.
        Raises:
            ServingError: `FAILED_PRECONDITION` if there is no such signature,
                `INVALID_ARGUMENT` if an input is missing, unknown or of
                another type or shape, `RESOURCE_EXHAUSTED` if the queue is
                full.
        """
        inputs = self._checked(signature_name, inputs)
        prediction = self.batcher.submit(signature_name, inputs, deadline)
        LAST_PREDICTION.set(prediction)
        return prediction

    def close(self, grace=None):
        """Takes no more requests.

        Args:
            grace: Float, seconds that accepted requests are given. Defaults
                to `None`, for as long as they take, without waiting here.
        """
        self.batcher.close(grace)

    def _checked(self, signature_name, inputs):
        if signature_name not in self.signatures:
            raise ServingError(
                "FAILED_PRECONDITION",
                f'Serving signature key "{signature_name}" not found.',
            )
        infos = self.signatures[signature_name].inputs
        if set(infos) != set(inputs):
            expected, sent = sorted(infos), sorted(inputs)
            extra = sorted(set(sent) - set(expected))
            missing = sorted(set(expected) - set(sent))
            raise ServingError(
                "INVALID_ARGUMENT",
                "input size does not match signature: "
                f"{len(sent)}!={len(expected)} len({{{','.join(sent)}}}) != "
                f"len({{{','.join(expected)}}}). Sent extra: "
                f"{{{','.join(extra)}}}. Missing but required: "
                f"{{{','.join(missing)}}}.",
            )
        inputs = {
            name: _checked_array(name, np.asarray(inputs[name]), info)
            for name, info in infos.items()
        }
        batched = [
            name for name, info in infos.items() if _has_open_batch(info.shape)
        ]
        if batched and len(batched) == len(infos):
            rows = common_rows(inputs)
            if rows is None:
                raise ServingError(
                    "INVALID_ARGUMENT",
                    "Batching Run() input tensors must have equal "
                    "0th-dimension size",
                )
            if rows == 0:
                raise ServingError(
                    "INVALID_ARGUMENT",
                    "The inputs must have at least one row. Received: 0 rows",
                )
        return inputs


class _Runner:
    """Runs a signature on arrays."""

    def __init__(self, loaded, functions, signatures):
        # Variables live as long as what was loaded.
        self._loaded = loaded
        self._functions = functions
        self._signatures = signatures

    def __call__(self, signature_name, inputs):
        infos = self._signatures[signature_name].inputs
        tensors = {
            name: tf.constant(array, infos[name].dtype)
            for name, array in inputs.items()
        }
        outputs = self._functions[signature_name](**tensors)
        return {
            name: np.asarray(tensor.numpy()) for name, tensor in outputs.items()
        }


def _read_signature_defs(folder):
    """The `SignatureDef` messages of the graph that is for serving."""
    path = folder / GRAPH_FILE
    if not path.is_file():
        raise FileNotFoundError(
            f"`folder` must hold a SavedModel's {GRAPH_FILE}. Received: "
            f"folder={str(folder)!r}"
        )
    try:
        model = saved_model_pb2.SavedModel.FromString(path.read_bytes())
    except Exception as error:
        raise ServingError(
            "DATA_LOSS", f"{GRAPH_FILE} cannot be read: {error}"
        ) from error
    for graph in model.meta_graphs:
        if TAG in graph.meta_info_def.tags:
            return dict(graph.signature_def)
    raise ServingError(
        "NOT_FOUND",
        f"The SavedModel has no graph with the tag {TAG!r} in '{path}'",
    )


def _tensor_infos(messages):
    return {
        name: TensorInfo(
            tf.as_dtype(message.dtype), tf.TensorShape(message.tensor_shape)
        )
        for name, message in sorted(messages.items())
    }


def _has_open_batch(shape):
    return shape.rank is not None and shape.rank > 0 and shape[0] is None


def _checked_array(name, array, info):
    if info.dtype == tf.string:
        right_type = array.dtype == object or array.dtype.kind in "SU"
        array = array.astype(object) if right_type else array
    else:
        right_type = array.dtype == info.dtype.as_numpy_dtype
    if not right_type:
        raise ServingError(
            "INVALID_ARGUMENT",
            f"The input {name} must have the type {info.dtype.name}. "
            f"Received: {array.dtype.name}",
        )
    if not info.shape.is_compatible_with(array.shape):
        raise ServingError(
            "INVALID_ARGUMENT",
            f"The input {name} must have the shape "
            f"{_shape_text(info.shape)}. Received: "
            f"{_shape_text(array.shape)}",
        )
    return array


def _shape_text(shape):
    """A shape as TensorFlow Serving writes it: `[?,?,?,3]`."""
    return f"[{','.join('?' if d is None else str(d) for d in shape)}]"
