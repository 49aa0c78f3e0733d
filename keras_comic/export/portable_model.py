"""Runs an exported ONNX or LiteRT file."""

import json
from pathlib import Path

import numpy as np
from keras import ops

from keras_comic.export.portable_graph import CONDITIONS
from keras_comic.export.portable_graph import import_package
from keras_comic.layers import to_float
from keras_comic.models.generator import Generator
from keras_comic.models.latent_generator import LatentGenerator
from keras_comic.models.pictures import as_pictures
from keras_comic.models.pictures import check_mix_weights
from keras_comic.models.pictures import describe
from keras_comic.models.pictures import is_picture
from keras_comic.models.style_generator import weaken_style

RUNTIMES = {".onnx": "ONNX Runtime", ".tflite": "LiteRT"}


class _PortableNetwork:
    """A network in its runtime, with what draws comics or pictures asks for."""

    def __init__(self, path, num_threads):
        self.path = path
        self.num_threads = num_threads
        self._network, self.metadata = self._open(path)
        # Opened when it is first asked for.
        self._encoder = None
        self.runtime = RUNTIMES[path.suffix]
        self.dtype = self.metadata["weights"]
        self.kind = self.metadata["kind"]
        self.stride = self.metadata.get("stride", 1)
        self.takes_style = self.metadata.get("takes_style", False)
        self.style_names = list(self.metadata.get("styles", ()))
        self.code_dim = self.metadata.get("code_dim")

    def __call__(self, inputs, training=False):
        """Returns what the model's `call` computes, as a float32 array."""
        inputs = {
            name: ops.convert_to_numpy(ops.cast(value, "float32"))
            for name, value in inputs.items()
        }
        (output,) = self._network(inputs).values()
        return output

    sample_codes = LatentGenerator.sample_codes

    def truncate(self, codes, truncation):
        """Moves codes towards the mean, see `LatentGenerator.truncate`."""
        if truncation < 1.0 and not self.metadata["truncates"]:
            raise ValueError(
                "The file does not hold the family's own truncation: "
                "`truncation` must be 1. "
                f"Received: truncation={truncation}"
            )
        return LatentGenerator.truncate(self, codes, truncation)

    def conditions(self, style=None):
        """Returns the arrays beside `photos`, see `Generator.conditions`."""
        if self.takes_style:
            return self._style_conditions(style)
        # An error of a style that is not taken.
        Generator.conditions(self, style)
        return {
            name: np.asarray(value, "float32")
            for name, value in self.metadata["conditions"].items()
        }

    def photo_conditions(self, photos):
        """Returns a photo's own conditions, by the file beside this one."""
        if self._encoder is None:
            path = self.path.with_suffix(f"{CONDITIONS}{self.path.suffix}")
            if not path.is_file():
                return {}
            self._encoder, _ = self._open(path)
        photos = ops.convert_to_numpy(ops.cast(photos, "float32"))
        return self._encoder({"photos": photos})

    def weaken(self, conditions, photo_conditions, strength):
        """Returns what a strength below 1 means, see `Generator.weaken`."""
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
        pairs = list(style.items()) if isinstance(style, dict) else style
        if not isinstance(pairs, (list, tuple)) or any(
            not isinstance(pair, (list, tuple)) or len(pair) != 2
            for pair in pairs
        ):
            raise ValueError(
                f"`style` must be one of {names}, an image (an array), or a "
                f"weighted mix. Received: style={describe(style)}"
            )
        weights = [weight for _, weight in pairs]
        check_mix_weights(weights)
        shares = (np.array(weights) / sum(weights)).astype("float32")
        vectors = [self._style_conditions(one)["style"] for one, _ in pairs]
        return {"style": sum(s * v for s, v in zip(shares, vectors))}

    def _open(self, path):
        """Opens a file; returns what runs it, and its description."""
        if path.suffix == ".onnx":
            return _open_onnx(path, self.num_threads)
        description = self.path.with_suffix(".json")
        if not description.is_file():
            raise FileNotFoundError(
                "The description that `save_litert` writes beside a model is "
                f"missing. Received: path={str(description)!r}"
            )
        text = description.read_text(encoding="utf-8")
        return _open_litert(path, self.num_threads), json.loads(text)


class PortableModel(_PortableNetwork):
    """A model exported by `save_onnx` or `save_litert`.

    The network runs in ONNX Runtime or LiteRT, on the CPU; what is around it
    (padding, strength, colour, mask) is that of the model in Keras, on
    whichever backend. `runtime`, `dtype` (of the stored weights), `kind`,
    `stride`, `style_names`, `code_dim` and `metadata` tell of the file.

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
        super().__init__(path, num_threads)

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


def _open_onnx(path, num_threads):
    """Opens a file on the CPU: a dict of arrays in, a dict out."""
    onnxruntime = import_package("onnxruntime")
    options = onnxruntime.SessionOptions()
    if num_threads is not None:
        options.intra_op_num_threads = num_threads
        options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(
        str(path), options, providers=["CPUExecutionProvider"]
    )
    names = [output.name for output in session.get_outputs()]
    entries = session.get_modelmeta().custom_metadata_map

    def run(inputs):
        return dict(zip(names, session.run(names, inputs)))

    return run, {key: json.loads(value) for key, value in entries.items()}


def _open_litert(path, num_threads):
    """Opens a file that is resized as it is needed, picture by picture."""
    module = import_package("ai_edge_litert.interpreter")
    interpreter = module.Interpreter(str(path), num_threads=num_threads)
    runner = interpreter.get_signature_runner()

    def run(inputs):
        count = len(next(iter(inputs.values())))
        rows = [
            runner(**{k: v[i : i + 1] for k, v in inputs.items()})
            for i in range(count)
        ]
        return {k: np.concatenate([row[k] for row in rows]) for k in rows[0]}

    return run
