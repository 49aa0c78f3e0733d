"""Requests for comics: the signature to ask, and what it is sent."""

import io

import numpy as np
from PIL import Image

from keras_comic.models.pictures import as_pictures
from keras_comic.models.pictures import check_mix_weights
from keras_comic.models.pictures import check_strength
from keras_comic.models.pictures import describe
from keras_comic.models.pictures import is_picture
from keras_comic.serving.errors import ServingError

DEFAULT = "serving_bytes"
STRENGTH = "serving_bytes_strength"
STYLE_IMAGE = "serving_bytes_style_image"
STYLE_WEIGHTS = "serving_bytes_style_weights"
# A file on its way to a server is not kept.
PNG_COMPRESSION = 1


class ComicRequest:
    """A checked wish, and the inputs that it becomes for some photos.

    Args:
        signatures: Dict of the model's signatures, as `Client.metadata` has.
        style_names: Function that gives the names of the model's styles.
        style: As in `Client.stylize`.
        strength: As in `Client.stylize`.
        keep_color: As in `Client.stylize`.
        count: Integer, the number of photos.
    """

    def __init__(
        self, signatures, style_names, style, strength, keep_color, count
    ):
        check_strength(strength)
        self._settings = {
            "strength": np.float32(strength),
            "keep_color": np.bool_(keep_color),
        }
        self._rows = {}
        is_plain = strength == 1.0 and not keep_color
        if "image_bytes" not in signatures.get(DEFAULT, ()):
            raise ServingError(
                "FAILED_PRECONDITION",
                "The model must draw photos: it has no signature "
                f"`{DEFAULT}` of `image_bytes`. It has {sorted(signatures)}.",
            )
        if style is None and is_plain:
            self.signature, self._settings = DEFAULT, {}
        elif STYLE_WEIGHTS not in signatures:
            if style is not None:
                raise ValueError(
                    "The model draws in one way: it takes no `style`. "
                    f"Received: style={describe(style)}"
                )
            self.signature = STRENGTH
        elif is_picture(style):
            self.signature = STYLE_IMAGE
            drawings, _ = as_pictures(style, "style")
            if len(drawings) not in (1, count):
                raise ValueError(
                    "`style` must be one image, or one for each of the "
                    f"{count} photos. Received: {len(drawings)} style images"
                )
            files = [write_png(drawing) for drawing in drawings]
            self._rows = {"style_image_bytes": _texts(files)}
        else:
            self.signature = STYLE_WEIGHTS
            weights = _weights(style, style_names())
            self._rows = {"style_weights": weights[None]}

    def inputs(self, files, rows):
        """Returns the inputs for files that are such photos of all."""
        inputs = {"image_bytes": _texts(files)}
        for name, values in self._rows.items():
            picked = [0] * len(rows) if len(values) == 1 else list(rows)
            inputs[name] = values[picked]
        for name, value in self._settings.items():
            inputs[name] = np.repeat(value, len(rows))
        return inputs


def write_png(picture):
    """Returns a picture as the contents of a PNG file."""
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "PNG", compress_level=PNG_COMPRESSION)
    return file.getvalue()


def read_png(contents):
    """Returns the picture of a PNG file that a server has sent."""
    try:
        with Image.open(io.BytesIO(contents), formats=["PNG"]) as image:
            return np.asarray(image.convert("RGB"))
    except OSError as error:
        raise ServingError(
            "INTERNAL", f"The server's picture is not a PNG file: {error}"
        ) from error


def _weights(style, names):
    """Returns a weight for each style of the model, from a name or a mix."""
    if style is None:
        style = names[0]
    if isinstance(style, str):
        style = {style: 1.0}
    mix = list(style.items()) if isinstance(style, dict) else style
    if not isinstance(mix, (list, tuple)) or not all(
        isinstance(pair, (list, tuple)) and len(pair) == 2 for pair in mix
    ):
        raise ValueError(
            "`style` must be a name, an image (an array), or a mix of names: "
            "a dict of name to weight or a list of (name, weight). "
            f"Received: style={describe(style)}"
        )
    check_mix_weights([weight for _, weight in mix])
    weights = np.zeros(len(names), "float32")
    for name, weight in mix:
        if not isinstance(name, str) or name not in names:
            raise ValueError(
                f"`style` must name styles among {names}; a server mixes no "
                f"images. Received: {describe(name)}"
            )
        weights[names.index(name)] += weight
    return weights


def _texts(contents):
    array = np.empty(len(contents), "object")
    array[:] = contents
    return array
