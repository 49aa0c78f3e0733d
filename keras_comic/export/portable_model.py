"""Runs an exported ONNX or LiteRT file."""

import importlib
import json
from pathlib import Path

import numpy as np
from keras import ops

from keras_comic.export.portable_graph import CONDITIONS
from keras_comic.layers import to_float
from keras_comic.models.generator import Generator
from keras_comic.models.latent_generator import LatentGenerator
from keras_comic.models.pictures import as_pictures
from keras_comic.models.pictures import check_mix_weights
from keras_comic.models.pictures import describe
from keras_comic.models.pictures import is_picture
from keras_comic.models.style_generator import weaken_style

RUNTIMES = {".onnx": "ONNX Runtime", ".tflite": "LiteRT"}


class PortableModel:
    """A model exported by `save_onnx` or `save_litert`.

    The network runs in ONNX Runtime or LiteRT, on the CPU; what is around it
    (padding, strength, colour, mask) is that of the model in Keras, on
    whichever backend.

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
    >>> model.stylize(photo, style="ink", strength=0.5).shape
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
        self._network = self._open(path)
        # Opened when it is first asked for.
        self._encoder = None
        self.metadata = self._read_metadata()

    @property
    def runtime(self):
        """`"ONNX Runtime"` or `"LiteRT"`."""
        return RUNTIMES[self.path.suffix]

    @property
    def dtype(self):
        """The type of the stored weights, such as `"float16"`."""
        return self.metadata["weights"]

    @property
    def kind(self):
        """The kind of the model, such as `"style_generator"`."""
        return self.metadata["kind"]

    @property
    def stride(self):
        """The sides of photos are padded to multiples of it."""
        return self.metadata.get("stride", 1)

    @property
    def takes_style(self):
        """Boolean. `True` if it draws in styles."""
        return self.metadata.get("takes_style", False)

    @property
    def style_names(self):
        """Names that `style` may have, the default one first."""
        return list(self.metadata.get("styles", ()))

    @property
    def code_dim(self):
        """Length of a code, of a latent generator."""
        return self.metadata["code_dim"]

    # The runtimes know no shared statistics: every photo is drawn whole.
    largest_whole = float("inf")

    def stylize(
        self, images, style=None, strength=1.0, mask=None, keep_color=False
    ):
        """Turns photos into comics, as `Generator.stylize` does.

        Args:
            images: uint8 `(batch, height, width, 3)` or `(height, width, 3)`,
                RGB in `[0, 255]`; sides of at least 32 pixels.
            style: As in `Generator.stylize`. Defaults to `None`, the first
                named style.
            strength: Float in `[0, 1]`. Defaults to `1.0`.
            mask: As in `Generator.stylize`. Defaults to `None`.
            keep_color: Boolean. Defaults to `False`.

        Returns:
            uint8 array of the shape of `images`.

        Raises:
            ValueError: As `Generator.stylize`; and if the file does not hold
                what the family means by a strength below 1.
        """
        if self.kind == LatentGenerator.kind:
            raise ValueError(
                "Photos need a file of a `Generator`. Received: a "
                f"{self.kind}, which makes pictures by `generate`"
            )
        # It asks for what this class shares with a generator.
        return Generator.stylize(
            self, images, style, strength, mask, keep_color
        )

    def generate(self, count=1, seed=None, truncation=1.0):
        """Makes pictures of random codes, as `LatentGenerator.generate`.

        Args:
            count: Integer > 0. Defaults to `1`.
            seed: Integer >= 0, for the same pictures each time, or `None`.
                Defaults to `None`.
            truncation: Float in `[0, 1]`. Defaults to `1.0`, none.

        Returns:
            uint8 array `(count, height, width, 3)`, RGB in `[0, 255]`.

        Raises:
            ValueError: If an argument is out of its range, the file is of
                another kind, or it does not hold the family's truncation.
        """
        if self.kind != LatentGenerator.kind:
            raise ValueError(
                "Pictures of codes need a file of a `LatentGenerator`. "
                f"Received: a {self.kind}, which draws photos by `stylize`"
            )
        return LatentGenerator.generate(self, count, seed, truncation)

    def __call__(self, inputs, training=False):
        """Returns what the model's `call` computes, as a float32 array."""
        inputs = {
            name: ops.convert_to_numpy(ops.cast(value, "float32"))
            for name, value in inputs.items()
        }
        (output,) = self._network(inputs).values()
        return output

    # What draws a comic, or generates pictures, asks a model for.

    sample_codes = LatentGenerator.sample_codes

    def truncate(self, codes, truncation):
        """Moves codes towards the mean, see `LatentGenerator.truncate`.

        Args:
            codes: Float32 `(batch, code_dim)`.
            truncation: Float in `[0, 1]`.

        Returns:
            Float32 `(batch, code_dim)`.
        """
        if truncation < 1.0 and not self.metadata["truncates"]:
            raise ValueError(
                "The file does not hold the family's own truncation: "
                "`truncation` must be 1. "
                f"Received: truncation={truncation}"
            )
        return LatentGenerator.truncate(self, codes, truncation)

    def conditions(self, style=None):
        """Returns the arrays beside `photos`, see `Generator.conditions`.

        Args:
            style: As in `stylize`. Defaults to `None`.

        Returns:
            Dict of name to float32 array.
        """
        if self.takes_style:
            return self._style_conditions(style)
        # An error of a style that is not taken.
        Generator.conditions(self, style)
        return {
            name: np.asarray(value, "float32")
            for name, value in self.metadata["conditions"].items()
        }

    def photo_conditions(self, photos):
        """Returns a photo's own conditions, by the file beside this one.

        Args:
            photos: Float32 `(batch, height, width, 3)`, RGB in `[-1, 1]`.

        Returns:
            Dict of name to float32 array with a row for each photo.
        """
        if self._encoder is None:
            path = self.path.with_suffix(f"{CONDITIONS}{self.path.suffix}")
            if not path.is_file():
                return {}
            self._encoder = self._open(path)
        photos = ops.convert_to_numpy(ops.cast(photos, "float32"))
        return self._encoder({"photos": photos})

    def weaken(self, conditions, photo_conditions, strength):
        """Returns what a strength below 1 means, see `Generator.weaken`.

        Args:
            conditions: Dict from `conditions`.
            photo_conditions: Dict from `photo_conditions`.
            strength: Float32 tensor `(batch,)` in `[0, 1]`.

        Returns:
            Conditions, and the comic's share of the blend with the photo.
        """
        weakens = self.metadata["weakens"]
        if weakens is None:
            raise ValueError(
                "The file does not hold what the family means by a strength "
                "below 1: `strength` must be 1."
            )
        if weakens == "style":
            return weaken_style(conditions, photo_conditions, strength)
        return conditions, strength

    def _style_conditions(self, style):
        names = self.style_names
        if style is None and names:
            style = names[0]
        if isinstance(style, str) and style in names:
            vector = self.metadata["styles"][style]["vector"]
            return {"style": np.asarray([vector], "float32")}
        if is_picture(style):
            pictures, _ = as_pictures(style, "style")
            return self.photo_conditions(to_float(pictures))
        if isinstance(style, dict):
            style = list(style.items())
        if not isinstance(style, (list, tuple)) or any(
            not isinstance(pair, (list, tuple)) or len(pair) != 2
            for pair in style
        ):
            raise ValueError(
                f"`style` must be one of {names}, an image (an array), or a "
                f"weighted mix. Received: style={describe(style)}"
            )
        weights = np.array([weight for _, weight in style], "float64")
        check_mix_weights(weights.tolist())
        vectors = [self._style_conditions(one)["style"] for one, _ in style]
        shares = (weights / weights.sum()).astype("float32")
        return {"style": sum(s * v for s, v in zip(shares, vectors))}

    def _open(self, path):
        kind = _OnnxSession if path.suffix == ".onnx" else _LiteRTInterpreter
        return kind(path, self.num_threads)

    def _read_metadata(self):
        if self.path.suffix == ".onnx":
            return self._network.metadata()
        path = self.path.with_suffix(".json")
        if not path.is_file():
            raise FileNotFoundError(
                "The description that `save_litert` writes beside a model is "
                f"missing. Received: path={str(path)!r}"
            )
        return json.loads(path.read_text(encoding="utf-8"))


class _OnnxSession:
    """An ONNX file on the CPU: a dict of arrays in, a dict out."""

    def __init__(self, path, num_threads):
        onnxruntime = _import("onnxruntime", "ONNX models")
        options = onnxruntime.SessionOptions()
        if num_threads is not None:
            options.intra_op_num_threads = num_threads
            options.inter_op_num_threads = 1
        self._session = onnxruntime.InferenceSession(
            str(path), options, providers=["CPUExecutionProvider"]
        )

    def __call__(self, inputs):
        names = [output.name for output in self._session.get_outputs()]
        return dict(zip(names, self._session.run(names, inputs)))

    def metadata(self):
        """Returns the description that `save_onnx` wrote."""
        entries = self._session.get_modelmeta().custom_metadata_map
        return {key: json.loads(value) for key, value in entries.items()}


class _LiteRTInterpreter:
    """A LiteRT file, resized as it is needed; picture by picture."""

    def __init__(self, path, num_threads):
        module = _import("ai_edge_litert.interpreter", "LiteRT models")
        interpreter = module.Interpreter(str(path), num_threads=num_threads)
        self._runner = interpreter.get_signature_runner()

    def __call__(self, inputs):
        count = len(next(iter(inputs.values())))
        rows = [
            self._runner(**{k: v[i : i + 1] for k, v in inputs.items()})
            for i in range(count)
        ]
        return {k: np.concatenate([row[k] for row in rows]) for k in rows[0]}


def _import(name, purpose):
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise ImportError(
            f"{name.split('.')[0]} runs {purpose}; install it with "
            f"`pip install 'keras-comic[export]'`. ({error})"
        ) from error
