"""An invisible mark in a picture: 32 bits that are read back without it.

The cosine transform of the whole picture has a coefficient for each pair of
waves over its height and its width, which stays what it is when the picture is
scaled. A band of them carries the bits of a code word, each spread over some
by chips of either sign. What the picture itself has there is known to whoever
marks it, and only what a margin lacks is added.
"""

import binascii
import functools
import hashlib
import numbers

import numpy as np

NUM_BITS = 32
MIN_SIDE = 128
# The band, by the number of half periods over the picture.
LOWEST, HIGHEST = 10, 64
# Coefficients are weighed by their radius to this power, as pictures have
# less in the higher ones.
WHITENING = 1.0
# Standard deviation of the margin at strength 1, levels of 255: of a picture
# of so many pixels, and at least.
REFERENCE_PIXELS = 256 * 256
LEVELS, MIN_LEVELS = 1.7, 1.0
NUM_ROUNDS = 6

# The convolutional code of rate 1/2 and constraint length 7.
_GENERATORS = (0o171, 0o133)
_MEMORY = 6
_NUM_STATES = 2**_MEMORY
_NUM_CHECKED = NUM_BITS + 16
_NUM_CODED = 2 * (_NUM_CHECKED + _MEMORY)
_LUMA = np.array([0.299, 0.587, 0.114], "float32")
_LAYOUT = b"keras_comic watermark 1"
# Correlations beyond this many of their standard deviations count as so many.
_LIMIT = 2.0


def embed_watermark(image, identifier, strength=1.0):
    """Hides an identifier in a picture.

    It is read back by `read_watermark` after JPEG compression, scaling in
    either direction, and also after mirroring and turning by right angles; not
    after cropping, turning by other angles, or drawing over much of it. It is
    no proof against someone who wants to remove it. What it survived of 100
    pictures is in `examples/RESPONSIBLE_USE.md`.

    Args:
        image: uint8 `(height, width, 3)`, RGB in `[0, 255]`; sides of at least
            128 pixels, and of 256 for the rates that are stated.
        identifier: Integer in `[0, 2**32 - 1]`.
        strength: Float > 0. How far the mark stands out of the picture,
            relative to the default, which is hardly visible. Defaults to
            `1.0`.

    Returns:
        uint8 array of the shape of `image`. The same arguments give the same
        picture.

    Raises:
        TypeError: If `identifier` is not an integer.
        ValueError: If an argument is not as above.

    Example:

    >>> from keras_comic import provenance
    >>> image = np.random.randint(0, 256, (160, 200, 3), dtype="uint8")
    >>> marked = provenance.embed_watermark(image, 0xC0FFEE)
    >>> hex(provenance.read_watermark(marked[::2, ::2]))
    '0xc0ffee'

    Reference:
        - [Cox et al., 1997](https://doi.org/10.1109/83.650120), spread
          spectrum in the cosine transform of the whole picture; differs from
          it in: a message instead of one pattern, which is read without the
          picture, and
        - [Malvar and Florencio, 2003](https://doi.org/10.1109/TSP.2003.809385),
          improved spread spectrum, whose removal of the picture's own part
          this does up to a margin.
    """
    image = _check_image(image)
    check_identifier(identifier)
    if not (isinstance(strength, numbers.Real) and 0 < strength < np.inf):
        raise ValueError(
            "`strength` must be a positive number. "
            f"Received: strength={strength!r}"
        )
    height, width = image.shape[:2]
    rows, columns, bits, weights = _band()
    code = _encode(_checked_bits(int(identifier)))
    level = max(
        LEVELS * (REFERENCE_PIXELS / (height * width)) ** 0.5, MIN_LEVELS
    )
    margin = strength * level * (height * width / _NUM_CODED) ** 0.5
    waves = _waves(height), _waves(width)
    pixels = image.astype("float32")
    visibility = _visibility(pixels @ _LUMA)
    change = np.zeros((height, width), "float32")
    marked = image
    # Rounding, the bounds of the pixels and the uneven strength take from the
    # mark: what then lacks is added in the next round.
    for _ in range(NUM_ROUNDS):
        found = _correlations(_transform(marked, waves))
        lack = code * np.maximum(margin - code * found, 0.0)
        added = np.zeros((HIGHEST, HIGHEST), "float32")
        added[rows, columns] = weights * lack[bits]
        change += visibility * (waves[0].T @ added @ waves[1])
        marked = np.clip(np.rint(pixels + change[..., None]), 0, 255)
        marked = marked.astype("uint8")
    return marked


def read_watermark(image):
    """Reads the identifier that `embed_watermark` hid in a picture.

    The picture may have been compressed, scaled, mirrored, or turned by right
    angles. A checksum of 16 bits guards against reading what is not there.

    Args:
        image: uint8 `(height, width, 3)`, RGB in `[0, 255]`; sides of at least
            64 pixels.

    Returns:
        Integer in `[0, 2**32 - 1]`, or `None` if there is no mark, or none
        that can be read.

    Raises:
        ValueError: If the image is not as above.

    Example:

    >>> from keras_comic import provenance
    >>> image = np.random.randint(0, 256, (160, 200, 3), dtype="uint8")
    >>> provenance.read_watermark(image) is None
    True
    """
    image = _check_image(image, HIGHEST)
    waves = _waves(image.shape[0]), _waves(image.shape[1])
    found = _transform(image, waves)
    # Mirrored, every second wave has the other sign.
    signs = (-1.0) ** np.arange(1, HIGHEST + 1)
    for turned in (found, found.T):
        for down in (1.0, signs[:, None]):
            for across in (1.0, signs):
                soft = _correlations(turned * down * across)
                scale = np.sqrt(np.mean(soft**2))
                if not scale:
                    return None
                soft = np.clip(soft / scale, -_LIMIT, _LIMIT)
                identifier = _check(_decode(soft))
                if identifier is not None:
                    return identifier
    return None


def check_identifier(identifier):
    """Raises an error if something is no identifier.

    Args:
        identifier: Anything.

    Raises:
        TypeError: If it is not an integer.
        ValueError: If it has more than 32 bits.
    """
    if isinstance(identifier, bool) or not isinstance(
        identifier, numbers.Integral
    ):
        raise TypeError(
            "A watermark's identifier must be an integer. "
            f"Received: identifier={identifier!r}"
        )
    if not 0 <= identifier < 2**NUM_BITS:
        raise ValueError(
            f"A watermark's identifier must be in [0, {2**NUM_BITS - 1}]. "
            f"Received: identifier={identifier!r}"
        )


def _check_image(image, min_side=MIN_SIDE):
    image = np.asarray(image)
    if image.dtype != "uint8" or image.ndim != 3 or image.shape[-1] != 3:
        raise ValueError(
            "`image` must be uint8, (height, width, 3). Received: "
            f"dtype={image.dtype}, shape={image.shape}"
        )
    if min(image.shape[:2]) < min_side:
        raise ValueError(
            f"`image` must have sides of at least {min_side} pixels for a "
            f"watermark. Received: shape={image.shape}"
        )
    return image


@functools.cache
def _band():
    """Which coefficients carry which bit, and their weights.

    Each bit has its share of all radii. Whoever reads a mark depends on this
    staying as it is, so that it is made of a hash and not of random numbers.
    """
    rows, columns = np.mgrid[:HIGHEST, :HIGHEST]
    radius = np.hypot(rows + 1, columns + 1)
    inside = (radius >= LOWEST) & (radius <= HIGHEST)
    rows, columns, radius = rows[inside], columns[inside], radius[inside]
    order = np.lexsort((columns, rows, radius))
    order = order[: len(order) // _NUM_CODED * _NUM_CODED]
    rows, columns, radius = rows[order], columns[order], radius[order]
    count = len(order)
    digest = hashlib.shake_128(_LAYOUT).digest(5 * count)
    keys = np.frombuffer(digest[: 4 * count], "<u4").reshape(-1, _NUM_CODED)
    bits = keys.argsort(axis=1, kind="stable").ravel()
    signs = 1.0 - 2.0 * (np.frombuffer(digest[4 * count :], "uint8") & 1)
    weights = signs * radius**WHITENING
    weights /= np.sqrt(np.bincount(bits, weights**2))[bits]
    return rows, columns, bits, weights


@functools.lru_cache(maxsize=8)
def _waves(size):
    """The cosines over a side, without the constant: `(HIGHEST, size)`."""
    position = (np.arange(size) + 0.5) / size
    number = np.arange(1, HIGHEST + 1)[:, None]
    waves = np.cos(np.pi * number * position) * np.sqrt(2 / size)
    return waves.astype("float32")


def _transform(image, waves):
    return waves[0] @ (image.astype("float32") @ _LUMA) @ waves[1].T


def _correlations(coefficients):
    rows, columns, bits, weights = _band()
    return np.bincount(bits, weights * coefficients[rows, columns])


def _visibility(luminance):
    """How much of the mark a place hides: of 1 on average."""
    size = max(5, min(luminance.shape) // 40 | 1)
    mean = _box_mean(luminance, size)
    variance = _box_mean(luminance**2, size) - mean**2
    visibility = np.clip(
        0.5 + np.sqrt(np.maximum(variance, 0.0)) / 12.0, 0.5, 2.0
    )
    return visibility / visibility.mean()


def _box_mean(values, size):
    padding = (size // 2 + 1, size // 2)
    values = np.pad(values.astype("float64"), (padding, padding), "edge")
    sums = values.cumsum(axis=0).cumsum(axis=1)
    sums = sums[size:] - sums[:-size]
    sums = sums[:, size:] - sums[:, :-size]
    return (sums / size**2).astype("float32")


def _checked_bits(identifier):
    """The identifier's bits, and those of its checksum."""
    data = identifier.to_bytes(NUM_BITS // 8, "big")
    data += binascii.crc_hqx(data, 0xFFFF).to_bytes(2, "big")
    return np.unpackbits(np.frombuffer(data, "uint8"))


def _check(bits):
    """The identifier, or `None` if the checksum is wrong."""
    data = np.packbits(bits).tobytes()
    data, checksum = data[:-2], int.from_bytes(data[-2:], "big")
    if binascii.crc_hqx(data, 0xFFFF) != checksum:
        return None
    return int.from_bytes(data, "big")


def _encode(bits):
    """The code word, of 1 and -1."""
    register, code = 0, []
    for bit in [*bits, *[0] * _MEMORY]:
        register = (register << 1 | int(bit)) & (2 * _NUM_STATES - 1)
        code += [_parity(register & taps) for taps in _GENERATORS]
    return 1.0 - 2.0 * np.array(code)


def _decode(soft):
    """The bits of the likeliest code word (Viterbi)."""
    before, outputs = _trellis()
    metric = np.full(_NUM_STATES, -np.inf)
    metric[0] = 0.0
    choices = []
    for pair in soft.reshape(-1, 2):
        candidates = metric[before] + outputs @ pair
        choices.append(candidates.argmax(axis=0))
        metric = candidates.max(axis=0)
    state, bits = 0, []
    for choice in reversed(choices):
        bits.append(state & 1)
        state = before[choice[state], state]
    return np.array(bits[::-1][:_NUM_CHECKED], "uint8")


@functools.cache
def _trellis():
    """The two states before each state, and what is sent on the way."""
    states = np.arange(_NUM_STATES)
    before = np.stack([states >> 1, states >> 1 | _NUM_STATES // 2])
    registers = before << 1 | states & 1
    outputs = [
        [[1 - 2 * _parity(r & taps) for taps in _GENERATORS] for r in row]
        for row in registers.tolist()
    ]
    return before, np.array(outputs, "float64")


def _parity(value):
    return value.bit_count() & 1
