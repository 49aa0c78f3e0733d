"""Decoding image files inside a TensorFlow graph, within bounds."""

import functools
import importlib
import importlib.util
import warnings

import numpy as np
import tensorflow as tf

from keras_comic.data.decoders import FORMATS
from keras_comic.data.decoders import MAX_PIXELS
from keras_comic.data.decoders import MAX_SIDE
from keras_comic.data.decoders import reads_sample

# Bytes in which the header is looked for.
HEAD_BYTES = 4096


@tf.autograph.experimental.do_not_convert
def decode_image(contents, max_pixels=MAX_PIXELS, formats=None):
    """Decodes an image file to RGB, in eager mode and inside graphs.

    For `tf.data` and for serving, where files come as strings. It reads the
    formats that `describe_decoders` names under "in a graph", and gives what
    `read_image` gives, but for these: of the orientation (EXIF) only that of
    JPEG files is applied; 16 bits become 8 by leaving out the lower byte;
    GIF's transparent pixels are black; BMP needs 24 or 32 bits a pixel; and
    animated WebP is refused, since TensorFlow's op fails on it. Through
    tensorflow-io, AVIF loses its transparency.

    The size in the header is checked before anything is decoded.

    Args:
        contents: String scalar. The file's bytes.
        max_pixels: Integer > 0. A picture of more pixels is refused, as is
            one with a side of more than 25,000 pixels. Defaults to
            `100_000_000`.
        formats: List of strings or `None`. The formats to read, such as
            `["JPEG", "PNG"]`; other files are refused, and the graph holds
            no op for them. Defaults to `None`, all that can be read.

    Returns:
        Uint8 `(height, width, 3)`, RGB in `[0, 255]`.

    Raises:
        tf.errors.InvalidArgumentError: If the file is broken, too large, or
            of a format that cannot be read.
        ValueError: If one of `formats` cannot be read here.

    Example:

    >>> import tensorflow as tf
    >>> encoded = tf.io.encode_png(np.zeros((32, 48, 1), "uint8"))
    >>> keras_comic.data.decode_image(encoded).shape
    TensorShape([32, 48, 3])
    """
    contents = tf.convert_to_tensor(contents, tf.string)
    names = [name for name in FORMATS if graph_decoder(name) is not None]
    if formats is not None:
        if unknown := sorted(set(formats) - set(names)):
            raise ValueError(
                f"`formats` must be among {names}, which can be read here. "
                f"Received: {unknown}"
            )
        names = [name for name in names if name in formats]
    signatures, numbers = _signatures(names)
    first = _head(contents, signatures.shape[1])
    matches = tf.reduce_all((first == signatures) | (signatures < 0), axis=1)
    index = tf.gather(numbers, tf.argmax(matches))
    branches = [
        functools.partial(_branch(name, max_pixels), contents) for name in names
    ]
    branches.append(functools.partial(_refuse, contents, names))
    image = tf.switch_case(index, branches)
    image.set_shape([None, None, 3])
    return image


@functools.cache
def graph_decoder(name):
    """The op that decodes a format here."""
    return _graph_decoders(name)[0]


@functools.cache
def graph_decoder_package(name):
    """Which package's op decodes a format: a string, or `None`."""
    return _graph_decoders(name)[1]


def _graph_decoders(name):
    row = FORMATS[name]
    candidates = []
    if row.tensorflow is not None and hasattr(tf.io, row.tensorflow):
        op = getattr(tf.io, row.tensorflow)
        adapt = _ADAPTERS.get(row.tensorflow, functools.partial)
        candidates.append((adapt(op), "TensorFlow"))
    if row.tensorflow_io is not None and _tensorflow_io() is not None:
        op = functools.reduce(
            lambda owner, key: getattr(owner, key, None),
            row.tensorflow_io.split("."),
            _tensorflow_io(),
        )
        adapt = _ADAPTERS.get(row.tensorflow_io, functools.partial)
        if op is not None:
            candidates.append((adapt(op), "tensorflow-io"))
    for candidate, package in candidates:
        # Also while a graph is traced, the sample is decoded at once.
        with tf.init_scope():
            if reads_sample(row, candidate):
                return candidate, package
    return None, None


@functools.cache
def _tensorflow_io():
    if importlib.util.find_spec("tensorflow_io") is None:
        return None
    # It warns where its native libraries do not fit this TensorFlow.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return importlib.import_module("tensorflow_io")
        except Exception:
            return None


# Ops that are not simply called with the contents.
_ADAPTERS = {
    # As Pillow decodes.
    "decode_jpeg": lambda op: functools.partial(
        op, channels=3, dct_method="INTEGER_ACCURATE"
    ),
    "decode_gif": lambda op: functools.partial(
        tf.io.decode_image, channels=3, expand_animations=False
    ),
    "decode_webp": lambda op: lambda contents: op(contents)[0],
    "experimental.image.decode_tiff": lambda op: (
        lambda contents: _without_premultiplication(op(contents))
    ),
}


def _without_premultiplication(pixels):
    """RGBA of which the colours lie on black, laid on white, as RGB."""
    pixels = tf.cast(pixels, tf.int32)
    pixels = pixels[..., :3] + 255 - pixels[..., 3:]
    return tf.cast(tf.clip_by_value(pixels, 0, 255), tf.uint8)


@functools.cache
def _branch(name, max_pixels):
    """The function for one format."""
    return tf.function(
        functools.partial(_decode, name, max_pixels),
        input_signature=[tf.TensorSpec([], tf.string)],
        autograph=False,
        experimental_attributes={"_noinline": True},
    )


def _head(contents, length=HEAD_BYTES):
    """The first bytes as int64, filled up with zeros."""
    head = tf.strings.substr(contents, 0, length)
    head = tf.io.decode_raw(head, tf.uint8, fixed_length=length)
    return tf.cast(head, tf.int64)


def _decode(name, max_pixels, contents):
    title = FORMATS[name].title
    if name == "JPEG":
        size = tf.image.extract_jpeg_shape(contents)[:2]
        size = tf.cast(size, tf.int64)
    else:
        head = _head(contents)
        size = _SIZES[name](contents, head)
    small = tf.reduce_all((size > 0) & (size <= MAX_SIDE))
    checks = [
        (
            small & (tf.reduce_prod(size) <= max_pixels),
            f"The {title} image is too large or its header broken: at most "
            f"{max_pixels} pixels are decoded, and sides of {MAX_SIDE}. "
            "Received: (height, width)",
            size,
        )
    ]
    if name in _CHECKS:
        checks.append((*_CHECKS[name](head), title))
    with _checked(checks):
        pixels = graph_decoder(name)(tf.identity(contents))
    if name == "JPEG":
        return _upright(pixels, contents)
    if name == "BMP":
        # Without a mask of its own, the fourth byte means nothing.
        masked = _number(head, 30, 4, big=False) == 3
        pixels = tf.cond(
            masked, lambda: tf.identity(pixels), lambda: pixels[..., :3]
        )
    return _to_rgb(pixels)


def _refuse(contents, names):
    titles = ", ".join(FORMATS[name].title for name in names)
    message = (
        "The contents are not an image that can be decoded here; expected one "
        f"of {titles}. Received: contents beginning with the bytes"
    )
    with _checked([(False, message, _head(contents, 8))]):
        return tf.zeros((0, 0, 3), tf.uint8)


def _checked(checks):
    """What is done in this context needs that all the checks hold."""
    # `tf.debugging.Assert` would add a branch to each.
    ops = [
        tf.raw_ops.Assert(condition=holds, data=data, summarize=8)
        for holds, *data in checks
    ]
    return tf.control_dependencies([op for op in ops if op is not None])


def _signatures(names):
    """All signatures, one a row, -1 where any byte will do."""
    rows, numbers = [], []
    for number, name in enumerate(names):
        for signature in FORMATS[name].signatures:
            row = np.full(16, -1, "int64")
            for offset, value in signature:
                row[offset : offset + len(value)] = list(value)
            rows.append(row)
            numbers.append(number)
    # Whatever no other row fits.
    rows.append(np.full(16, -1, "int64"))
    numbers.append(len(names))
    return np.stack(rows), np.array(numbers, "int32")


def _matches(head, offset, value):
    return tf.reduce_all(
        head[offset : offset + len(value)] == tf.constant(list(value), tf.int64)
    )


def _to_rgb(pixels):
    """Grey, grey and alpha, RGB or RGBA, on white, as RGB."""
    channels = tf.shape(pixels)[-1]
    has_alpha = (channels == 2) | (channels == 4)

    def lay_on_white():
        values = tf.cast(pixels, tf.int32)
        alpha = values[..., -1:]
        values = values[..., :-1] * alpha + 255 * (255 - alpha)
        return tf.cast((values + 127) // 255, tf.uint8)

    pixels = tf.cond(has_alpha, lay_on_white, lambda: tf.identity(pixels))
    height, width = tf.unstack(tf.shape(pixels)[:2], 2)
    return tf.broadcast_to(pixels, [height, width, 3])


def _turn(image, orientation):
    def turned(transpose, *axes):
        def turn():
            values = tf.transpose(image, (1, 0, 2)) if transpose else image
            return tf.reverse(values, axes) if axes else tf.identity(values)

        return turn

    return tf.switch_case(
        tf.cast(orientation, tf.int32) - 1,
        [
            turned(False),
            turned(False, 1),
            turned(False, 0, 1),
            turned(False, 0),
            turned(True),
            turned(True, 1),
            turned(True, 0, 1),
            turned(True, 0),
        ],
    )


def _int64(value):
    return tf.constant(value, tf.int64)


def _number(head, place, length, big=True):
    """Unsigned numbers in the head; what lies beyond it counts as 0."""
    steps = np.arange(length)
    powers = 256 ** (steps[::-1] if big else steps)
    if isinstance(place, int):
        return tf.reduce_sum(head[place : place + length] * powers)
    places = tf.cast(place, tf.int64)[..., tf.newaxis] + steps
    # The byte behind the last, which is 0, stands for all that follow.
    places = tf.clip_by_value(places, 0, HEAD_BYTES)
    digits = tf.gather(tf.pad(head, [[0, 1]]), places)
    return tf.reduce_sum(digits * powers, axis=-1)


def _places(head, pattern):
    """Where in the head a pattern of bytes begins: Boolean `(places,)`."""
    last = HEAD_BYTES - len(pattern)
    return tf.reduce_all(
        [head[i : last + i] == byte for i, byte in enumerate(pattern)], axis=0
    )


def _png_size(contents, head):
    return tf.stack([_number(head, 20, 4), _number(head, 16, 4)])


def _gif_size(contents, head):
    return tf.stack(
        [_number(head, 8, 2, big=False), _number(head, 6, 2, big=False)]
    )


def _bmp_size(contents, head):
    height = _number(head, 22, 4, big=False)
    # Negative where the rows go from top to bottom.
    height = tf.minimum(height, 2**32 - height)
    return tf.stack([height, _number(head, 18, 4, big=False)])


def _webp_size(contents, head):
    extended = _matches(head, 12, b"VP8X")
    lossless = _matches(head, 12, b"VP8L")
    packed = _number(head, 21, 4, big=False)
    low = _int64(0x3FFF)

    def part(place):
        return tf.bitwise.bitwise_and(_number(head, place, 2, big=False), low)

    def side(place, extended_place, shift):
        from_lossless = 1 + tf.bitwise.bitwise_and(
            tf.bitwise.right_shift(packed, _int64(shift)), low
        )
        return tf.where(
            extended,
            1 + _number(head, extended_place, 3, big=False),
            tf.where(lossless, from_lossless, part(place)),
        )

    return tf.stack([side(28, 27, 14), side(26, 24, 0)])


def _webp_check(head):
    flags = tf.bitwise.bitwise_and(head[20], _int64(2))
    animated = _matches(head, 12, b"VP8X") & (flags > 0)
    return ~animated, "Animated WebP cannot be decoded in a graph. Received:"


def _bmp_check(head):
    bits = _number(head, 28, 2, big=False)
    compression = _number(head, 30, 4, big=False)
    known = (_number(head, 14, 4, big=False) >= 40) & (
        ((bits == 24) & (compression == 0))
        | ((bits == 32) & ((compression == 0) | (compression == 3)))
    )
    return known, "Of BMP, 24 or 32 bits a pixel are decoded. Received:"


def _jxl_size(contents, head):
    """Annex D.2 of the standard; see `image_headers`."""
    # In a container, the codestream begins behind the name of its box, and a
    # partial one behind its number too.
    whole, partial = _places(head, b"jxlc"), _places(head, b"jxlp")
    place = tf.where(
        head[0] == 0xFF,
        _int64(0),
        tf.where(
            tf.reduce_any(whole), tf.argmax(whole) + 4, tf.argmax(partial) + 8
        ),
    )
    packed = _number(head, place + 2, 7, big=False)

    def bits(first, count):
        shifted = tf.bitwise.right_shift(packed, first)
        return tf.bitwise.bitwise_and(
            shifted, tf.bitwise.left_shift(one, count) - 1
        )

    one = _int64(1)
    counts = tf.constant([9, 13, 18, 30], tf.int64)
    small = bits(0 * one, one) == 1

    def side(first):
        """The side that is written from this bit, and the bit behind it."""
        count = tf.gather(counts, bits(first, 2 * one))
        return (
            tf.where(
                small,
                8 * (bits(first, 5 * one) + 1),
                bits(first + 2, count) + 1,
            ),
            tf.where(small, first + 5, first + 2 + count),
        )

    height, end = side(one)
    ratio = bits(end, 3 * one)
    # It may lie beyond the 56 bits where a side has 30: too large anyway.
    width = side(end + 3)[0]
    over = tf.constant([1, 1, 12, 4, 3, 16, 5, 2], tf.int64)
    under = tf.constant([1, 1, 10, 3, 2, 9, 4, 1], tf.int64)
    by_ratio = height * tf.gather(over, ratio) // tf.gather(under, ratio)
    found = (head[place] == 0xFF) & (head[place + 1] == 0x0A)
    size = tf.stack([height, tf.where(ratio == 0, width, by_ratio)])
    return tf.where(found, size, tf.zeros_like(size))


def _tiff_size(contents, head):
    shapes, _ = _tensorflow_io().experimental.image.decode_tiff_info(contents)
    return shapes[0][:2]


def _avif_size(contents, head):
    """The largest of the sizes stated: there are also those of tiles."""
    found = _places(head, b"ispe")
    places = tf.where(found)[:, 0]
    sizes = tf.stack(
        [_number(head, places + 12, 4), _number(head, places + 8, 4)], axis=1
    )
    sizes = tf.concat([tf.zeros((1, 2), tf.int64), sizes], axis=0)
    return sizes[tf.argmax(tf.reduce_prod(sizes, axis=1))]


def _jpeg2000_size(contents, head):
    found = _places(head, b"ihdr")
    place = tf.argmax(found)
    size = [_number(head, place + 4, 4), _number(head, place + 8, 4)]
    return tf.where(tf.reduce_any(found), tf.stack(size), _int64([0, 0]))


def _ppm_size(contents, head):
    words = tf.strings.split(tf.strings.substr(contents, 0, 128))
    words = tf.concat([words, [""] * 4], axis=0)[1:4]
    numbers = tf.reduce_all(tf.strings.regex_full_match(words, "[0-9]{1,9}"))
    size = tf.where(numbers, words[:2], ["0", "0"])
    return tf.strings.to_number(size, tf.int64)[::-1]


_SIZES = {
    "AVIF": _avif_size,
    "BMP": _bmp_size,
    "GIF": _gif_size,
    "JPEG2000": _jpeg2000_size,
    "JXL": _jxl_size,
    "PNG": _png_size,
    "PPM": _ppm_size,
    "TIFF": _tiff_size,
    "WEBP": _webp_size,
}
_CHECKS = {"BMP": _bmp_check, "WEBP": _webp_check}


def _upright(image, contents):
    """Turns a JPEG's pixels as its EXIF data say."""
    # One quick look, since most pictures of a data set have none.
    head = tf.strings.substr(contents, 0, HEAD_BYTES)
    mentioned = tf.strings.regex_full_match(head, r"\C*Exif\x00\C*")

    def turn():
        return _turn(image, _jpeg_orientation(_head(contents)))

    return tf.cond(mentioned, turn, lambda: tf.identity(image))


def _jpeg_orientation(head):
    """The orientation in a JPEG's EXIF data, 1 to 8; 1 where there is none."""
    place = tf.where(_matches(head, 2, b"\xff\xe0"), 4 + _number(head, 4, 2), 2)
    found = (_number(head, place, 2) == 0xFFE1) & (
        _number(head, place + 4, 6) == int.from_bytes(b"Exif\0\0", "big")
    )
    start = place + 10
    little = _number(head, start, 2) == int.from_bytes(b"II", "big")

    def number(place, length):
        return tf.where(
            little,
            _number(head, place, length, big=False),
            _number(head, place, length),
        )

    directory = start + number(start + 4, 4)
    entries = directory + 2 + 12 * tf.range(64, dtype=tf.int64)
    listed = tf.range(64, dtype=tf.int64) < number(directory, 2)
    matches = listed & (number(entries, 2) == 0x0112)
    value = number(entries[tf.argmax(matches)] + 8, 2)
    valid = found & tf.reduce_any(matches) & (value >= 1) & (value <= 8)
    return tf.where(valid, value, _int64(1))
