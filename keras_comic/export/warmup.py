"""Warm-up records: requests that TensorFlow Serving runs before it is ready."""

import os
from pathlib import Path

import numpy as np
import tensorflow as tf

# Where TensorFlow Serving looks for them in a version folder, and how many it
# takes.
WARMUP_FILE = Path("assets.extra") / "tf_serving_warmup_requests"
MAX_RECORDS = 1000


def write_warmup_records(folder, requests):
    """Writes requests that a server runs before it takes others.

    The first request of a shape costs more than the next: kernels are chosen
    and memory is reserved. TensorFlow Serving, and the local server, run the
    records of a version before they call it available. The file is written
    beside its name and renamed.

    Args:
        folder: String or path. The version's folder, which holds
            `saved_model.pb`; records go into
            `assets.extra/tf_serving_warmup_requests`.
        requests: Iterable of at most 1,000 pairs of a signature's name and a
            dict of its inputs' names to arrays; encoded pictures are arrays
            of `bytes`.

    Returns:
        Path of the file.

    Raises:
        ImportError: If tensorflow-serving-api is not installed.
        ValueError: If there is no request, or there are more than 1,000.

    Example:

    >>> from keras_comic.export.warmup import write_warmup_records
    >>> images = np.zeros((1, 64, 64, 3), "uint8")
    >>> path = write_warmup_records(
    ...     ".", [("serving_default", {"images": images})])
    >>> path.name
    'tf_serving_warmup_requests'

    Reference:
        - [SavedModel Warmup](
          https://www.tensorflow.org/tfx/serving/saved_model_warmup).
    """
    logs = _prediction_logs()
    path = Path(folder) / WARMUP_FILE
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.partial")
    count = 0
    try:
        with tf.io.TFRecordWriter(str(partial)) as writer:
            for count, (signature_name, inputs) in enumerate(requests, 1):
                if count > MAX_RECORDS:
                    raise ValueError(
                        f"`requests` must be at most {MAX_RECORDS}, which is "
                        "what TensorFlow Serving takes. "
                        f"Received: more than {MAX_RECORDS} requests"
                    )
                log = logs.PredictionLog()
                request = log.predict_log.request
                request.model_spec.signature_name = signature_name
                for name, value in inputs.items():
                    request.inputs[name].CopyFrom(tf.make_tensor_proto(value))
                writer.write(log.SerializeToString())
        if not count:
            raise ValueError(
                "`requests` must hold at least one. Received: requests=[]"
            )
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)
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
        ValueError: If the file is damaged, holds more than 1,000 records, or
            a record is no request to predict.

    Example:

    >>> from keras_comic.export.warmup import read_warmup_records
    >>> read_warmup_records(".")
    []
    """
    path = Path(folder) / WARMUP_FILE
    if not path.is_file():
        return []
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
            if len(requests) > MAX_RECORDS:
                raise ValueError(
                    f"Warm-up records must be at most {MAX_RECORDS}. "
                    f"Received: more, in '{path}'"
                )
    except (tf.errors.DataLossError, _decode_error()) as error:
        raise ValueError(
            "Warm-up records must be a TFRecord of "
            f"tensorflow.serving.PredictionLog. Received: '{path}' ({error})"
        ) from error
    return requests


def make_warmup_requests(
    sizes=((256, 256),), batch_sizes=(1,), num_styles=0, signatures=None
):
    """Makes requests to each signature of an exported generator.

    Pictures are made, not taken: noise whose spectrum is that of photographs,
    the same in every run. `serving_bytes` gets each batch as JPEG and as PNG,
    and signatures of files with styles as JPEG.

    Args:
        sizes: Sequence of `(height, width)` in pixels, of at least 32: the
            sizes that clients send most.
        batch_sizes: Sequence of positive integers, such as the
            `allowed_batch_sizes` of the batching parameters. A server that
            takes no batches of a size does not load a version with records
            of it.
        num_styles: Integer. Named styles of the generator. With `0`,
            signatures with `style_weights` get no request.
        signatures: Sequence of names of signatures, or `None` for all six.

    Returns:
        List of pairs of a signature's name and a dict of its inputs' names to
        arrays, for `write_warmup_records`.

    Raises:
        ValueError: If a size, a batch size or a signature's name is wrong, or
            one with `style_weights` is asked for without styles.

    Example:

    >>> from keras_comic.export.warmup import make_warmup_requests
    >>> requests = make_warmup_requests([(64, 96)], num_styles=5)
    >>> [name for name, _ in requests]
    ['serving_default', 'serving_bytes', 'serving_bytes',
     'serving_style_image', 'serving_bytes_style_image',
     'serving_style_weights', 'serving_bytes_style_weights']
    >>> requests[-1][1]["style_weights"].shape
    (1, 5)
    """
    if signatures is None:
        signatures = [n for n in _MAKERS if num_styles or n not in _WEIGHTS]
    _check(sizes, batch_sizes, num_styles, signatures)
    requests = []
    for height, width in sizes:
        for batch_size in batch_sizes:
            images = np.stack(
                [_picture(height, width, seed) for seed in range(batch_size)]
            )
            for name in signatures:
                for inputs in _MAKERS[name](images, num_styles):
                    requests.append((name, inputs))
    return requests


def _check(sizes, batch_sizes, num_styles, signatures):
    for size in sizes:
        if np.shape(size) != (2,) or min(size) < 32:
            raise ValueError(
                "`sizes` must be pairs of height and width of at least 32 "
                f"pixels. Received: sizes={sizes}"
            )
    if any(batch_size < 1 for batch_size in batch_sizes):
        raise ValueError(
            "`batch_sizes` must be positive. "
            f"Received: batch_sizes={batch_sizes}"
        )
    for name in signatures:
        if name not in _MAKERS:
            raise ValueError(
                f"`signatures` must be among {', '.join(_MAKERS)}. "
                f"Received: signatures={list(signatures)}"
            )
    needy = [name for name in signatures if name in _WEIGHTS]
    if needy and num_styles < 1:
        raise ValueError(
            f"`num_styles` must be positive for {needy[0]}. "
            f"Received: num_styles={num_styles}"
        )


def _picture(height, width, seed):
    """Noise whose amplitude falls with the frequency; uint8 RGB."""
    noise = np.random.default_rng(seed).standard_normal((height, width, 4))
    # Mostly grey, as photographs are.
    noise = 4 * noise[..., :1] + noise[..., 1:]
    frequency = np.hypot(
        np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width)
    )
    frequency[0, 0] = np.inf
    spectrum = np.fft.rfft2(noise, axes=(0, 1)) / frequency[..., None] ** 1.2
    image = np.fft.irfft2(spectrum, (height, width), axes=(0, 1))
    return (127.5 + 50 * image / image.std()).clip(0, 255).astype("uint8")


def _default_inputs(images, num_styles):
    yield {"images": images}


def _bytes_inputs(images, num_styles):
    for encode in (tf.io.encode_jpeg, tf.io.encode_png):
        yield {"image_bytes": _files(images, encode)}


def _files(images, encode=tf.io.encode_jpeg):
    return np.array([encode(image).numpy() for image in images], object)


def _style_image_inputs(images, num_styles):
    yield {
        "images": images,
        "style_images": np.ascontiguousarray(images[:, ::-1]),
        **_settings(images),
    }


def _bytes_style_image_inputs(images, num_styles):
    yield {
        "image_bytes": _files(images),
        "style_image_bytes": _files(images[:, ::-1]),
        **_settings(images),
    }


def _style_weights_inputs(images, num_styles):
    weights = _equal_weights(images, num_styles)
    yield {"images": images, "style_weights": weights, **_settings(images)}


def _bytes_style_weights_inputs(images, num_styles):
    yield {
        "image_bytes": _files(images),
        "style_weights": _equal_weights(images, num_styles),
        **_settings(images),
    }


def _equal_weights(images, num_styles):
    return np.full((len(images), num_styles), 1 / num_styles, "float32")


def _settings(images):
    return {
        "strength": np.ones(len(images), "float32"),
        "keep_color": np.arange(len(images)) % 2 == 1,
    }


_WEIGHTS = ("serving_style_weights", "serving_bytes_style_weights")
_MAKERS = {
    "serving_default": _default_inputs,
    "serving_bytes": _bytes_inputs,
    "serving_style_image": _style_image_inputs,
    "serving_bytes_style_image": _bytes_style_image_inputs,
    "serving_style_weights": _style_weights_inputs,
    "serving_bytes_style_weights": _bytes_style_weights_inputs,
}


def _prediction_logs():
    try:
        from tensorflow_serving.apis import prediction_log_pb2
    except ImportError as error:
        raise ImportError(
            "Warm-up records need tensorflow-serving-api. Install it with "
            "`pip install 'keras-comic[serving]'`."
        ) from error
    return prediction_log_pb2


def _decode_error():
    from google.protobuf.message import DecodeError

    return DecodeError
