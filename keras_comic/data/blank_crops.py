"""Which crops of a drawing are blank, in the graph.

The operations of `keras_comic.data.crops`, for datasets.
"""

import tensorflow as tf

from keras_comic.data.crops import CELL_SIZE
from keras_comic.data.crops import PAPER_DEVIATION
from keras_comic.data.crops import PAPER_LEVEL
from keras_comic.data.crops import WHITE_LEVEL


def excess_blank(cells, boxes, limits):
    """By what factor boxes of a drawing exceed the limits of what is blank."""
    sums = tf.cumsum(tf.cumsum(cells, axis=0), axis=1)
    sums = tf.pad(sums, [[1, 0], [1, 0], [0, 0]])
    start = boxes[:, :2] // CELL_SIZE
    end = -(-(boxes[:, :2] + boxes[:, 2:]) // CELL_SIZE)
    top, left = tf.unstack(start, axis=1)
    bottom, right = tf.unstack(end, axis=1)
    total = (
        _at(sums, bottom, right)
        - _at(sums, top, right)
        - _at(sums, bottom, left)
        + _at(sums, top, left)
    )
    area = tf.cast((bottom - top) * (right - left), "float32")
    blank = tf.minimum(total / area[:, None], 1.0)
    excess = tf.reduce_max(blank / tf.maximum(limits, 1e-3), axis=1)
    return tf.maximum(excess, 1.0)


def blank_cells(image, text_boxes=None, start=(0, 0)):
    """How blank each cell of 8x8 pixels of a drawing is."""
    darkest = tf.cast(tf.reduce_min(image, axis=-1), "float32")
    white = tf.cast(darkest > WHITE_LEVEL, "float32")
    maps = [white, darkest, tf.square(darkest), tf.ones_like(darkest)]
    shape = tf.shape(image)
    maps = tf.pad(
        tf.stack(maps, axis=-1),
        [[0, -shape[0] % CELL_SIZE], [0, -shape[1] % CELL_SIZE], [0, 0]],
    )
    maps = tf.nn.avg_pool2d(maps[None], CELL_SIZE, CELL_SIZE, "VALID")[0]
    white, mean, square = tf.unstack(maps[..., :3] / maps[..., 3:], axis=-1)
    paper = tf.logical_and(
        mean > PAPER_LEVEL, square - mean**2 < PAPER_DEVIATION**2
    )
    weight = tf.where(mean > WHITE_LEVEL, 1.0, 2.0)
    paper = tf.cast(paper, "float32") * weight
    if text_boxes is not None:
        paper = tf.where(
            _touched(tf.shape(paper), text_boxes, start), 2.0, paper
        )
    return tf.stack([white, paper], axis=-1)


def _touched(shape, boxes, start):
    """Whether boxes touch each cell."""
    touched = []
    for axis in range(2):
        cells = (tf.range(shape[axis]) * CELL_SIZE + start[axis])[:, None]
        first, length = boxes[:, axis], boxes[:, 2 + axis]
        touched.append((cells + CELL_SIZE > first) & (cells < first + length))
    rows, columns = touched
    return tf.reduce_any(rows[:, None] & columns[None], axis=-1)


def _at(grid, rows, columns):
    return tf.gather_nd(grid, tf.stack([rows, columns], axis=1))
