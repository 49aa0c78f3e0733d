"""Which pictures to leave out: too small, blurred, blank, text, duplicates."""

import collections

import numpy as np
from PIL import Image

from keras_comic.data.borders import check_image
from keras_comic.data.borders import trim_box

# What a record of each kind calls its picture.
NOUNS = {"photos": "photo", "comics": "comic", "pairs": "pair", "clips": "clip"}

# Sharpness and blankness are measured at this short side, pixels.
MEASURED_SIDE = 256
# Sharpness: rows and columns of cells (a side has at least 4 pixels), and the
# part of the cells that may be sharper than the one that counts.
NUM_CELLS = 8
SHARPER_CELLS = 0.05
# Blankness: side of a cell in pixels, the standard deviation of its grey and
# the distance from the most frequent colour that it may have, levels.
CELL_SIZE = 8
CELL_DEVIATION = 6.0
COLOR_DISTANCE = 12

# Text: long side at which it is measured, and the smallest height, pixels.
TEXT_SIDE = 640
MIN_TEXT_HEIGHT = 48
# Side of the blocks that give the local paper and ink, width of the strips
# whose rows are compared, pixels.
BLOCK = 16
STRIP = 20
# Least difference of ink and paper, levels, and what is no ink yet, a part of
# that difference.
MIN_CONTRAST = 48
FAINT = 0.15
# Distance of two lines: at least so many pixels, at most that part of the
# height. A shorter distance that repeats nearly as well is the right one.
MIN_PITCH = 6
MAX_PITCH = 1 / 7
NEARLY = 0.7
# Lines of text repeat that well (a correlation), leave that much of the paper
# between them empty (deviation of the rows' ink over its mean), and change
# from ink to paper so much along a row (change from pixel to pixel, over ink).
MIN_REPETITION = 0.35
MIN_MODULATION = 0.4
MIN_STROKES = 0.3
# So much of a place is inked at least.
MIN_INK = 0.02

# Pictures whose grey varies by no more have no structure to be hashed, levels.
FLAT_DEVIATION = 2.0
# Pictures are shrunk to a short side between this and its double first.
HASHED_SIDE = 128


class Violation(
    collections.namedtuple("Violation", ["rule", "value", "limit", "reason"])
):
    """A rule that a picture breaks."""


class CleaningRules:
    """Says which pictures are good enough to train on.

    Each rule has a threshold, and `None` turns it off. The defaults keep
    nearly everything that a person would keep. Of 1788 photos and 768
    drawings of five books and comics, trimmed, they leave out one photo,
    which is blurred all over, and one drawing, a table of contents:

    | rule | measure | photos | drawings | limit |
    | --- | --- | --- | --- | --- |
    | blurred | `sharpness` | 13, then 18 and more | 31 and more | 15 |
    | blank | `blank_fraction` | up to 0.89 | up to 0.86 | 0.95 |
    | text | `text_fraction` | up to 0.21 | 0.41, then up to 0.11 | 0.35 |

    Of those photos blurred with a Gaussian of 3 pixels (at a short side of
    256), 98% are found, with one of 2 pixels 23%; of 98 rendered pages
    full of text, 100%. All of it, trimming and hashing included, takes 4 to
    5 ms for a picture of 320 pixels, on one core.

    Args:
        min_side: Integer. The least short side, pixels. Defaults to `64`.
        min_sharpness: Float >= 0, as `sharpness` measures it. Defaults to
            `15.0`.
        max_blank: Float in `[0, 1]`, as `blank_fraction` measures it.
            Defaults to `0.95`.
        max_text: Float in `[0, 1]`, as `text_fraction` measures it. Defaults
            to `0.35`.
        exact_duplicates: Boolean. Whether only the first of pictures with
            the same bytes is kept. Defaults to `True`.
        duplicate_distance: Integer in `[0, 64]`. Only the first of pictures
            is kept whose `perceptual_hash` differ in at most so many bits.
            Defaults to `4`.
        trim: Boolean. Whether bars and page margins are cut off. Defaults to
            `True`.

    Raises:
        ValueError: If a threshold is out of its range.

    Example:

    >>> rules = keras_comic.data.CleaningRules(max_blank=0.5)
    >>> page = np.full((96, 96, 3), 255, "uint8")
    >>> page[32:64, 32:64] = np.random.randint(256, size=(32, 32, 3))
    >>> [violation.rule for violation in rules.violations(page, "comics")]
    ['blank']
    >>> rules.trim_box(page)
    (32, 32, 32, 32)
    """

    def __init__(
        self,
        min_side=64,
        min_sharpness=15.0,
        max_blank=0.95,
        max_text=0.35,
        exact_duplicates=True,
        duplicate_distance=4,
        trim=True,
    ):
        for name, value, low, high in (
            ("min_side", min_side, 1, None),
            ("min_sharpness", min_sharpness, 0, None),
            ("max_blank", max_blank, 0, 1),
            ("max_text", max_text, 0, 1),
            ("duplicate_distance", duplicate_distance, 0, 64),
        ):
            inside = value is None or (
                low <= value and (high is None or value <= high)
            )
            if not inside:
                allowed = f">= {low}" if high is None else f"in [{low}, {high}]"
                raise ValueError(
                    f"`{name}` must be {allowed}, or None for no such rule. "
                    f"Received: {name}={value}"
                )
        self.min_side = min_side
        self.min_sharpness = min_sharpness
        self.max_blank = max_blank
        self.max_text = max_text
        self.exact_duplicates = exact_duplicates
        self.duplicate_distance = duplicate_distance
        self.trim = trim

    def get_config(self):
        """The arguments.

        Returns:
            Dict that JSON can hold.
        """
        return dict(vars(self))

    @classmethod
    def from_config(cls, config):
        """Makes the rules again.

        Args:
            config: Dict, from `get_config`.

        Returns:
            `CleaningRules`.
        """
        return cls(**config)

    def trim_box(self, image):
        """The box of the picture without bars and page margins.

        Args:
            image: Uint8 array `(height, width, 3)`, RGB in `[0, 255]`.

        Returns:
            Tuple of integers `(top, left, height, width)`, pixels; the whole
            picture if `trim` is false.
        """
        if self.trim:
            return trim_box(image)
        check_image(image)
        return (0, 0, *image.shape[:2])

    def violations(self, image, kind):
        """Lists the rules that a picture breaks.

        Trim it first: bars count as blank. A picture that is too small is
        not measured any further, and a blank one not called blurred too.

        Args:
            image: Uint8 array `(height, width, 3)`, RGB in `[0, 255]`.
            kind: `"photos"`, `"comics"`, `"pairs"` or `"clips"`: what the
                reasons call it.

        Returns:
            List of `Violation`, in the order of the arguments; empty for a
            good picture.

        Raises:
            ValueError: If `image` is no such array, or `kind` unknown.
        """
        check_image(image)
        if kind not in NOUNS:
            raise ValueError(
                f"`kind` must be one of {', '.join(NOUNS)}. "
                f"Received: kind={kind}"
            )
        noun = NOUNS[kind]
        side = min(image.shape[:2])
        if self.min_side is not None and side < self.min_side:
            reason = (
                f"The {noun} is too small: its short side is {side} pixels, "
                f"less than {self.min_side}."
            )
            return [Violation("too small", side, self.min_side, reason)]
        found = []
        if self.max_blank is not None:
            value = blank_fraction(image)
            if value > self.max_blank:
                reason = (
                    f"The {noun} is blank: {value:.1%} of it is one colour, "
                    f"more than {self.max_blank:.1%}."
                )
                found.append(Violation("blank", value, self.max_blank, reason))
        if self.min_sharpness is not None and not found:
            value = sharpness(image)
            if value < self.min_sharpness:
                reason = (
                    f"The {noun} is blurred: its sharpness is {value:.1f}, "
                    f"less than {self.min_sharpness:g}."
                )
                found.append(
                    Violation("blurred", value, self.min_sharpness, reason)
                )
        if self.max_text is not None:
            value = text_fraction(image)
            if value > self.max_text:
                reason = (
                    f"The {noun} is a page of text: {value:.0%} of its ink "
                    f"are lines of letters, more than {self.max_text:.0%}."
                )
                found.append(Violation("text", value, self.max_text, reason))
        return found


def sharpness(image):
    """How sharp the sharpest parts of a picture are.

    The variance of the Laplacian of the grey picture, at a short side of 256
    pixels (smaller pictures stay as they are), in each of 8 by 8 cells; the
    value is that of a cell than which three others are sharper. So a sharp
    face before a blurred background counts as sharp, a flat sky takes
    nothing away, and a date in the corner adds nothing. Photos have 18 to
    40,000, drawings 30 to 30,000.

    Args:
        image: Uint8 array `(height, width, 3)`, RGB in `[0, 255]`.

    Returns:
        Float >= 0, squared levels of grey; `0` for a picture of less than 3
        pixels.

    Raises:
        ValueError: If `image` is no such array.

    Example:

    >>> noise = np.random.randint(256, size=(32, 32, 3)).astype("uint8")
    >>> flat = np.zeros((32, 32, 3), "uint8")
    >>> keras_comic.data.sharpness(noise) > 1000
    True
    >>> keras_comic.data.sharpness(flat)
    0.0

    Reference:
        - [Pech-Pacheco et al., 2000](https://doi.org/10.1109/ICPR.2000.903548);
          differs from it in: measured in cells, at one size.
    """
    check_image(image)
    grey = _measured_copy(image)
    side = min(grey.size)
    if side > MEASURED_SIDE:
        size = [round(n * MEASURED_SIDE / side) for n in grey.size]
        grey = grey.resize(size, Image.Resampling.BILINEAR)
    grey = np.asarray(grey, "float32")
    if min(grey.shape) < 3:
        return 0.0
    inner = grey[1:-1, 1:-1]
    sums = grey[:-2, 1:-1] + grey[2:, 1:-1] + grey[1:-1, :-2] + grey[1:-1, 2:]
    sides = [max(n // NUM_CELLS, min(n, 4)) for n in inner.shape]
    cells = _cut_cells(4 * inner - sums, *sides)
    variances = np.sort(cells.var(axis=(1, 3)), axis=None)
    return float(variances[-1 - int(SHARPER_CELLS * len(variances))])


def blank_fraction(image):
    """The part of a picture that is one flat colour.

    Counted are cells of 8x8 pixels (at a short side of 256 to 511), empty
    but for noise, whose colour is near the most frequent one: the paper
    around a small drawing, a lens cap, a fade to black. A gradient is no
    flat colour. Drawings have up to 0.88, a photo of a leaf on white 0.89.

    Args:
        image: Uint8 array `(height, width, 3)`, RGB in `[0, 255]`.

    Returns:
        Float in `[0, 1]`.

    Raises:
        ValueError: If `image` is no such array.

    Example:

    >>> image = np.full((64, 64, 3), 255, "uint8")
    >>> image[:32, :32] = np.random.randint(256, size=(32, 32, 3))
    >>> keras_comic.data.blank_fraction(image)
    0.75
    """
    check_image(image)
    factor = max(min(image.shape[:2]) // MEASURED_SIDE, 1)
    small = Image.fromarray(image)
    if factor > 1:
        small = small.reduce(factor)
    side = min(CELL_SIZE, *small.size)
    cells = _cut_cells(np.asarray(small.convert("L"), "float32"), side, side)
    flat = cells.std(axis=(1, 3)) <= CELL_DEVIATION
    if not flat.any():
        return 0.0
    rows, columns = flat.shape
    colors = np.asarray(small.reduce(side), "int32")[:rows, :columns][flat]
    bins = colors // 16 @ np.array([256, 16, 1])
    frequent = np.median(colors[bins == np.bincount(bins).argmax()], axis=0)
    near = np.abs(colors - frequent).max(axis=-1) <= COLOR_DISTANCE
    return float(near.sum() / flat.size)


def text_fraction(image):
    """The part of a picture's ink that is lines of text.

    Text is what repeats at one distance from line to line, leaves paper
    between the lines and changes quickly along them. That is measured in
    narrow strips, so that columns and pages that hang by a degree or two do
    no harm, and needs no letters to be told apart: any horizontal script
    will do, dark on light or light on dark, from four lines on. Lines less
    than 6 pixels apart (at a long side of at most 640) are not seen.

    A page full of text has 0.6 to 1, a page half of which is a picture 0.2
    to 0.3, drawings with a title up to 0.11.

    Args:
        image: Uint8 array `(height, width, 3)`, RGB in `[0, 255]`.

    Returns:
        Float in `[0, 1]`; `0` for pictures of less than 48 pixels in height.

    Raises:
        ValueError: If `image` is no such array.

    Example:

    >>> image = np.full((96, 96, 3), 255, "uint8")
    >>> for line in range(8, 88, 10):
    ...     letters = np.random.randint(2, size=(5, 40, 1)) * 255
    ...     image[line : line + 5, 8:88] = np.repeat(letters, 2, axis=1)
    >>> keras_comic.data.text_fraction(image) > 0.9
    True
    """
    check_image(image)
    ink = _find_ink(image)
    if ink is None:
        return 0.0
    strokes = np.abs(np.diff(ink, axis=1, append=ink[:, -1:]))
    strips = (len(ink), ink.shape[1] // STRIP, STRIP)
    ink = ink.reshape(strips).mean(axis=-1)
    strokes = strokes.reshape(strips).mean(axis=-1)
    pitch = _find_pitch(ink)
    if pitch is None:
        return 0.0
    # Around each row: how much ink there is, and how it varies and repeats.
    around = 4 * pitch
    waves = ink - _running_mean(ink, 2 * pitch)
    energy = _running_mean(waves**2, around)
    repetition = np.maximum.reduce(
        [_correlate(waves, lag, around) for lag in range(pitch - 1, pitch + 2)]
    )
    mean_ink = _running_mean(ink, around)
    is_text = (
        (mean_ink > MIN_INK)
        & (repetition > MIN_REPETITION * energy)
        & (np.sqrt(energy) > MIN_MODULATION * mean_ink)
        & (_running_mean(strokes, around) > MIN_STROKES * mean_ink)
    )
    return float(ink[is_text].sum() / max(ink.sum(), 1e-6))


def perceptual_hash(image):
    """A number that pictures share which look the same.

    The signs of the 8 by 8 lowest frequencies of the grey picture (`phash`
    of the library `imagehash`). The number of bits in which two hashes
    differ, `(one ^ other).bit_count()`, says how unlike the pictures are:
    copies of another size or JPEG quality differ in at most 4 bits, and 99% of
    those that are 10% brighter. Of 3.3 million pairs of photos and drawings
    three differed in 4 bits, all of them copies, three in 6, two of them
    copies, and 43 in 8 to 12. Mirrored and cropped copies are not
    recognised.

    A picture of one flat colour has no structure; its hash tells the colour,
    so that two of them differ in a bit for every 12 levels.

    Args:
        image: Uint8 array `(height, width, 3)`, RGB in `[0, 255]`.

    Returns:
        Integer in `[0, 2**64)`.

    Raises:
        ValueError: If `image` is no such array.

    Example:

    >>> noise = np.random.randint(256, size=(16, 16, 3)).astype("uint8")
    >>> double = np.repeat(np.repeat(noise, 8, axis=0), 8, axis=1)
    >>> one = keras_comic.data.perceptual_hash(double)
    >>> other = keras_comic.data.perceptual_hash(double[::2, ::2])
    >>> (one ^ other).bit_count() <= 4
    True
    """
    import imagehash

    check_image(image)
    small = Image.fromarray(image)
    factor = min(small.size) // HASHED_SIDE
    if factor > 1:
        small = small.reduce(factor)
    grey = small.convert("L")
    if (
        np.asarray(grey.resize((32, 32), Image.Resampling.BOX)).std()
        <= FLAT_DEVIATION
    ):
        return _hash_color(np.asarray(small).mean(axis=(0, 1)))
    bits = np.packbits(imagehash.phash(grey).hash)
    return int.from_bytes(bits.tobytes(), "big")


def _hash_color(color):
    """21 bits a channel, as many of them set as the level is high."""
    number = 0
    for level in color:
        number = number << 21 | (1 << int(level * 21 / 255 + 0.5)) - 1
    return number


def _measured_copy(image):
    """The grey picture, its short side 511 pixels or less."""
    grey = Image.fromarray(image).convert("L")
    factor = min(grey.size) // MEASURED_SIDE
    return grey.reduce(factor) if factor > 1 else grey


def _cut_cells(values, height, width):
    """An array of shape `(rows, height, columns, width)`, without the rest."""
    rows, columns = values.shape[0] // height, values.shape[1] // width
    values = values[: rows * height, : columns * width]
    return values.reshape(rows, height, columns, width)


def _find_ink(image):
    """How dark each pixel is between the local paper and the local ink."""
    grey = Image.fromarray(image).convert("L")
    factor = -(-max(grey.size) // TEXT_SIDE)
    if factor > 1:
        grey = grey.reduce(factor)
    if grey.height < MIN_TEXT_HEIGHT or grey.width < 2 * STRIP:
        return None
    values = np.asarray(grey)
    if np.median(values[::4, ::4]) < 110:
        values = 255 - values
    blocks = _cut_cells(values, BLOCK, BLOCK)
    paper = _spread(blocks.max(axis=(1, 3)), np.maximum)
    darkest = _spread(blocks.min(axis=(1, 3)), np.minimum)
    contrast = np.maximum(paper - darkest, MIN_CONTRAST)
    ink = (paper[:, None, :, None] - blocks) / contrast[:, None, :, None]
    ink = ink.reshape(len(blocks) * BLOCK, -1)
    ink = ink[:, : ink.shape[1] // STRIP * STRIP]
    return np.maximum(ink - FAINT, 0)


def _spread(values, extreme):
    """The extreme of each value and its neighbours, as float32."""
    for axis in (0, 1):
        width = [(1, 1) if a == axis else (0, 0) for a in (0, 1)]
        padded = np.pad(values, width, mode="edge")
        views = np.lib.stride_tricks.sliding_window_view(padded, 3, axis)
        values = extreme.reduce(views, axis=-1)
    return values.astype("float32")


def _find_pitch(ink):
    """The distance at which rows repeat over all strips, or `None`."""
    height = len(ink)
    lags = np.arange(MIN_PITCH, int(height * MAX_PITCH))
    if not len(lags):
        return None
    waves = ink - _running_mean(ink, height // 8)
    spectrum = np.abs(np.fft.rfft(waves, 2 * height, axis=0)) ** 2
    repeats = np.fft.irfft(spectrum.sum(axis=1))[:height]
    # Less rows overlap at a longer distance.
    repeats = repeats * height / (height - np.arange(height))
    peaks = (repeats[lags] >= repeats[lags - 1]) & (
        repeats[lags] >= repeats[lags + 1]
    )
    heights = np.where(peaks, repeats[lags], 0.0)
    if not heights.max() > 0:
        return None
    return int(lags[(heights >= NEARLY * heights.max()).argmax()])


def _running_mean(values, size):
    """The mean of the rows around each row, of those that there are."""
    before, after = size // 2 + 1, size // 2
    places = np.arange(len(values))
    starts = np.maximum(places - before + 1, 0)
    ends = np.minimum(places + after + 1, len(values))
    sums = np.cumsum(values, axis=0, dtype="float64")
    sums = np.concatenate([np.zeros_like(sums[:1]), sums])
    return (sums[ends] - sums[starts]) / (ends - starts)[:, None]


def _correlate(waves, lag, around):
    """The mean product, around each row, of rows that lie a lag apart."""
    products = np.zeros_like(waves)
    products[lag // 2 : lag // 2 + len(waves) - lag] = (
        waves[:-lag] * waves[lag:]
    )
    return _running_mean(products, around)
