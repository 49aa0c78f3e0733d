"""Warm-up records: requests that TensorFlow Serving runs before it is ready."""

from pathlib import Path

import numpy as np
import tensorflow as tf

from keras_comic.data.paths import whole_file
from keras_comic.models.pictures import SMALLEST_SIDE

# Where TensorFlow Serving looks for them in a version folder, and how many it
# takes.
WARMUP_FILE = Path("assets.extra") / "tf_serving_warmup_requests"
MAX_RECORDS = 1000


def write_warmup_records(folder, requests):
    """Writes requests that a server runs before it takes others.

    TensorFlow Serving, and the local server, run the records of a version
    before they call it available, since the first request of a shape costs
    more than the next.

    Args:
        folder: String or path. The version's folder, which holds
            `saved_model.pb`; records go into
            `assets.extra/tf_serving_warmup_requests`.
        requests: Sequence of at most 1,000 pairs of a signature's name and a
            dict of its inputs' names to arrays; encoded pictures are arrays
            of `bytes`.

    Returns:
        Path of the file.

    Raises:
        ImportError: If tensorflow-serving-api is not installed.
        ValueError: If there is no request, or there are more than 1,000.

    Example:

    >>> images = np.zeros((1, 64, 64, 3), "uint8")
    >>> path = keras_comic.export.write_warmup_records(
    ...     ".", [("serving_default", {"images": images})])
    >>> path.name
    'tf_serving_warmup_requests'

    Reference:
        - [Warmup](https://www.tensorflow.org/tfx/serving/saved_model_warmup)
    """
    if not 0 < len(requests) <= MAX_RECORDS:
        raise ValueError(
            f"`requests` must be 1 to {MAX_RECORDS}, which is what TensorFlow "
            f"Serving takes. Received: {len(requests)} requests"
        )
    logs = _prediction_logs()
    path = Path(folder) / WARMUP_FILE
    with whole_file(path) as partial:
        with tf.io.TFRecordWriter(str(partial)) as writer:
            for signature_name, inputs in requests:
                log = logs.PredictionLog()
                request = log.predict_log.request
                request.model_spec.signature_name = signature_name
                for name, value in inputs.items():
                    request.inputs[name].CopyFrom(tf.make_tensor_proto(value))
                writer.write(log.SerializeToString())
    return path


def read_warmup_records(folder):
    """Reads the warm-up records of a version.

    Args:
        folder: String or path. The version's folder.

    Returns:
        List of pairs of a signature's name and a dict of its inputs' names to
        NumPy arrays, empty when there is no file. Encoded pictures are object
        arrays of `bytes`.

    Raises:
        ImportError: If tensorflow-serving-api is not installed.
        ValueError: If the file is damaged, or a record is no request to
            predict.

    Example:

    >>> keras_comic.export.read_warmup_records(".")
    []
    """
    path = Path(folder) / WARMUP_FILE
    if not path.is_file():
        return []
    from google.protobuf.message import DecodeError

    logs = _prediction_logs()
    requests = []
    try:
        for record in tf.data.TFRecordDataset(str(path)).as_numpy_iterator():
            log = logs.PredictionLog.FromString(record)
            if log.WhichOneof("log_type") != "predict_log":
                raise ValueError(
                    "Warm-up records must be requests to predict. Received: "
                    f"a {log.WhichOneof('log_type')} in '{path}'"
                )
            request = log.predict_log.request
            inputs = {
                name: tf.make_ndarray(tensor)
                for name, tensor in request.inputs.items()
            }
            requests.append((request.model_spec.signature_name, inputs))
    except (tf.errors.DataLossError, DecodeError) as error:
        raise ValueError(
            "Warm-up records must be a TFRecord of "
            f"tensorflow.serving.PredictionLog. Received: '{path}' ({error})"
        ) from error
    return requests


def make_warmup_requests(signatures, sizes=((256, 256),)):
    """Makes a request of each size to each signature of an exported model.

    Pictures are noise whose spectrum is that of photographs, the same in every
    run; files are JPEG.

    Args:
        signatures: Dict of a signature's name to a `tf.function` with an
            input signature, or to a dict of an input's name to its
            `tf.TensorSpec`.
        sizes: Sequence of `(height, width)` in pixels, of at least 32: the
            sizes that clients send most.

    Returns:
        List of pairs of a signature's name and a dict of its inputs' names to
        arrays, for `write_warmup_records`.

    Raises:
        ValueError: If a size is wrong.

    Example:

    >>> import tensorflow as tf
    >>> images = tf.TensorSpec((None, None, None, 3), tf.uint8)
    >>> ((name, inputs),) = keras_comic.export.make_warmup_requests(
    ...     {"serving_default": {"images": images}}, [(64, 96)])
    >>> name, inputs["images"].shape
    ('serving_default', (1, 64, 96, 3))
    """
    for size in sizes:
        if np.shape(size) != (2,) or min(size) < SMALLEST_SIDE:
            raise ValueError(
                "`sizes` must be pairs of height and width of at least "
                f"{SMALLEST_SIDE} pixels. Received: sizes={sizes}"
            )
    requests = []
    for size in sizes:
        images = _picture(*size)[None]
        for name, inputs in signatures.items():
            specs = inputs
            if not isinstance(specs, dict):
                specs = {spec.name: spec for spec in inputs.input_signature}
            values = {k: _value(s, images) for k, s in specs.items()}
            requests.append((name, values))
    return requests


def _value(spec, images):
    """Returns what is sent as an input: pictures, files or numbers."""
    if spec.dtype == tf.string:
        files = [tf.io.encode_jpeg(image).numpy() for image in images]
        return np.array(files, object)
    if spec.dtype == tf.uint8:
        return images
    shape = (len(images), *spec.shape[1:])
    if spec.dtype == tf.bool:
        return np.zeros(shape, bool)
    value = 1 if spec.dtype.is_floating else 0
    return np.full(shape, value, spec.dtype.as_numpy_dtype)


def _picture(height, width):
    """Returns noise whose amplitude falls with the frequency; uint8 RGB."""
    noise = np.random.default_rng(0).standard_normal((height, width, 4))
    # Mostly grey, as photographs are.
    noise = 4 * noise[..., :1] + noise[..., 1:]
    frequency = np.hypot(
        np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width)
    )
    frequency[0, 0] = np.inf
    spectrum = np.fft.rfft2(noise, axes=(0, 1)) / frequency[..., None] ** 1.2
    image = np.fft.irfft2(spectrum, (height, width), axes=(0, 1))
    return (128 + 50 * image / image.std()).clip(0, 255).astype("uint8")


def _prediction_logs():
    try:
        from tensorflow_serving.apis import prediction_log_pb2
    except ImportError as error:
        raise ImportError(
            "Warm-up records need tensorflow-serving-api. Install it with "
            "`pip install 'keras-comic[serving]'`."
        ) from error
    return prediction_log_pb2
