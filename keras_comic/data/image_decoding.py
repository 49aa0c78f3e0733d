"""Decodes image files inside a TensorFlow graph, within bounds."""

import functools

import numpy as np
import tensorflow as tf

from keras_comic.data.image_formats import FORMATS
from keras_comic.data.image_formats import MAX_PIXELS
from keras_comic.data.image_formats import MAX_SIDE

# Bytes in which the header is looked for.
HEAD_BYTES = 4096
# What stands before EXIF data, wherever it lies in a file.
EXIF_CHUNKS = {"PNG": r"eXIf", "WEBP": r"EXIF\C{4}(?:Exif\x00\x00)?"}
# What each format begins with: places and bytes.
SIGNATURES = {
    "JPEG": [(0, b"\xff\xd8\xff")],
    "PNG": [(0, b"\x89PNG\r\n\x1a\n")],
    "WEBP": [(0, b"RIFF"), (8, b"WEBP")],
    "GIF": [(0, b"GIF8")],
    "BMP": [(0, b"BM")],
}
# Blocks of a GIF before its first picture, such as comments.
MAX_GIF_BLOCKS = 256


@tf.autograph.experimental.do_not_convert
def decode_image(contents, max_pixels=MAX_PIXELS, formats=None):
    """Decodes an image file to RGB, in eager mode and inside graphs.

    It reads JPEG, PNG, GIF, BMP and WebP (where TensorFlow does), and gives
    what `read_image` gives, but for these: colour profiles are not applied,
    16 bits lose the lower byte, transparent pixels of a GIF are black, and
    animated WebP, BMP of other than 24 or 32 plain bits, and a GIF whose first
    picture does not fill it, are refused. The size in the header is checked
    before anything is decoded. With `formats`, others are refused, and the
    graph holds no op for them.
    """
    contents = tf.convert_to_tensor(contents, tf.string)
    names = graph_formats()
    if formats is not None:
        if unknown := sorted(set(formats) - set(names)):
            raise ValueError(
                f"`formats` must be among {names}, which can be read here. "
                f"Received: {unknown}"
            )
        names = [name for name in names if name in formats]
    head = _head(contents, 16)
    matches = [_begins(head, name) for name in names]
    index = tf.argmax(tf.stack([*matches, True]), output_type=tf.int32)
    branches = [
        functools.partial(_branch(name, max_pixels), contents) for name in names
    ]
    branches.append(functools.partial(_refuse, contents, names))
    image = tf.switch_case(index, branches)
    image.set_shape([None, None, 3])
    return image


def graph_formats():
    """Lists the formats that this TensorFlow decodes."""
    return [name for name in SIGNATURES if name in _OPS]


_OPS = {
    # The method that Pillow takes, too.
    "JPEG": functools.partial(
        tf.io.decode_jpeg, channels=3, dct_method="INTEGER_ACCURATE"
    ),
    "PNG": tf.io.decode_png,
    "GIF": functools.partial(
        tf.io.decode_image, channels=3, expand_animations=False
    ),
    # The fourth of 32 bits means nothing.
    "BMP": lambda contents: tf.io.decode_bmp(contents)[..., :3],
}
if hasattr(tf.io, "decode_webp"):
    _OPS["WEBP"] = lambda contents: tf.io.decode_webp(contents)[0]


@functools.cache
def _branch(name, max_pixels):
    """Makes the function for one format."""
    return tf.function(
        functools.partial(_decode, name, max_pixels),
        input_signature=[tf.TensorSpec([], tf.string)],
        autograph=False,
        experimental_attributes={"_noinline": True},
    )


def _head(contents, length=HEAD_BYTES):
    """Returns the first bytes as int64, filled up with zeros."""
    head = tf.strings.substr(contents, 0, length)
    head = tf.io.decode_raw(head, tf.uint8, fixed_length=length)
    return tf.cast(head, tf.int64)


def _decode(name, max_pixels, contents):
    title, head = FORMATS[name].title, _head(contents)
    if name == "JPEG":
        size = tf.image.extract_jpeg_shape(contents)[:2]
        size = tf.cast(size, tf.int64)
    else:
        size = tf.stack(_SIZES[name](head))
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
    if name == "GIF":
        contents, whole = _first_gif_picture(contents, head)
        message = (
            "The GIF image is broken, or its first picture does not fill it. "
            "Received: (height, width)"
        )
        checks.append((whole, message, size))
    elif name in _CHECKS:
        checks.append((*_CHECKS[name](head), title))
    with _checked(checks):
        pixels = _OPS[name](tf.identity(contents))
    if name == "JPEG":
        return _upright(pixels, contents)
    if name in EXIF_CHUNKS:
        return _turned(_to_rgb(pixels), contents, EXIF_CHUNKS[name])
    return tf.ensure_shape(pixels, (None, None, 3))


def _refuse(contents, names):
    titles = ", ".join(FORMATS[name].title for name in names)
    message = (
        "The contents are not an image that can be decoded here; expected one "
        f"of {titles}. Received: contents beginning with the bytes"
    )
    with _checked([(False, message, _head(contents, 8))]):
        return tf.zeros((0, 0, 3), tf.uint8)


def _checked(checks):
    """Makes a context in which ops run only if all the checks hold."""
    # `tf.debugging.Assert` would add a branch to each.
    ops = [
        tf.raw_ops.Assert(condition=holds, data=data, summarize=8)
        for holds, *data in checks
    ]
    return tf.control_dependencies([op for op in ops if op is not None])


def _begins(head, name):
    return tf.reduce_all([_matches(head, *part) for part in SIGNATURES[name]])


def _matches(head, offset, value):
    return tf.reduce_all(
        head[offset : offset + len(value)] == tf.constant(list(value), tf.int64)
    )


def _to_rgb(pixels):
    """Lays grey, RGB, and either with alpha, on white, as RGB."""
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
    """Turns a picture as EXIF's number from 1 to 8 says."""

    def turned(transpose, axes):
        values = tf.transpose(image, (1, 0, 2)) if transpose else image
        return tf.reverse(values, axes) if axes else tf.identity(values)

    turns = [
        functools.partial(turned, transpose, axes)
        for transpose in (False, True)
        for axes in ((), (1,), (0, 1), (0,))
    ]
    return tf.switch_case(tf.cast(orientation, tf.int32) - 1, turns)


def _int64(value):
    return tf.constant(value, tf.int64)


def _number(head, place, length, big=True):
    """Reads unsigned numbers; what lies beyond the head counts as 0."""
    steps = np.arange(length)
    powers = 256 ** (steps[::-1] if big else steps)
    if isinstance(place, int):
        return tf.reduce_sum(head[place : place + length] * powers)
    places = tf.cast(place, tf.int64)[..., tf.newaxis] + steps
    # The byte behind the last, which is 0, stands for all that follow.
    places = tf.clip_by_value(places, 0, HEAD_BYTES)
    digits = tf.gather(tf.pad(head, [[0, 1]]), places)
    return tf.reduce_sum(digits * powers, axis=-1)


def _png_size(head):
    return [_number(head, 20, 4), _number(head, 16, 4)]


def _webp_size(head):
    def bits(place, length, shift=0):
        number = _number(head, place, length, big=False) // 2**shift
        return tf.bitwise.bitwise_and(number, _int64(0x3FFF))

    # Height and width in each of the three kinds of WebP.
    extended = [_number(head, place, 3, big=False) + 1 for place in (27, 24)]
    lossless = [bits(21, 4, 14) + 1, bits(21, 4) + 1]
    lossy = [bits(28, 2), bits(26, 2)]
    return tf.where(
        _matches(head, 12, b"VP8X"),
        extended,
        tf.where(_matches(head, 12, b"VP8L"), lossless, lossy),
    )


def _webp_check(head):
    flags = tf.bitwise.bitwise_and(head[20], _int64(2))
    animated = _matches(head, 12, b"VP8X") & (flags > 0)
    return ~animated, "Animated WebP cannot be decoded in a graph. Received:"


def _gif_size(head):
    return [_number(head, place, 2, big=False) for place in (8, 6)]


def _bmp_size(head):
    height = _number(head, 22, 4, big=False)
    # Negative where the rows go from top to bottom.
    return [tf.minimum(height, 2**32 - height), _number(head, 18, 4, big=False)]


def _bmp_check(head):
    bits = _number(head, 28, 2, big=False)
    known = (_number(head, 14, 4, big=False) >= 40) & (
        (bits == 24) | (bits == 32)
    )
    plain = _number(head, 30, 4, big=False) == 0
    return known & plain, "Of BMP, 24 or 32 plain bits are read. Received:"


_SIZES = {
    "PNG": _png_size,
    "WEBP": _webp_size,
    "GIF": _gif_size,
    "BMP": _bmp_size,
}
_CHECKS = {"WEBP": _webp_check, "BMP": _bmp_check}


def _first_gif_picture(contents, head):
    """Cuts a GIF behind its first picture, and says whether that fills it.

    TensorFlow's op would decode all pictures, in unbounded memory.
    """
    count = tf.strings.length(contents)
    # A file that is too short ends in zeros, which end its blocks.
    contents = tf.strings.join([contents, bytes(16)])
    data = tf.cast(tf.io.decode_raw(contents, tf.uint8), tf.int32)
    last = tf.size(data) - 1
    # Parts of a block begin with their length; one of 0 ends it. To follow
    # all of them at once, each step is as long as two before.
    steps = tf.range(last + 1) + tf.where(data > 0, data + 1, 0)
    (ends,) = tf.while_loop(
        lambda ends: tf.reduce_any(tf.gather(data, ends) > 0),
        lambda ends: [tf.gather(ends, ends)],
        [tf.minimum(steps, last)],
    )

    def table_bytes(place):
        """Returns the bytes of a table of colours, by its flags."""
        flags = data[place]
        size = 3 * tf.bitwise.left_shift(2, tf.bitwise.bitwise_and(flags, 7))
        return tf.where(flags >= 128, size, 0)

    start = tf.minimum(13 + table_bytes(10), last)
    (place,) = tf.while_loop(
        lambda place: data[place] == ord("!"),
        lambda place: [tf.minimum(ends[tf.minimum(place + 2, last)] + 1, last)],
        [start],
        maximum_iterations=MAX_GIF_BLOCKS,
    )
    picture = data[place : place + 10]
    picture = tf.pad(picture, [[0, 10 - tf.size(picture)]])
    corner_and_sides = tf.concat([tf.zeros(4, tf.int64), head[6:10]], axis=0)
    fills = tf.reduce_all(tf.cast(picture[1:9], tf.int64) == corner_and_sides)
    table = table_bytes(tf.minimum(place + 9, last))
    end = ends[tf.minimum(place + 11 + table, last)]
    whole = fills & (picture[0] == ord(",")) & (end < count)
    return tf.strings.join(
        [tf.strings.substr(contents, 0, end + 1), ";"]
    ), whole


def _upright(image, contents):
    """Turns a JPEG's pixels as its EXIF data say."""
    # Most pictures of a data set have no EXIF data; this look is quick.
    head = tf.strings.substr(contents, 0, HEAD_BYTES)
    mentioned = tf.strings.regex_full_match(head, r"\C*Exif\x00\C*")

    def turn():
        return _turn(image, _jpeg_orientation(_head(contents)))

    return tf.cond(mentioned, turn, lambda: tf.identity(image))


def _turned(image, contents, chunk):
    """Turns pixels as the EXIF data in a chunk say."""
    data = rf"{chunk}(?:MM\x00\*|II\*\x00)"
    mentioned = tf.strings.regex_full_match(contents, rf"\C*{data}\C*")

    def turn():
        rest = tf.strings.regex_replace(contents, rf"\A\C*{chunk}", "")
        return _turn(image, _orientation(_head(rest), _int64(0), True))

    return tf.cond(mentioned, turn, lambda: tf.identity(image))


def _jpeg_orientation(head):
    """Reads the orientation in a JPEG's EXIF data; 1 where there is none."""
    place = tf.where(_matches(head, 2, b"\xff\xe0"), 4 + _number(head, 4, 2), 2)
    found = (_number(head, place, 2) == 0xFFE1) & (
        _number(head, place + 4, 6) == int.from_bytes(b"Exif\0\0", "big")
    )
    return _orientation(head, place + 10, found)


def _orientation(head, start, found):
    """Reads the orientation in EXIF data that begin at a place."""
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
