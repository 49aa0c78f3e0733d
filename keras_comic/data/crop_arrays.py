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
