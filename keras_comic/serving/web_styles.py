"""Pictures of the styles: each is the comic of a bundled photograph."""

import hashlib
import io
import json
import logging
import os
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image

# Photographs of scikit-image that are part of what pip installs.
SAMPLES = ("astronaut", "coffee", "chelsea")
# Shown in each style, cut to its face: (left, upper, right, lower), pixels.
THUMBNAIL_SAMPLE = "chelsea"
THUMBNAIL_BOX = (70, 0, 370, 300)
THUMBNAIL_SIDE = 176
# Before and after, where there is no picture of the user's own yet.
OPENING_SAMPLE = "astronaut"
# Changes the names of all files in the cache.
CACHE_VERSION = 1

_logger = logging.getLogger(__name__)


def sample_photo(name):
    """A photograph that scikit-image brings along."""
    if name not in SAMPLES:
        raise ValueError(
            f"`name` must be one of {list(SAMPLES)}. Received: name={name!r}"
        )
    from skimage import data

    return np.asarray(getattr(data, name)())


class StylePictures:
    """Makes pictures of a generator's styles once, and keeps them."""

    def __init__(self, generator, folder=None):
        self.generator = generator
        home = os.environ.get("KERAS_HOME", "~/.keras")
        self.folder = Path(folder or f"{home}/keras_comic/web").expanduser()
        self._weights = hashlib.sha256()
        for weight in generator.get_weights():
            self._weights.update(np.ascontiguousarray(weight).tobytes())

    def thumbnail(self, style):
        """A small square of a face in the style."""
        left, upper, right, lower = THUMBNAIL_BOX
        photo = sample_photo(THUMBNAIL_SAMPLE)[upper:lower, left:right]
        return self._picture(photo, style, THUMBNAIL_SIDE)

    def opening(self, style=None):
        """A photograph and its comic."""
        photo = sample_photo(OPENING_SAMPLE)
        style = style or self.generator.style_names[0]
        comic = self._picture(photo, style)
        return encode_jpeg(photo), comic, (photo.shape[1], photo.shape[0])

    def _picture(self, photo, style, side=None):
        path = self.folder / f"{self._key(photo, style, side)}.jpg"
        try:
            contents = path.read_bytes()
            with Image.open(io.BytesIO(contents)) as image:
                image.verify()
            return contents
        except (OSError, SyntaxError):
            # Not there yet, or not whole.
            pass
        comic = self.generator.stylize(photo, style)
        if side is not None:
            image = Image.fromarray(comic)
            image = image.resize((side, side), Image.Resampling.LANCZOS)
            comic = np.asarray(image)
        contents = encode_jpeg(comic)
        try:
            _write(path, contents)
        except OSError as error:
            _logger.info("Pictures of styles are not kept: %s", error)
        return contents

    def _key(self, photo, style, side):
        digest = self._weights.copy()
        vector = self.generator.styles[style]["vector"]
        facts = [CACHE_VERSION, style, vector, side, photo.shape]
        digest.update(json.dumps(facts).encode())
        digest.update(np.ascontiguousarray(photo).tobytes())
        return digest.hexdigest()[:32]


def encode_jpeg(image, quality=90):
    """Bytes of a JPEG, for showing."""
    file = io.BytesIO()
    Image.fromarray(image).save(file, "JPEG", quality=quality, subsampling=0)
    return file.getvalue()


def _write(path, contents):
    path.parent.mkdir(parents=True, exist_ok=True)
    number, partial = tempfile.mkstemp(".partial", dir=path.parent)
    try:
        with open(number, "wb") as file:
            file.write(contents)
        os.replace(partial, path)
    except OSError:
        Path(partial).unlink(missing_ok=True)
        raise
