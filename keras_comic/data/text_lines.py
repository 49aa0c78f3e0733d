"""How much of a picture is lines of text."""

import numpy as np
from PIL import Image

from keras_comic.data.borders import check_image
from keras_comic.data.picture_measures import cut_cells

# Long side at which text is measured, and the smallest height, pixels.
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


def text_fraction(image):
    """Measures the part of a picture's ink that is lines of text.

    Text repeats at one distance from line to line, leaves paper between the
    lines and changes quickly along them. That is measured in narrow strips,
    so that columns and pages that hang by a degree or two do no harm. A page
    full of text has 0.6 to 1, drawings with a title up to 0.11.
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
    energy = np.maximum(_running_mean(waves**2, around), 0.0)
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


def _find_ink(image):
    """Measures how dark pixels are between local paper and local ink."""
    from scipy import ndimage

    grey = Image.fromarray(image).convert("L")
    factor = -(-max(grey.size) // TEXT_SIDE)
    if factor > 1:
        grey = grey.reduce(factor)
    if grey.height < MIN_TEXT_HEIGHT or grey.width < 2 * STRIP:
        return None
    values = np.asarray(grey)
    if np.median(values[::4, ::4]) < 110:
        values = 255 - values
    blocks = cut_cells(values, BLOCK, BLOCK).astype("float32")
    paper = ndimage.maximum_filter(blocks.max(axis=(1, 3)), 3)
    darkest = ndimage.minimum_filter(blocks.min(axis=(1, 3)), 3)
    contrast = np.maximum(paper - darkest, MIN_CONTRAST)
    ink = (paper[:, None, :, None] - blocks) / contrast[:, None, :, None]
    ink = ink.reshape(len(blocks) * BLOCK, -1)
    ink = ink[:, : ink.shape[1] // STRIP * STRIP]
    return np.maximum(ink - FAINT, 0)


def _find_pitch(ink):
    """Returns the distance at which rows repeat, or `None`."""
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
    """Returns the mean of the rows around each row."""
    from scipy import ndimage

    values = values.astype("float64")
    return ndimage.uniform_filter1d(values, size + 1, axis=0, mode="nearest")


def _correlate(waves, lag, around):
    """Returns the mean product, around each row, of rows a lag apart."""
    products = np.zeros_like(waves)
    products[lag // 2 : lag // 2 + len(waves) - lag] = (
        waves[:-lag] * waves[lag:]
    )
    return _running_mean(products, around)
