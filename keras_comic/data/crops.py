"""Square crops: where they lie, and how blank they are, without TensorFlow."""

import numpy as np
from PIL import Image

# Of a picture's random numbers the first tells whether it is mirrored. Those of
# the crops to choose from (zoom, top and left of each) begin at the second
# place: at another, a seed would no longer give the batches that it gave.
FLIP = 0
NUM_UNIFORMS = 9
# How often a crop of a drawing that is nearly blank is drawn again.
NUM_TRIES = 8
# Side of the cells that are judged blank or not, pixels.
CELL_SIZE = 8
# Levels of the darkest channel, in [0, 255]: a pixel is white above the first;
# a cell is empty paper if its mean lies above the second and its standard
# deviation below the third.
WHITE_LEVEL = 235.0
PAPER_LEVEL = 200.0
PAPER_DEVIATION = 3.0


class Crops:
    """Square crops at random places, half of them mirrored.

    All datasets of records take one. A crop is `size / zoom` pixels wide in
    the file, at most the file's short side. Where it lies is a function of the
    dataset's seed and of the sample's number alone. Pictures that belong
    together (a photo and its comic, the frames of a clip, the variants of a
    picture) get the same crop. For other changes, map Keras's preprocessing
    layers, such as `keras.layers.RandomColorJitter`, over a dataset.

    Args:
        size: Integer > 0. Side of the crops, pixels. Defaults to `128`.
        zoom: Pair of floats > 0. The range of the factor by which a crop is
            scaled from the file to `size`. Defaults to `(0.6, 1.0)`.
        flip: Boolean. Whether half of the crops are mirrored. Defaults to
            `True`.
        max_blank: Pair of floats in `[0, 1]`. The parts of a drawing's crop
            that may be white, and that may be empty light paper. A crop with
            more is drawn again, up to 8 times; then the least blank one is
            taken. Tinted paper counts twice: white pages teach a generator to
            bleach, empty text boxes to leave holes. Defaults to
            `(0.75, 0.4)`.

    Example:

    >>> keras_comic.data.Crops(256).zoom
    (0.6, 1.0)
    """

    def __init__(
        self,
        size=128,
        zoom=(0.6, 1.0),
        flip=True,
        max_blank=(0.75, 0.4),
    ):
        if not size > 0:
            raise ValueError(
                f"`size` must be a positive integer. Received: size={size}"
            )
        if len(zoom) != 2 or not 0 < zoom[0] <= zoom[1]:
            raise ValueError(
                "`zoom` must be a pair of positive numbers, the smaller "
                f"first. Received: zoom={zoom}"
            )
        if len(max_blank) != 2 or not all(0 <= part <= 1 for part in max_blank):
            raise ValueError(
                "`max_blank` must be a pair of numbers in [0, 1]. "
                f"Received: max_blank={max_blank}"
            )
        self.size = size
        self.zoom = tuple(map(float, zoom))
        self.flip = bool(flip)
        self.max_blank = tuple(map(float, max_blank))


def crop_boxes(shape, uniforms, image_size, zoom):
    """Draws random square boxes inside an image."""
    uniforms = np.asarray(uniforms, "float32")
    low, high = np.asarray(zoom, "float32")
    factors = low + uniforms[:, :1] * (high - low)
    sides = np.round(np.float32(image_size) / factors)
    sides = np.clip(sides, 1, np.float32(min(shape[:2])))
    room = np.asarray(shape[:2], "float32") - sides + 1
    corners = np.minimum(np.floor(uniforms[:, 1:] * room), room - 1)
    return np.concatenate([corners, sides], axis=1).astype("int32")


def crop(image, box, mirror, image_size):
    """Cuts a box out of an image, resizes it and mirrors it."""
    top, left, side = (int(number) for number in box)
    pixels = Image.fromarray(image[top : top + side, left : left + side])
    pixels = np.asarray(
        pixels.resize((image_size, image_size), Image.Resampling.BICUBIC)
    )
    if mirror:
        pixels = pixels[:, ::-1]
    return pixels.astype("float32") / np.float32(127.5) - np.float32(1)


def excess_blank(image, boxes, limits):
    """Returns the factors by which boxes of a drawing are too blank."""
    limits = np.maximum(limits, 1e-3)
    cells = blank_cells(image)
    excess = []
    for top, left, side in np.asarray(boxes):
        inside = cells[
            top // CELL_SIZE : -(-(top + side) // CELL_SIZE),
            left // CELL_SIZE : -(-(left + side) // CELL_SIZE),
        ]
        blank = np.minimum(inside.mean((0, 1)), 1.0)
        excess.append(max(1.0, *(blank / limits)))
    return np.array(excess, "float32")


def blank_cells(image):
    """Measures how blank each cell of 8x8 pixels of a drawing is."""
    darkest = image.min(axis=-1).astype("float32")
    white = _cell_means(darkest > WHITE_LEVEL)
    mean = _cell_means(darkest)
    variance = _cell_means(darkest**2) - mean**2
    paper = (mean > PAPER_LEVEL) & (variance < PAPER_DEVIATION**2)
    weight = np.where(mean > WHITE_LEVEL, 1.0, 2.0)
    return np.stack([white, paper * weight], axis=-1).astype("float32")


def _cell_means(values):
    sums = np.asarray(values, "float32")
    counts = []
    for axis, length in enumerate(sums.shape):
        starts = np.arange(0, length, CELL_SIZE)
        sums = np.add.reduceat(sums, starts, axis=axis)
        counts.append(np.diff(starts, append=length))
    return sums / np.outer(*counts).astype("float32")


def check_batches(batch_size, start_step):
    """Checks the arguments that say which batches a dataset gives."""
    if not batch_size > 0:
        raise ValueError(
            "`batch_size` must be a positive integer. "
            f"Received: batch_size={batch_size}"
        )
    if not start_step >= 0:
        raise ValueError(
            "`start_step` must be an integer of at least 0. "
            f"Received: start_step={start_step}"
        )
