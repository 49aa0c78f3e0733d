"""A version of a SavedModel that answers requests."""

import collections
import io
import weakref
from pathlib import Path

import numpy as np
import tensorflow as tf
from PIL import Image
from tensorflow.core.protobuf import saved_model_pb2

from keras_comic.export.versions import list_versions
from keras_comic.export.warmup import read_warmup_records
from keras_comic.serving.batcher import Batcher
from keras_comic.serving.batcher import common_rows
from keras_comic.serving.errors import ServingError
from keras_comic.serving.errors import as_serving_error
from keras_comic.serving.errors import invalid

GRAPH_FILE = "saved_model.pb"
TAG = "serve"
DEFAULT_MAX_QUEUE = 256
# The weight of a file whose size cannot be read: more than any picture.
UNKNOWN_BYTES = 2**40

# The `tf.DType` and the `tf.TensorShape` of a tensor.
TensorInfo = collections.namedtuple("TensorInfo", ["dtype", "shape"])
# Dicts of name to `TensorInfo`.
Signature = collections.namedtuple("Signature", ["inputs", "outputs"])


class Servable:
    """A version of a SavedModel, loaded, warm, and with its queue.

    It is loaded without Keras and without the code that made it; inputs and
    outputs are those of the signatures, whatever they are. Its warm-up
    records are run before it is ready.

    Args:
        name: String. The model's name.
        folder: String or path, which holds `saved_model.pb`, or numbered
            folders that do: then the newest of them is served.
        max_queue: Integer. Most requests that wait or run. Defaults to `256`.
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
    >>> servable = keras_comic.serving.Servable("comic", "models/comic")
    >>> images = np.zeros((1, 32, 32, 3), "uint8")
    >>> future = servable.predict("serving_default", {"images": images})
    >>> future.result()["comics"].max()
    np.uint8(255)
    """

    def __init__(self, name, folder, max_queue=DEFAULT_MAX_QUEUE):
        self.name = name
        self.folder = find_version(folder)
        number = self.folder.name
        self.version = int(number) if number.isdecimal() else 1
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
        run = _Runner(loaded, functions, self.signatures)
        self._warm_up(run)
        self.batcher = Batcher(run, decoded_bytes, max_queue, name)
        weakref.finalize(self, self.batcher.close)

    def _warm_up(self, run):
        records = read_warmup_records(self.folder)
        for number, (signature, inputs) in enumerate(records):
            try:
                signature = signature or "serving_default"
                run(signature, self._checked(signature, inputs))
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
            A `concurrent.futures.Future` of a dict of name to NumPy array,
            with the attribute `batch_size`.
        Raises:
            ServingError: `FAILED_PRECONDITION` if there is no such signature,
                `INVALID_ARGUMENT` if an input is missing, unknown or of
                another type or shape, `RESOURCE_EXHAUSTED` if the queue is
                full.
        """
        inputs = self._checked(signature_name, inputs)
        return self.batcher.submit(signature_name, inputs, deadline)

    def close(self, grace=0.0):
        """Takes no more requests.

        Args:
            grace: Float, seconds that accepted requests are given. Defaults
                to `0.0`.
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
            extra = ",".join(sorted(inputs.keys() - infos.keys()))
            missing = ",".join(sorted(infos.keys() - inputs.keys()))
            raise invalid(
                f"input size does not match signature. Sent extra: {{{extra}}}."
                f" Missing but required: {{{missing}}}."
            )
        inputs = {
            name: _checked_array(name, np.asarray(inputs[name]), info)
            for name, info in infos.items()
        }
        if infos and all(_has_open_batch(i.shape) for i in infos.values()):
            rows = common_rows(inputs)
            if rows is None:
                raise invalid(
                    "Batching Run() input tensors must have equal "
                    "0th-dimension size"
                )
            if rows == 0:
                raise invalid(
                    "The inputs must have at least one row. Received: 0 rows"
                )
        return inputs


class _Runner:
    """Runs a signature on arrays."""

    def __init__(self, loaded, functions, signatures):
        # Variables live as long as the loaded object.
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


def find_version(folder):
    """Finds the folder of a SavedModel: this one, or its newest version."""
    folder = Path(folder).absolute()
    if (folder / GRAPH_FILE).is_file():
        return folder
    for version in reversed(list_versions(folder).values()):
        if (version / GRAPH_FILE).is_file():
            return version
    raise FileNotFoundError(
        f"`folder` must hold a SavedModel ({GRAPH_FILE}), or numbered folders "
        f"that do. Received: folder={str(folder)!r}"
    )


def decoded_bytes(inputs):
    """Counts the bytes of inputs, with their image files decoded."""
    total = 0
    for array in inputs.values():
        if array.dtype == object:
            total += sum(_pixel_bytes(contents) for contents in array.flat)
        else:
            total += array.nbytes
    return total


def _pixel_bytes(contents):
    try:
        with Image.open(io.BytesIO(contents)) as image:
            return 3 * image.width * image.height
    # Pillow raises almost anything of a broken file.
    except Exception:
        return UNKNOWN_BYTES


def _read_signature_defs(folder):
    try:
        contents = (folder / GRAPH_FILE).read_bytes()
        model = saved_model_pb2.SavedModel.FromString(contents)
    except Exception as error:
        raise ServingError(
            "DATA_LOSS", f"{GRAPH_FILE} cannot be read: {error}"
        ) from error
    for graph in model.meta_graphs:
        if TAG in graph.meta_info_def.tags:
            return dict(graph.signature_def)
    raise ServingError(
        "NOT_FOUND",
        f"The SavedModel has no graph with the tag {TAG!r} in '{folder}'",
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
        has_right_type = array.dtype == object or array.dtype.kind in "SU"
        array = array.astype(object) if has_right_type else array
    else:
        has_right_type = array.dtype == info.dtype.as_numpy_dtype
    if not has_right_type:
        raise invalid(
            f"The input {name} must have the type {info.dtype.name}. "
            f"Received: {array.dtype.name}"
        )
    if not info.shape.is_compatible_with(array.shape):
        raise invalid(
            f"The input {name} must have the shape {_shape_text(info.shape)}. "
            f"Received: {_shape_text(array.shape)}"
        )
    return array


def _shape_text(shape):
    """Writes a shape as TensorFlow Serving does: `[?,?,?,3]`."""
    return f"[{','.join('?' if d is None else str(d) for d in shape)}]"
