"""Parses the records that datasets read, checked as far as is cheap."""

import io
from typing import NamedTuple

import numpy as np
import tensorflow as tf
from google.protobuf.message import DecodeError
from PIL import Image

JPEG_START = b"\xff\xd8"
# The last bytes of whole files.
_ENDS = {"JPEG": b"\xff\xd9", "PNG": b"IEND"}


class EncodedPicture(NamedTuple):
    """A JPEG or PNG file of a record."""

    encoded: bytes
    is_jpeg: bool


def parse_record(data):
    """Parses the bytes of a record."""
    try:
        return tf.train.Example.FromString(data).features.feature
    except DecodeError:
        raise ValueError("it cannot be parsed") from None


def string_values(features, key):
    """Returns the strings of a feature; none where it is missing."""
    return features[key].bytes_list.value if key in features else ()


def picture_size(features):
    """Returns the size that a record says its pictures have."""
    size = []
    for key in ("image/height", "image/width"):
        values = features[key].int64_list.value if key in features else ()
        if len(values) != 1 or values[0] < 1:
            raise ValueError(f"its `{key}` is missing")
        size.append(values[0])
    return tuple(size)


def read_picture(features, key, size, check):
    """Returns the file of a picture in a record."""
    values = string_values(features, key)
    if len(values) != 1:
        raise ValueError(f"its `{key}` is missing")
    return encoded_picture(values[0], key, size, check)


def encoded_picture(encoded, key, size, check):
    """Checks that a file of a record is a whole picture of the right size."""
    if check:
        file = io.BytesIO(encoded)
        try:
            image = Image.open(file, formats=("JPEG", "PNG"))
        except (OSError, ValueError, SyntaxError):
            image = None
        if image is None or image.size[::-1] != size:
            raise ValueError(
                f"its `{key}` is not a JPEG or PNG file of {size[1]}x{size[0]} "
                "pixels"
            )
        # Pillow has read the header, where a thumbnail has an end of its own.
        end = _ENDS["JPEG" if encoded[:2] == JPEG_START else "PNG"]
        if encoded.rfind(end, file.tell()) < 0:
            raise ValueError(f"its `{key}` is cut off")
    return EncodedPicture(encoded, encoded[:2] == JPEG_START)


def string_array(values):
    """Makes an array of strings for `tf.numpy_function`."""
    # NumPy's own array of bytes would lose zeros at the end.
    array = np.empty(len(values), object)
    array[:] = values
    return array
