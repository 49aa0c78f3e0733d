"""Runs an exported SavedModel inside Apache Beam's `RunInference`.

This module needs Beam, and nothing of this package but to read the files that
the SavedModel itself does not decode.
"""

import json
import os
import re
import tempfile
from typing import NamedTuple

import numpy as np

try:
    from apache_beam.ml.inference.base import ModelHandler
    from apache_beam.ml.inference.base import PredictionResult
except ImportError as error:
    raise ImportError(
        "Apache Beam is not installed: `pip install 'keras-comic[beam]'`."
    ) from error

DESCRIPTION = "assets.extra/keras_comic.json"
# Of decoded photos that wait for others of their size, in all.
MAX_PIXELS = 16_000_000
TOO_LARGE = "The photo is too large for the memory; set `max_side`."
# A PNG's signature and first chunk.
PNG_HEAD_BYTES = 33


class ComicResult(NamedTuple):
    """What became of a photo: one of both is `None`."""

    comic_bytes: bytes = None
    error: str = None


class SizeBuckets:
    """Gathers things of one size, and never holds more than a limit."""

    def __init__(self, batch_size, max_weight):
        self._batch_size = batch_size
        self._max_weight = max_weight
        self._items = {}
        self._weights = {}

    def add(self, size, item, weight):
        """Takes a thing, and gives the groups that are full."""
        self._items.setdefault(size, []).append(item)
        self._weights[size] = self._weights.get(size, 0) + weight
        if len(self._items[size]) >= self._batch_size:
            yield self._take(size)
        while sum(self._weights.values()) > self._max_weight:
            yield self._take(max(self._weights, key=self._weights.get))

    def flush(self):
        """Gives all that is held."""
        for size in list(self._items):
            yield self._take(size)

    def _take(self, size):
        del self._weights[size]
        return self._items.pop(size)


class ComicModelHandler(ModelHandler):
    """A `ModelHandler` of Apache Beam for what `save_served_model` writes.

    It loads the SavedModel with `tf.saved_model.load`, which Beam's own
    handler for TensorFlow does not do under Keras 3, and needs no Keras. What
    it takes is the bytes of a photo's file; what it gives is a
    `PredictionResult` whose `inference` is a `ComicResult`: of a file that
    cannot be stylised, the reason, so that the others of its batch go on.

    In the first named style, at full strength and without `max_side`, JPEG,
    PNG and WebP files are decoded, stylised and encoded inside the SavedModel
    (`serving_bytes`). All else is decoded here, which needs this package, and
    pictures of one size go through the SavedModel together.

    A process loads the model once, for all its threads.

    Args:
        saved_model: String or path of the SavedModel's folder, or a URL that
            Beam's file systems know: each process then copies it.
        style: As in `Generator.stylize`, but names of the SavedModel's styles
            and their mixes, or one uint8 image `(height, width, 3)`. Defaults
            to `None`, the first named style.
        strength: Float in `[0, 1]`. Defaults to `1.0`.
        keep_color: Boolean. Defaults to `False`.
        max_side: Integer > 0 or `None`. Photos with a longer side are shrunk
            to it, pixels. Defaults to `None`, which resizes nothing.
        batch_size: Integer > 0. As many photos at most go through the model
            together. Defaults to `8`.
        share_across_processes: Boolean. Whether all the processes of a
            machine use one model, in a process of its own. Defaults to
            `False`.

    Raises:
        FileNotFoundError: If there is no SavedModel of this package.
        ValueError: If an argument is not as above.

    Example:

    >>> import io
    >>> from PIL import Image
    >>> generator = keras_comic.AdaINGenerator.light((4, 8, 4, 4), 1, 8)
    >>> noise = np.random.randint(256, size=(32, 32, 3)).astype("uint8")
    >>> vector = generator.add_style("ink", noise)
    >>> folder = keras_comic.export.save_served_model(
    ...     generator, "models/comic/1", warmup_sizes=()
    ... )
    >>> photo = io.BytesIO()
    >>> Image.fromarray(noise).save(photo, "JPEG")
    >>> from keras_comic.serving.comic_model_handler import ComicModelHandler
    >>> handler = ComicModelHandler(folder)
    >>> model = handler.load_model()
    >>> good, bad = handler.run_inference([photo.getvalue(), b"ink"], model)
    >>> good.inference.comic_bytes[1:4], good.inference.error
    (b'PNG', None)
    >>> bad.inference.error
    'The file is not an image that can be read here. ...'

    Reference:
        - [Apache Beam, RunInference](
          https://beam.apache.org/documentation/ml/about-ml/).
    """

    def __init__(
        self,
        saved_model,
        style=None,
        strength=1.0,
        keep_color=False,
        max_side=None,
        batch_size=8,
        share_across_processes=False,
    ):
        if not 0.0 <= strength <= 1.0:
            raise ValueError(
                f"`strength` must be in [0, 1]. Received: strength={strength}"
            )
        for name, value in (("max_side", max_side), ("batch_size", batch_size)):
            if value is not None and not value > 0:
                raise ValueError(
                    f"`{name}` must be a positive integer. "
                    f"Received: {name}={value}"
                )
        super().__init__()
        self.saved_model = os.fspath(saved_model)
        self.style_names = read_description(self.saved_model)["style_names"]
        self.max_side = max_side
        self.batch_size = batch_size
        self._share_across_processes = share_across_processes
        is_first = isinstance(style, str) and style == self.style_names[0]
        self._is_plain = (
            (style is None or is_first)
            and strength == 1.0
            and not keep_color
            and max_side is None
        )
        self._signature, self._inputs = _inputs_of(
            style, self.style_names, strength, keep_color
        )

    def load_model(self):
        """Loads the SavedModel.

        Returns:
            `ServedModel`.
        """
        return ServedModel(self.saved_model)

    def run_inference(self, batch, model, inference_args=None):
        """Stylises photos.

        Args:
            batch: List of bytes, files of images.
            model: `ServedModel`, or a proxy of one.
            inference_args: `None`.

        Returns:
            List of `PredictionResult`, in the order of the batch.
        """
        results = {}
        if self._is_plain:
            # What TensorFlow does not decode is tried again below.
            results = self._run_files(dict(enumerate(batch)), model)
        others = {
            place: contents
            for place, contents in enumerate(batch)
            if place not in results
        }
        results.update(self._run_images(others, model))
        return [
            PredictionResult(contents, results[place], self.saved_model)
            for place, contents in enumerate(batch)
        ]

    def get_num_bytes(self, batch):
        """The size of a batch.

        Args:
            batch: As in `run_inference`.

        Returns:
            Integer, bytes.
        """
        return sum(len(contents) for contents in batch)

    def get_metrics_namespace(self):
        """Where the metrics of `RunInference` are found.

        Returns:
            String.
        """
        return "keras_comic"

    def batch_elements_kwargs(self):
        """How `RunInference` gathers what it is given one by one.

        Returns:
            Dict.
        """
        return {"min_batch_size": 1, "max_batch_size": self.batch_size}

    def share_model_across_processes(self):
        """Whether all the processes of a machine use one model.

        Returns:
            Boolean.
        """
        return self._share_across_processes

    def _run_files(self, files, model):
        """Dict of those that could be stylised as they are."""
        if not files:
            return {}
        try:
            comics = model(
                "serving_bytes", {"image_bytes": list(files.values())}
            )
        except (MemoryError, ValueError):
            if len(files) == 1:
                return {}
            results = {}
            for place, contents in files.items():
                results.update(self._run_files({place: contents}, model))
            return results
        return {p: ComicResult(comic) for p, comic in zip(files, comics)}

    def _run_images(self, files, model):
        results = {}
        buckets = SizeBuckets(self.batch_size, MAX_PIXELS)

        def run(groups):
            for group in groups:
                results.update(self._run_group(dict(group), model))

        for place, contents in files.items():
            try:
                photo = _read_photo(contents, self.max_side)
            except ValueError as error:
                # The name is the caller's to tell.
                reason = str(error).partition(" Received: path=")[0]
                results[place] = ComicResult(error=reason)
                continue
            height, width, _ = photo.shape
            item = (place, photo)
            run(buckets.add((height, width), item, height * width))
        run(buckets.flush())
        return results

    def _run_group(self, photos, model):
        inputs = {
            name: np.repeat(value, len(photos), axis=0)
            for name, value in self._inputs.items()
        }
        inputs["images"] = np.stack(list(photos.values()))
        try:
            comics = model(self._signature, inputs)
        except (MemoryError, ValueError) as error:
            if len(photos) > 1:
                results = {}
                for place, photo in photos.items():
                    results.update(self._run_group({place: photo}, model))
                return results
            message = str(error)
            if isinstance(error, MemoryError):
                message = (
                    "The photo is too large for the memory; set `max_side`."
                )
            return {place: ComicResult(error=message) for place in photos}
        return {p: ComicResult(comic) for p, comic in zip(photos, comics)}


class ServedModel:
    """A loaded SavedModel, whatever the signature giving PNG files."""

    def __init__(self, folder):
        import tensorflow as tf

        with tempfile.TemporaryDirectory() as copy:
            if "://" in folder:
                _download(folder, copy)
                folder = copy
            self._model = tf.saved_model.load(folder)
        self._tf = tf
        self._png_chunk = None

    def __call__(self, signature, inputs):
        """Runs a signature."""
        tf = self._tf
        inputs = {name: tf.constant(value) for name, value in inputs.items()}
        try:
            outputs = self._model.signatures[signature](**inputs)
        except tf.errors.InvalidArgumentError as error:
            raise ValueError(message_of(error)) from error
        except tf.errors.ResourceExhaustedError as error:
            raise MemoryError(message_of(error)) from error
        (comics,) = outputs.values()
        if comics.dtype == tf.string:
            return comics.numpy().tolist()
        return [self._encode(comic) for comic in comics]

    def _encode(self, comic):
        if self._png_chunk is None:
            self._png_chunk = self._read_png_chunk()
        png = self._tf.io.encode_png(comic).numpy()
        head, rest = png[:PNG_HEAD_BYTES], png[PNG_HEAD_BYTES:]
        return head + self._png_chunk + rest

    def _read_png_chunk(self):
        """What the model's own PNG files say of their origin."""
        photo = self._tf.zeros((32, 32, 3), "uint8")
        png = self._tf.io.encode_png(photo).numpy()
        (png,) = self("serving_bytes", {"image_bytes": [png]})
        length = int.from_bytes(png[PNG_HEAD_BYTES : PNG_HEAD_BYTES + 4], "big")
        if png[PNG_HEAD_BYTES + 4 : PNG_HEAD_BYTES + 8] != b"iTXt":
            return b""
        return png[PNG_HEAD_BYTES : PNG_HEAD_BYTES + 12 + length]


def read_description(saved_model):
    """What a SavedModel of this package says of itself."""
    path = f"{saved_model.rstrip('/')}/{DESCRIPTION}"
    try:
        with _open(path) as file:
            return json.load(file)
    except OSError as error:
        raise FileNotFoundError(
            "There is no SavedModel that `keras-comic export` has written: "
            f"{' '.join(str(error).split())}. "
            f"Received: saved_model={saved_model}"
        ) from error


def message_of(error):
    """What an error of TensorFlow says, without where in the graph it arose."""
    asserted = re.search(r"assertion failed: (.*)", error.message)
    if asserted is None:
        lines = [line.strip() for line in error.message.splitlines()]
        return next((line for line in lines if line), str(error))
    message, _, values = asserted[1].partition("] [")
    values = f" [{values}" if values else ""
    return f"{message.strip('[]')}{values}"


def _inputs_of(style, style_names, strength, keep_color):
    """The signature for a style, and what it is given besides the images."""
    inputs = {
        "strength": np.array([strength], "float32"),
        "keep_color": np.array([keep_color]),
    }
    if isinstance(style, np.ndarray):
        if style.ndim != 3 or style.dtype != "uint8" or style.shape[-1] != 3:
            raise ValueError(
                "`style` must be one uint8 image of shape (height, width, 3). "
                f"Received: style of shape {style.shape} and {style.dtype}"
            )
        return "serving_style_image", {"style_images": style[None], **inputs}
    if style is None:
        style = style_names[0]
    if isinstance(style, str):
        style = {style: 1.0}
    weights = np.zeros((1, len(style_names)), "float32")
    pairs = style.items() if isinstance(style, dict) else style
    for name, weight in pairs:
        if not isinstance(name, str) or name not in style_names:
            raise ValueError(
                f"`style` must be one of {list(style_names)}, a mix of them, "
                "or one image. Received: "
                f"{name if isinstance(name, str) else type(name).__name__!r}"
            )
        weights[0, style_names.index(name)] += weight
    if not (np.all(weights >= 0.0) and weights.sum() > 0.0):
        raise ValueError(
            "The weights of `style` must be at least 0, with a sum above 0. "
            f"Received: style={style}"
        )
    return "serving_style_weights", {"style_weights": weights, **inputs}


def _read_photo(contents, max_side):
    # Not needed where the SavedModel decodes the files.
    from keras_comic.data.images import open_image
    from keras_comic.models.image_files import shrink

    photo = np.asarray(open_image("", contents).image)
    return shrink(photo, None, max_side)[0]


def _open(path):
    if "://" not in path:
        return open(path, "rb")
    from keras_comic.data.paths import path_of

    return path_of(path).open("rb")


def _download(url, folder):
    from keras_comic.data.paths import path_of
    from keras_comic.data.paths import reached

    url = path_of(url)
    with reached(url):
        # The slash says that the folder's files are meant, not the folder.
        url.fs.get(f"{url.path}/", folder, recursive=True)
