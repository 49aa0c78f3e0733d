"""An invisible mark in a picture: 32 bits that are read back without it.

The cosine transform of the whole picture has a coefficient for each pair of
waves over its height and its width, which stays what it is when the picture is
scaled. A band of them is summed up in as many numbers as a code word has bits,
with weights of either sign. Each number is moved to the nearest place of one
of two combs, which stands for its bit.
"""

import functools
import hashlib
import numbers
import zlib

import numpy as np
from scipy.ndimage import uniform_filter

NUM_BITS = 32
NUM_CHECK_BITS = 24
MIN_SIDE = 128
# The band, by the number of half periods over the picture.
LOWEST, HIGHEST = 16, 64
# Coefficients are weighed by their radius to this power, as pictures have
# less in the higher ones.
WHITENING = 1.0
# Between two teeth of a comb, for one pixel, levels of 255.
STEP = 0.5
NUM_ROUNDS = 8
# By how much the band may have become weaker or stronger.
GAINS = np.array(
    [1.0, 0.97, 0.94, 0.91, 0.88, 0.85, 0.82, 0.79, 1.03, 1.06, 1.1, 1.15]
)
# How much of the mark a flat place and one full of detail take, and the
# standard deviation, in levels, that adds 1 to it.
VISIBILITY = (0.5, 2.0)
VISIBILITY_DEVIATION = 12.0

# The convolutional code of rate 1/2 and constraint length 7.
_GENERATORS = (0o171, 0o133)
_MEMORY = 6
_NUM_STATES = 2**_MEMORY
_NUM_CHECKED = NUM_BITS + NUM_CHECK_BITS
_NUM_CODED = 2 * (_NUM_CHECKED + _MEMORY)
_LUMA = np.array([0.299, 0.587, 0.114], "float32")
_LAYOUT = b"keras_comic watermark 1"


def embed_watermark(image, identifier):
    """Hides an identifier in a picture.

    It is read back by `read_watermark` after JPEG compression, scaling,
    mirroring and turning by right angles; not after cropping. It is no proof
    against someone who wants to remove or to forge it. What it survives is in
    `examples/RESPONSIBLE_USE.md`.

    Args:
        image: uint8 `(height, width, 3)`, RGB in `[0, 255]`; sides of at least
            128 pixels, and of 256 for the rates that are stated there.
        identifier: Integer in `[0, 2**32 - 1]`.

    Returns:
        uint8 array of the shape of `image`, at about 43 dB from it. The same
        arguments give the same picture.

    Raises:
        ValueError: If an argument is not as above.

    Example:

    >>> from keras_comic import provenance
    >>> image = np.random.randint(0, 256, (160, 200, 3), dtype="uint8")
    >>> marked = provenance.embed_watermark(image, 0xC0FFEE)
    >>> hex(provenance.read_watermark(marked[:, ::-1]))
    '0xc0ffee'

    Reference:
        - [Chen and Wornell, 2001](https://doi.org/10.1109/18.923725), of the
          whole picture's transform, with a code that corrects errors.
    """
    image = _check_image(image, MIN_SIDE)
    check_identifier(identifier)
    height, width = image.shape[:2]
    rows, columns, bits, weights, dither = _band()
    waves = _waves(height), _waves(width)
    pixels = image.astype("float32")
    visibility = _visibility(pixels @ _LUMA)
    offsets = dither + 0.5 * _encode(_checked_bits(int(identifier)))
    step = STEP * (height * width) ** 0.5
    found = _sums(_transform(image, waves)) / step
    goal = (np.rint(found - offsets) + offsets) * step
    change = np.zeros((height, width), "float32")
    marked = image
    # Rounding, the bounds of the pixels and the uneven visibility take from
    # the mark: what lacks is added in the next round.
    for _ in range(NUM_ROUNDS):
        lack = goal - _sums(_transform(marked, waves))
        added = np.zeros((HIGHEST, HIGHEST), "float32")
        added[rows, columns] = weights * lack[bits]
        change += visibility * (waves[0].T @ added @ waves[1])
        marked = np.clip(np.rint(pixels + change[..., None]), 0, 255)
        marked = marked.astype("uint8")
    return marked


def read_watermark(image):
    """Reads the identifier that `embed_watermark` hid in a picture.

    A checksum of 24 bits guards against reading what is not there.

    Args:
        image: uint8 `(height, width, 3)`, RGB in `[0, 255]`; sides of at least
            64 pixels.

    Returns:
        Integer in `[0, 2**32 - 1]`, or `None` if there is no mark, or none
        that can be read.

    Raises:
        ValueError: If the image is not as above.
    """
    image = _check_image(image, HIGHEST)
    height, width = image.shape[:2]
    found = _transform(image, (_waves(height), _waves(width)))
    found = found / (STEP * (height * width) ** 0.5)
    # Mirrored, every second wave has the other sign.
    signs = (-1.0) ** np.arange(1, HIGHEST + 1)
    sums = np.stack(
        [
            _sums(turned * down * across)
            for turned in (found, found.T)
            for down in (1.0, signs[:, None])
            for across in (1.0, signs)
        ]
    )
    dither = _band()[-1]
    phases = sums[:, None] / GAINS[:, None] - dither
    soft = np.cos(2 * np.pi * phases).reshape(-1, _NUM_CODED)
    for data in _decode(soft):
        identifier = _check(data)
        if identifier is not None:
            return identifier
    return None


def check_identifier(identifier):
    """Raises an error if something is no identifier."""
    if (
        isinstance(identifier, bool)
        or not isinstance(identifier, numbers.Integral)
        or not 0 <= identifier < 2**NUM_BITS
    ):
        raise ValueError(
            "A watermark's identifier must be an integer in "
            f"[0, {2**NUM_BITS - 1}]. Received: identifier={identifier!r}"
        )


def _check_image(image, min_side):
    image = np.asarray(image)
    is_rgb = image.ndim == 3 and image.shape[-1] == 3
    if image.dtype != "uint8" or not is_rgb or min(image.shape[:2]) < min_side:
        raise ValueError(
            "`image` must be uint8, (height, width, 3), with sides of at least "
            f"{min_side} pixels for a watermark. Received: "
            f"dtype={image.dtype}, shape={image.shape}"
        )
    return image


@functools.cache
def _band():
    """Returns rows, columns, bits and weights of the coefficients."""
    rows, columns = np.mgrid[:HIGHEST, :HIGHEST]
    radius = np.hypot(rows + 1, columns + 1)
    inside = (radius >= LOWEST) & (radius <= HIGHEST)
    rows, columns, radius = rows[inside], columns[inside], radius[inside]
    order = np.lexsort((columns, rows, radius))
    order = order[: len(order) // _NUM_CODED * _NUM_CODED]
    rows, columns, radius = rows[order], columns[order], radius[order]
    count = len(order)
    digest = hashlib.shake_128(_LAYOUT).digest(5 * count + 4 * _NUM_CODED)
    keys = np.frombuffer(digest[: 4 * count], "<u4").reshape(-1, _NUM_CODED)
    bits = keys.argsort(axis=1, kind="stable").ravel()
    odd = np.frombuffer(digest[4 * count : 5 * count], "uint8") & 1
    weights = (1.0 - 2.0 * odd) * radius**WHITENING
    weights /= np.sqrt(np.bincount(bits, weights**2))[bits]
    dither = np.frombuffer(digest[5 * count :], "<u4") / 2**32
    return rows, columns, bits, weights, dither


@functools.lru_cache(maxsize=8)
def _waves(size):
    """Returns the cosines over a side: `(HIGHEST, size)`."""
    position = (np.arange(size) + 0.5) / size
    number = np.arange(1, HIGHEST + 1)[:, None]
    waves = np.cos(np.pi * number * position) * np.sqrt(2 / size)
    return waves.astype("float32")


def _transform(image, waves):
    return waves[0] @ (image.astype("float32") @ _LUMA) @ waves[1].T


def _sums(coefficients):
    rows, columns, bits, weights, _ = _band()
    return np.bincount(bits, weights * coefficients[rows, columns])


def _visibility(luminance):
    """Returns how much of the mark each place hides, 1 on average."""
    size = max(5, min(luminance.shape) // 40 | 1)
    luminance = luminance.astype("float64")
    mean = uniform_filter(luminance, size, mode="nearest")
    variance = uniform_filter(luminance**2, size, mode="nearest") - mean**2
    deviation = np.sqrt(np.maximum(variance, 0.0))
    lowest, highest = VISIBILITY
    visibility = lowest + deviation / VISIBILITY_DEVIATION
    visibility = np.minimum(visibility, highest).astype("float32")
    return visibility / visibility.mean()


def _checked_bits(identifier):
    """Returns the identifier's bits and those of its checksum."""
    data = identifier.to_bytes(NUM_BITS // 8, "big")
    return np.unpackbits(np.frombuffer(data + _checksum(data), "uint8"))


def _check(data):
    """Returns the identifier, or `None` if the checksum is wrong."""
    data, checksum = data[: NUM_BITS // 8], data[NUM_BITS // 8 :]
    if _checksum(data) != checksum:
        return None
    return int.from_bytes(data, "big")


def _checksum(data):
    return zlib.crc32(data).to_bytes(4, "big")[-NUM_CHECK_BITS // 8 :]


def _encode(bits):
    """Returns the code word of some bits."""
    register, code = 0, []
    for bit in [*bits, *[0] * _MEMORY]:
        register = (register << 1 | int(bit)) & (2 * _NUM_STATES - 1)
        code += [_parity(register & taps) for taps in _GENERATORS]
    return np.array(code)


def _decode(soft):
    """Returns the bytes of code words (Viterbi), the likeliest first."""
    before, outputs = _trellis()
    count = len(soft)
    pairs = soft.reshape(count, -1, 2).astype("float32")
    metric = np.full((count, _NUM_STATES), -np.inf, "float32")
    metric[:, 0] = 0.0
    choices = []
    for pair in pairs.transpose(1, 0, 2):
        branch = np.tensordot(pair, outputs, (1, 2))
        candidates = metric[:, before] + branch
        choices.append(candidates.argmax(axis=1))
        metric = candidates.max(axis=1)
    which = np.argsort(-metric[:, 0], kind="stable")
    state = np.zeros(count, int)
    bits = []
    for choice in reversed(choices):
        bits.append(state & 1)
        state = before[choice[np.arange(count), state], state]
    bits = np.stack(bits[::-1][:_NUM_CHECKED], axis=1).astype("uint8")
    return [np.packbits(bits[i]).tobytes() for i in which]


@functools.cache
def _trellis():
    """Returns the two states before each state, and what is sent between."""
    states = np.arange(_NUM_STATES)
    before = np.stack([states >> 1, states >> 1 | _NUM_STATES // 2])
    registers = before << 1 | states & 1
    outputs = [
        [[1 - 2 * _parity(r & taps) for taps in _GENERATORS] for r in row]
        for row in registers.tolist()
    ]
    return before, np.array(outputs, "float32")


def _parity(value):
    return value.bit_count() & 1
