"""What the datasets need of a record, checked as far as is cheap."""

import struct
from typing import NamedTuple

import numpy as np
import tensorflow as tf
from google.protobuf.message import DecodeError

JPEG_START = b"\xff\xd8"
JPEG_END = b"\xff\xd9"
PNG_START = b"\x89PNG\r\n\x1a\n"
PNG_END = b"IEND"


class EncodedPicture(NamedTuple):
    """A JPEG or PNG file of a record."""

    encoded: bytes
    is_jpeg: bool
    height: int
    width: int


def parse_record(data):
    """Parses the bytes of a record."""
    try:
        return tf.train.Example.FromString(data).features.feature
    except DecodeError:
        raise ValueError("it cannot be parsed") from None


def string_values(features, key):
    """The strings of a feature; none where it is missing."""
    return features[key].bytes_list.value if key in features else ()


def picture_size(features):
    """The size that a record says its pictures have."""
    size = []
    for key in ("image/height", "image/width"):
        values = features[key].int64_list.value if key in features else ()
        if len(values) != 1 or values[0] < 1:
            raise ValueError(f"its `{key}` is missing")
        size.append(values[0])
    return tuple(size)


def read_picture(features, key, size, check):
    """The file of a picture in a record."""
    values = string_values(features, key)
    if len(values) != 1:
        raise ValueError(f"its `{key}` is missing")
    return encoded_picture(values[0], key, size, check)


def encoded_picture(encoded, key, size, check):
    """A file of a record, with what is known of it."""
    is_jpeg = encoded[:2] == JPEG_START
    if check:
        found, start = (_jpeg_size if is_jpeg else _png_size)(encoded)
        if found != size:
            raise ValueError(
                f"its `{key}` is not a JPEG or PNG file of {size[1]}x{size[0]} "
                "pixels"
            )
        if encoded.rfind(JPEG_END if is_jpeg else PNG_END) < start:
            raise ValueError(f"its `{key}` is cut off")
    return EncodedPicture(encoded, is_jpeg, *size)


def _jpeg_size(encoded):
    """Height and width, and where what says so begins."""
    place = 2
    while place + 9 <= len(encoded) and encoded[place] == 0xFF:
        marker = encoded[place + 1]
        if marker == 0xFF:
            place += 1
        elif marker == 0x01 or 0xD0 <= marker <= 0xD8:
            place += 2
        elif 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            return struct.unpack_from(">HH", encoded, place + 5), place
        else:
            place += 2 + int.from_bytes(encoded[place + 2 : place + 4], "big")
    return None, 0


def _png_size(encoded):
    if encoded[:8] != PNG_START or len(encoded) < 24:
        return None, 0
    return struct.unpack_from(">II", encoded, 16)[::-1], 24


def string_array(values):
    """An array of strings for `tf.numpy_function`."""
    # NumPy's own array of bytes would lose zeros at the end.
    array = np.empty(len(values), object)
    array[:] = values
    return array
