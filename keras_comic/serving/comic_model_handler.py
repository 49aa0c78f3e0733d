"""Runs an exported SavedModel inside Apache Beam's `RunInference`.

This module needs Beam.
"""

import json
import os
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

from keras_comic.serving.comic_requests import DEFAULT
from keras_comic.serving.comic_requests import STRENGTH
from keras_comic.serving.comic_requests import STYLE_WEIGHTS
from keras_comic.serving.comic_requests import ComicRequest
from keras_comic.serving.comic_requests import write_png
from keras_comic.serving.errors import as_serving_error

DESCRIPTION = "assets.extra/keras_comic.json"
TOO_LARGE = "The photo is too large for the memory; set `max_side`."


class ComicResult(NamedTuple):
    """The comic of a photo, or the reason that there is none."""

    comic_bytes: bytes = None
    error: str = None


class ComicModelHandler(ModelHandler):
    """A `ModelHandler` of Apache Beam for what `save_served_model` writes.

    It loads the SavedModel with `tf.saved_model.load`, which Beam's own
    handler for TensorFlow does not do under Keras 3, and needs no Keras. It
    takes the bytes of a photo's file and gives a `PredictionResult` whose
    `inference` is a `ComicResult`. If a file cannot be stylised, that holds
    the reason, and the others of its batch go on.

    In the first named style, at full strength and without `max_side`, JPEG,
    PNG and WebP files go to the SavedModel as they are. All else is decoded
    here, which needs this package, and sent as PNG files.

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
    ):
        for name, value in (("max_side", max_side), ("batch_size", batch_size)):
            if value is not None and not value > 0:
                raise ValueError(
                    f"`{name}` must be a positive integer. "
                    f"Received: {name}={value}"
                )
        super().__init__()
        self.saved_model = os.fspath(saved_model)
        self.max_side = max_side
        self.batch_size = batch_size
        description = read_description(self.saved_model)
        names = description["style_names"]
        if isinstance(style, str) and [style] == names[:1]:
            style = None
        self._request = ComicRequest(
            _signatures_of(description),
            lambda: names,
            style,
            strength,
            keep_color,
            1,
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
            model: `ServedModel`.
            inference_args: `None`.

        Returns:
            List of `PredictionResult`, in the order of the batch.
        """
        files = dict(enumerate(batch))
        results = {}
        if self._request.signature == DEFAULT and self.max_side is None:
            results = self._run(files, model)
            results = {p: r for p, r in results.items() if r.error is None}
        # The model does not decode every format that is read here.
        others = {}
        for place, contents in files.items():
            if place in results:
                continue
            try:
                others[place] = _as_png(contents, self.max_side)
            except ValueError as error:
                # The name is the caller's to tell.
                reason = str(error).partition(" Received: path=")[0]
                results[place] = ComicResult(error=reason)
        results.update(self._run(others, model))
        return [
            PredictionResult(contents, results[place], self.saved_model)
            for place, contents in files.items()
        ]

    def get_num_bytes(self, batch):
        """Counts the bytes of a batch.

        Args:
            batch: As in `run_inference`.

        Returns:
            Integer, bytes.
        """
        return sum(len(contents) for contents in batch)

    def get_metrics_namespace(self):
        """Names the group of the metrics of `RunInference`.

        Returns:
            String.
        """
        return "keras_comic"

    def batch_elements_kwargs(self):
        """Tells `RunInference` how to gather what comes one by one.

        Returns:
            Dict.
        """
        return {"min_batch_size": 1, "max_batch_size": self.batch_size}

    def _run(self, files, model):
        """Returns a dict of results; where one fails, each goes alone."""
        if not files:
            return {}
        inputs = self._request.inputs(list(files.values()), [0] * len(files))
        try:
            comics = model(self._request.signature, inputs)
        except (MemoryError, ValueError) as error:
            if len(files) > 1:
                results = {}
                for place, contents in files.items():
                    results.update(self._run({place: contents}, model))
                return results
            is_large = isinstance(error, MemoryError)
            reason = TOO_LARGE if is_large else str(error)
            return {place: ComicResult(error=reason) for place in files}
        return {p: ComicResult(comic) for p, comic in zip(files, comics)}


class ServedModel:
    """A loaded SavedModel: files in, PNG files out."""

    def __init__(self, folder):
        import tensorflow as tf

        with tempfile.TemporaryDirectory() as copy:
            if "://" in folder:
                _download(folder, copy)
                folder = copy
            self._model = tf.saved_model.load(folder)

    def __call__(self, signature, inputs):
        """Runs a signature."""
        import tensorflow as tf

        inputs = {name: tf.constant(value) for name, value in inputs.items()}
        try:
            (comics,) = self._model.signatures[signature](**inputs).values()
        except tf.errors.InvalidArgumentError as error:
            raise ValueError(str(as_serving_error(error))) from error
        except tf.errors.ResourceExhaustedError as error:
            raise MemoryError(str(as_serving_error(error))) from error
        return comics.numpy().tolist()


def read_description(saved_model):
    """Reads the description that lies beside a SavedModel."""
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


def _signatures_of(description):
    """Returns the signatures of files that a described model has."""
    if description.get("kind") == "latent_generator":
        return {DEFAULT: {"codes": []}}
    other = STYLE_WEIGHTS if description["style_names"] else STRENGTH
    return {name: {"image_bytes": [-1]} for name in (DEFAULT, other)}


def _as_png(contents, max_side):
    from keras_comic.data.images import open_image
    from keras_comic.models.image_files import shrink

    photo = np.asarray(open_image("", contents).image)
    return write_png(shrink(photo, None, max_side)[0])


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
