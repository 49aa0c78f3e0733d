"""Requests for comics to a model, in the form that costs least."""

from typing import NamedTuple

import numpy as np

from keras_comic.models.pictures import SMALLEST_SIDE
from keras_comic.provenance.metadata import read_provenance
from keras_comic.serving.errors import ServingError
from keras_comic.serving.picture_files import read_png
from keras_comic.serving.picture_files import write_png
from keras_comic.serving.style_recipe import DEFAULT
from keras_comic.serving.style_recipe import STYLE_IMAGE
from keras_comic.serving.style_recipe import STYLE_WEIGHTS

COMICS = ("comics", "uint8")
COMIC_BYTES = ("comic_bytes", "object")
STYLE_NAMES = ("style_names", "object")
# Signatures of files, by those of pixels.
OF_FILES = {
    DEFAULT: "serving_bytes",
    STYLE_IMAGE: "serving_bytes_style_image",
    STYLE_WEIGHTS: "serving_bytes_style_weights",
}


class ComicRequests:
    """Asks one model for comics, and for what it knows of itself."""

    def __init__(self, transport, call, style_names):
        self._transport = transport
        self._call = call
        self._given_names = style_names
        self._known_metadata = None
        self._known_styles = None

    @property
    def bytes_per_value(self):
        """Integer. Bytes that a value of a photo takes, at most."""
        return self._transport.bytes_per_value

    def comics(self, photos, recipe, rows):
        """Comics of photos of one size, in one request."""
        try:
            comics = self._comics(photos, recipe, rows)
        except ServingError as error:
            # The version that the metadata are of was replaced.
            if error.code != "NOT_FOUND" or self._known_metadata is None:
                raise
            self._known_metadata = self._known_styles = None
            comics = self._comics(photos, recipe, rows)
        if comics.shape != photos.shape:
            raise ServingError(
                "INTERNAL",
                "The server's comics must have the shape of the photos, "
                f"{photos.shape}. Received: shape={comics.shape}",
            )
        return comics

    def files(
        self, contents, signature="serving_bytes", inputs=None, version=None
    ):
        """Comics of image files, as PNG files, in one request."""
        inputs = {"image_bytes": _texts(contents), **(inputs or {})}
        comics = self._predict(signature, inputs, COMIC_BYTES, version)
        if comics.shape != (len(contents),):
            raise ServingError(
                "INTERNAL",
                f"The server must send {len(contents)} files. "
                f"Received: shape={comics.shape}",
            )
        return comics.tolist()

    def style_names(self):
        """Names of the model's styles."""
        return list(_names(self._styles()))

    def check(self, recipe):
        """Finds unknown names before anything is sent."""
        if recipe.mix is not None:
            _weights(recipe.mix, self._styles())

    def provenance(self):
        """What the model writes into files of its own."""
        probe = np.zeros((SMALLEST_SIDE, SMALLEST_SIDE, 3), "uint8")
        try:
            (file,) = self.files([write_png(probe)])
            return read_provenance(file)
        except ServingError as error:
            # It makes no files.
            if error.code not in ("FAILED_PRECONDITION", "INVALID_ARGUMENT"):
                raise
        except ValueError as error:
            raise _not_png(error) from error
        return None

    def _comics(self, photos, recipe, rows):
        signature = recipe.signature
        sends_files = not self._transport.packs_arrays
        if signature == DEFAULT:
            if sends_files:
                return self._by_files(photos, OF_FILES[DEFAULT], {}, None)
            return self._predict(DEFAULT, {"images": photos}, COMICS)
        inputs, version = recipe.settings(len(photos)), None
        if signature == STYLE_WEIGHTS:
            styles = self._styles()
            version = styles.version
            weights = _weights(recipe.mix, styles)
            if sends_files and recipe.is_plain and not weights[1:].any():
                return self._by_files(photos, OF_FILES[DEFAULT], {}, version)
            inputs["style_weights"] = np.tile(weights, (len(photos), 1))
        if sends_files:
            asked, signatures = self._metadata()
            if OF_FILES[signature] in signatures:
                if signature == STYLE_IMAGE:
                    drawings = _texts(recipe.style_files(rows))
                    inputs["style_image_bytes"] = drawings
                return self._by_files(
                    photos, OF_FILES[signature], inputs, asked
                )
        if signature == STYLE_IMAGE:
            inputs["style_images"] = recipe.style_images(rows)
        inputs["images"] = photos
        return self._predict(signature, inputs, COMICS, version)

    def _by_files(self, photos, signature, inputs, version):
        """Comics of pixels by way of PNG files."""
        contents = [write_png(photo) for photo in photos]
        comics = []
        for file in self.files(contents, signature, inputs, version):
            try:
                comics.append(read_png(file))
            except OSError as error:
                raise _not_png(error) from error
            if comics[-1].shape != photos.shape[1:]:
                raise ServingError(
                    "INTERNAL",
                    "The server's comics must have the shape of the photos, "
                    f"{photos.shape[1:]}. Received: "
                    f"shape={comics[-1].shape}",
                )
        return np.stack(comics)

    def _predict(self, signature, inputs, output, version=None):
        return self._call(
            self._transport.predict, signature, inputs, output, version
        )

    def _metadata(self):
        """The version that was asked, and its signatures."""
        known = self._known_metadata
        if known is None:
            known = self._call(self._transport.metadata)
            self._known_metadata = known
        return known

    def _styles(self):
        """The model's styles, and the version that was asked for them."""
        if self._given_names is not None:
            return _Styles(None, len(self._given_names), self._given_names)
        styles = self._known_styles
        if styles is None:
            styles = self._known_styles = self._ask_styles()
        return styles

    def _ask_styles(self):
        version, signatures = self._metadata()
        if STYLE_WEIGHTS not in signatures:
            raise ServingError(
                "FAILED_PRECONDITION",
                f"The model has no signature `{STYLE_WEIGHTS}`; it has "
                f"{sorted(signatures)}.",
            )
        count = signatures[STYLE_WEIGHTS].inputs["style_weights"].shape[1]
        names = None
        if "style_names" in signatures:
            found = self._predict(
                "style_names",
                {"style_index": np.arange(count, dtype="int32")},
                STYLE_NAMES,
                version,
            )
            names = [name.decode() for name in found]
        return _Styles(version, count, names)


class _Styles(NamedTuple):
    """Named styles: of which version, how many, and their names, if known."""

    version: int | None
    count: int
    names: list | None


def _weights(mix, styles):
    """A weight for each style; all for the first, if there is no mix."""
    weights = np.zeros(styles.count, "float32")
    if mix is None:
        weights[0] = 1.0
        return weights
    names = _names(styles)
    for name, weight in mix:
        if name not in names:
            raise ValueError(
                f"`style` must name styles among {names}. "
                f"Received: style={name!r}"
            )
        weights[names.index(name)] += weight
    return weights


def _names(styles):
    if styles.names is None:
        raise ServingError(
            "FAILED_PRECONDITION",
            "The model does not tell the names of its styles: give "
            "`style_names`, as a list or as the path of its "
            "keras_comic.json.",
        )
    return styles.names


def _texts(contents):
    array = np.empty(len(contents), "object")
    array[:] = contents
    return array


def _not_png(error):
    return ServingError(
        "INTERNAL", f"The server's comic is not a PNG file: {error}"
    )
