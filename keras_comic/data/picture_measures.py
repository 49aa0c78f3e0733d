"""Measures of a picture: sharpness, blankness, and a perceptual hash."""

import numpy as np
from PIL import Image

from keras_comic.data.borders import check_image

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
# Pictures whose grey varies by no more have no structure to be hashed, levels.
FLAT_DEVIATION = 2.0
# Pictures are shrunk to a short side between this and its double first.
HASHED_SIDE = 128


def sharpness(image):
    """Measures how sharp the sharpest parts of a picture are.

    The variance of the Laplacian of the grey picture in each of 8 by 8 cells;
    the value is that of a cell than which three others are sharper. So a
    sharp face before a blurred background counts as sharp, a flat sky takes
    nothing away, and a date in the corner adds nothing. Photos have 18 to
    40,000, drawings 30 to 30,000 (Pech-Pacheco et al., 2000, in cells).
    """
    from scipy import ndimage

    check_image(image)
    grey = _measured_copy(image)
    side = min(grey.size)
    if side > MEASURED_SIDE:
        size = [round(n * MEASURED_SIDE / side) for n in grey.size]
        grey = grey.resize(size, Image.Resampling.BILINEAR)
    grey = np.asarray(grey, "float32")
    if min(grey.shape) < 3:
        return 0.0
    edges = ndimage.laplace(grey)[1:-1, 1:-1]
    sides = [max(n // NUM_CELLS, min(n, 4)) for n in edges.shape]
    cells = cut_cells(edges, *sides)
    variances = np.sort(cells.var(axis=(1, 3)), axis=None)
    return float(variances[-1 - int(SHARPER_CELLS * len(variances))])


def blank_fraction(image):
    """Measures the part of a picture that is one flat colour.

    Counted are cells, empty but for noise, whose colour is near the most
    frequent one: the paper around a small drawing, a lens cap, a fade to
    black. Drawings have up to 0.88, a photo of a leaf on white 0.89.
    """
    check_image(image)
    factor = max(min(image.shape[:2]) // MEASURED_SIDE, 1)
    small = Image.fromarray(image)
    if factor > 1:
        small = small.reduce(factor)
    side = min(CELL_SIZE, *small.size)
    cells = cut_cells(np.asarray(small.convert("L"), "float32"), side, side)
    flat = cells.std(axis=(1, 3)) <= CELL_DEVIATION
    if not flat.any():
        return 0.0
    rows, columns = flat.shape
    colors = np.asarray(small.reduce(side), "int32")[:rows, :columns][flat]
    bins = colors // 16 @ np.array([256, 16, 1])
    frequent = np.median(colors[bins == np.bincount(bins).argmax()], axis=0)
    near = np.abs(colors - frequent).max(axis=-1) <= COLOR_DISTANCE
    return float(near.sum() / flat.size)


def perceptual_hash(image):
    """Returns a number that pictures share which look the same.

    The 64 bits of `phash` of the library `imagehash`. A picture of one flat
    colour has no structure; its hash tells the colour, so that two of them
    differ in a bit for every 12 levels.
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
    """Returns the grey picture, its short side 511 pixels or less."""
    grey = Image.fromarray(image).convert("L")
    factor = min(grey.size) // MEASURED_SIDE
    return grey.reduce(factor) if factor > 1 else grey


def cut_cells(values, height, width):
    """Cuts into cells, `(rows, height, columns, width)`; drops the rest."""
    rows, columns = values.shape[0] // height, values.shape[1] // width
    values = values[: rows * height, : columns * width]
    return values.reshape(rows, height, columns, width)
