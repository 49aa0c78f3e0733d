"""Dots of print: colour halftone, screentone, and paper."""

import numpy as np

from keras_comic.comic.smoothing import check_picture
from keras_comic.comic.smoothing import check_share
from keras_comic.comic.smoothing import logistic

# Angles of the screens of cyan, magenta, yellow and black, degrees.
ANGLES = (15.0, 75.0, 0.0, 45.0)
# A cell of the screen, as a part of the picture's short side.
CELL = 1 / 90
MIN_CELL = 4.0
# How steep the edges of dots are, by the pixels of a cell.
STEEPNESS = 4.0


def halftone(image, amount=1.0, cell=CELL):
    """Prints a picture in dots of cyan, magenta, yellow and black.

    The screens are fixed to the page: in a video dots grow and shrink, but do
    not move. Edges of dots are smooth over a pixel.

    Args:
        image: Uint8 array `(height, width, 3)`, RGB in `[0, 255]`.
        amount: Float in `[0, 1]`. Share of the dots in the picture. Defaults
            to `1.0`.
        cell: Float > 0. Distance of dots, as a part of the short side.
            Defaults to `1 / 90`.

    Returns:
        Uint8 array of the same shape.

    Raises:
        ValueError: If an argument is not as above.

    Example:

    >>> grey = np.full((90, 90, 3), 128, "uint8")
    >>> dots = keras_comic.comic.halftone(grey)
    >>> bool(abs(float(dots.mean()) - 128) < 12)
    True
    """
    check_picture(image)
    check_share("amount", amount)
    size = max(cell * min(image.shape[:2]), MIN_CELL)
    paint = 1.0 - image.astype("float32") / 255.0
    black = paint.min(axis=-1)
    printed = np.ones(image.shape, "float32")
    inks = [*np.moveaxis(paint - black[..., None], -1, 0), black]
    for number, (ink, angle) in enumerate(zip(inks, ANGLES, strict=True)):
        dots = _dots(ink, size, angle)
        if number < 3:
            printed[..., number] *= 1.0 - dots
        else:
            printed *= 1.0 - dots[..., None]
    return _blend(image, 255.0 * printed, amount)


def screentone(image, amount=1.0, cell=CELL):
    """Shades a picture in black dots on white, as manga does.

    Args:
        image: Uint8 array `(height, width, 3)`, RGB in `[0, 255]`.
        amount: As in `halftone`. Defaults to `1.0`.
        cell: As in `halftone`. Defaults to `1 / 90`.

    Returns:
        Uint8 array of the same shape: white above a lightness of 0.8, black
        below 0.15, dots between.

    Raises:
        ValueError: If an argument is not as above.

    Example:

    >>> white = np.full((90, 90, 3), 250, "uint8")
    >>> int(keras_comic.comic.screentone(white).min())
    255
    """
    check_picture(image)
    check_share("amount", amount)
    size = max(cell * min(image.shape[:2]), MIN_CELL)
    light = image.astype("float32") @ np.float32([0.299, 0.587, 0.114]) / 255.0
    ink = ((0.8 - light) / 0.65).clip(0.0, 1.0)
    dots = _dots(ink, size, ANGLES[3])
    return _blend(image, 255.0 * (1.0 - dots[..., None]), amount)


def put_on_paper(image, color=(250, 244, 230), grain=0.02):
    """Prints a picture on paper: what is white takes the paper's colour.

    Args:
        image: Uint8 array `(height, width, 3)`, RGB in `[0, 255]`.
        color: Three integers in `[0, 255]`, RGB. Defaults to a warm white.
        grain: Float >= 0. Deviation of the paper's own tone, which is the
            same for every picture of a size. Defaults to `0.02`.

    Returns:
        Uint8 array of the same shape.

    Example:

    >>> white = np.full((4, 4, 3), 255, "uint8")
    >>> paper = keras_comic.comic.put_on_paper(white, grain=0.0)
    >>> paper[0, 0].tolist()
    [250, 244, 230]
    """
    check_picture(image)
    noise = np.random.default_rng(0).standard_normal(image.shape[:2])
    tone = 1.0 + np.float32(grain) * noise[..., None].astype("float32")
    paper = np.asarray(color, "float32") / 255.0 * tone
    return (image * paper).clip(0, 255).round().astype("uint8")


def _dots(ink, size, angle):
    """Returns 1 on dots that cover as much of the page as there is ink."""
    rows, columns = np.indices(ink.shape, dtype="float32")
    turn = np.deg2rad(angle)
    u = (columns * np.cos(turn) + rows * np.sin(turn)) * (2 * np.pi / size)
    v = (rows * np.cos(turn) - columns * np.sin(turn)) * (2 * np.pi / size)
    wave = (2.0 - np.cos(u) - np.cos(v)).astype("float32") / 4.0
    steepness = np.float32(STEEPNESS * size)
    threshold = np.interp(ink, *_coverage(steepness)).astype("float32")
    dots = logistic((threshold - wave) * steepness)
    return np.where(ink <= 0.01, 0.0, np.where(ink >= 0.99, 1.0, dots))


def _coverage(steepness):
    """Returns shares of the page, and the thresholds that cover them."""
    turns = np.linspace(0, 2 * np.pi, 48, endpoint=False)
    wave = (2.0 - np.cos(turns)[:, None] - np.cos(turns)) / 4.0
    thresholds = np.linspace(-0.3, 1.3, 65)
    dots = logistic((thresholds[:, None] - wave.ravel()) * steepness)
    return dots.mean(axis=1), thresholds


def _blend(image, drawn, amount):
    mixed = image + np.float32(amount) * (drawn - image)
    return mixed.clip(0, 255).round().astype("uint8")
