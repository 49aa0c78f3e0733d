"""Runs an exported ONNX or LiteRT model."""

import importlib
import json
from pathlib import Path

import numpy as np

from keras_comic.models.pictures import SMALLEST_SIDE
from keras_comic.models.pictures import as_pictures
from keras_comic.models.pictures import describe

RUNTIMES = {".onnx": "ONNX Runtime", ".tflite": "LiteRT"}


class PortableModel:
    """A generator exported by `save_onnx` or `save_litert`.

    It needs neither TensorFlow nor Keras to compute: the model runs in ONNX
    Runtime or LiteRT, on the CPU. A picture whose sides a LiteRT model does
    not take is padded by reflection and cropped back, as the generator does.

    Args:
        path: String or path: the `.onnx` file, or the `.tflite` file beside
            its `.json`.
        num_threads: Integer > 0, or `None` for what the runtime chooses.
            Defaults to `None`.

    Raises:
        FileNotFoundError: If there is no such file, or no `.json` beside it.
        ImportError: If the extra `export` is not installed.
        ValueError: If the file ends otherwise.

    Example:

    >>> generator = keras_comic.AdaINGenerator.light((4, 8, 4, 4), 1, 8)
    >>> drawing = np.random.randint(0, 256, (32, 32, 3), dtype="uint8")
    >>> vector = generator.add_style("ink", drawing)
    >>> paths = keras_comic.export.save_onnx(generator, "ink.onnx")
    >>> model = keras_comic.export.PortableModel("ink.onnx")
    >>> photo = np.random.randint(0, 256, (33, 47, 3), dtype="uint8")
    >>> model.stylize(photo, style="ink").shape
    (33, 47, 3)
    """

    def __init__(self, path, num_threads=None):
        path = Path(path)
        if path.suffix not in RUNTIMES:
            raise ValueError(
                f"`path` must end in one of {list(RUNTIMES)}. "
                f"Received: path={str(path)!r}"
            )
        if not path.is_file():
            raise FileNotFoundError(
                f"There is no such model. Received: path={str(path)!r}"
            )
        self.path = path
        self.num_threads = num_threads
        self._model = self._open(path)
        # Opened when it is first asked for.
        self._style_encoder = None
        self.metadata = self._read_metadata()

    @property
    def runtime(self):
        """`"ONNX Runtime"` or `"LiteRT"`."""
        return RUNTIMES[self.path.suffix]

    @property
    def dtype(self):
        """How the weights are stored: `"float32"`, `"float16"`, `"int8"`."""
        return self.metadata["weights"]

    @property
    def style_names(self):
        """Names that `style` may have, the default one first."""
        return list(self.metadata["styles"])

    def style_vector(self, style=None):
        """The style vector of a name or of a drawing.

        Args:
            style: A name among `style_names`, a uint8 picture `(height,
                width, 3)` of any size, or `None` for the first name. Defaults
                to `None`.

        Returns:
            Float32 array `(1, style_dim)`.

        Raises:
            ValueError: If there is no such style, or it is no picture.
        """
        names = self.style_names
        if style is None and names:
            style = names[0]
        if style is None or isinstance(style, str):
            if style not in names:
                raise ValueError(
                    f"`style` must be one of {names} or a uint8 picture. "
                    f"Received: style={style!r}"
                )
            vector = self.metadata["styles"][style]["vector"]
            return np.asarray([vector], "float32")
        pictures, _ = as_pictures(style, "style")
        return self.encode_style(pictures[:1] / np.float32(127.5) - 1)

    def stylize(self, images, style=None):
        """Turns photos into comics.

        Args:
            images: uint8 `(batch, height, width, 3)` or `(height, width, 3)`,
                RGB in `[0, 255]`; sides of at least 32 pixels.
            style: As in `style_vector`. Defaults to `None`.

        Returns:
            uint8 array of the shape of `images`.

        Raises:
            ValueError: If a shape or a type is wrong, or there is no such
                style.
        """
        photos, single = as_pictures(images, "images")
        outputs = self(photos / np.float32(127.5) - 1, self.style_vector(style))
        comics = np.clip((outputs + 1.0) * 127.5, 0.0, 255.0)
        comics = np.rint(comics).astype("uint8")
        return comics[0] if single else comics

    def __call__(self, photos, style):
        """What the generator's `call` computes."""
        photos = _as_batch(photos, "photos")
        style = np.asarray(style, "float32")
        style = np.broadcast_to(style, (len(photos), style.shape[-1]))
        multiple = self.metadata.get("multiple_of", 1)
        padded, box = _pad(photos, multiple)
        comics = self._model({"photos": padded, "style": style})
        top, left, height, width = box
        return comics[:, top : top + height, left : left + width]

    def encode_style(self, images):
        """Style vectors of drawings, by the model beside this one.

        Args:
            images: Float32 `(batch, height, width, 3)`, RGB in `[-1, 1]`;
                sides of at least 32 pixels.

        Returns:
            Float32 array `(batch, style_dim)`.
        """
        images = _as_batch(images, "images")
        if self._style_encoder is None:
            suffix = f".style_encoder{self.path.suffix}"
            self._style_encoder = self._open(self.path.with_suffix(suffix))
        return self._style_encoder({"images": images})

    def _open(self, path):
        kind = _OnnxSession if path.suffix == ".onnx" else _LiteRTInterpreter
        return kind(path, self.num_threads)

    def _read_metadata(self):
        if self.path.suffix == ".onnx":
            return self._model.metadata()
        path = self.path.with_suffix(".json")
        if not path.is_file():
            raise FileNotFoundError(
                "The description that `save_litert` writes beside a model is "
                f"missing. Received: path={str(path)!r}"
            )
        return json.loads(path.read_text(encoding="utf-8"))


class _OnnxSession:
    """An ONNX model on the CPU."""

    def __init__(self, path, num_threads):
        onnxruntime = _import("onnxruntime", "ONNX models")
        options = onnxruntime.SessionOptions()
        if num_threads is not None:
            options.intra_op_num_threads = num_threads
            options.inter_op_num_threads = 1
        self.session = onnxruntime.InferenceSession(
            str(path), options, providers=["CPUExecutionProvider"]
        )

    def __call__(self, inputs):
        return self.session.run(None, inputs)[0]

    def metadata(self):
        found = {}
        entries = self.session.get_modelmeta().custom_metadata_map
        for key, value in entries.items():
            try:
                found[key] = json.loads(value)
            except json.JSONDecodeError:
                found[key] = value
        return found


class _LiteRTInterpreter:
    """A LiteRT model, resized as it is needed; picture by picture."""

    def __init__(self, path, num_threads):
        module = _import("ai_edge_litert.interpreter", "LiteRT models")
        self.interpreter = module.Interpreter(
            str(path), num_threads=num_threads
        )
        (self.signature,) = self.interpreter.get_signature_list()
        names = self.interpreter.get_signature_list()[self.signature]
        (self.output,) = names["outputs"]
        self.runner = self.interpreter.get_signature_runner(self.signature)

    def __call__(self, inputs):
        count = len(next(iter(inputs.values())))
        outputs = [
            self.runner(**{k: v[i : i + 1] for k, v in inputs.items()})
            for i in range(count)
        ]
        return np.concatenate([output[self.output] for output in outputs])


def _import(name, what):
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise ImportError(
            f"{name.split('.')[0]} runs {what}; install it with "
            f"`pip install 'keras-comic[export]'`. ({error})"
        ) from error


def _as_batch(images, argument):
    array = np.asarray(images, "float32")
    if (
        array.ndim != 4
        or array.shape[-1] != 3
        or min(array.shape[1:3]) < SMALLEST_SIDE
    ):
        raise ValueError(
            f"`{argument}` must be float32 (batch, height, width, 3) with "
            f"sides of at least {SMALLEST_SIDE} pixels. "
            f"Received: {argument}={describe(array)}"
        )
    return array


def _pad(images, multiple):
    """Pads by reflection to a multiple, and says where the images are."""
    height, width = images.shape[1:3]
    extra = -height % multiple, -width % multiple
    top, left = extra[0] // 2, extra[1] // 2
    if any(extra):
        borders = [(0, 0), (top, extra[0] - top), (left, extra[1] - left)]
        images = np.pad(images, [*borders, (0, 0)], mode="reflect")
    return images, (top, left, height, width)
