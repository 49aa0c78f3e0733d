"""Random crops of drawings that are not blank."""

import tensorflow as tf

from keras_comic.data.crop_arrays import CELL_SIZE
from keras_comic.data.crop_arrays import NUM_TRIES
from keras_comic.data.crop_arrays import PAPER_DEVIATION
from keras_comic.data.crop_arrays import PAPER_LEVEL
from keras_comic.data.crop_arrays import WHITE_LEVEL
from keras_comic.data.image_ops import cut
from keras_comic.data.image_ops import decode_window
from keras_comic.data.image_ops import shrink
from keras_comic.data.picture_stream import PictureStream


class ComicStream(PictureStream):
    """Makes crops of drawings, evenly over labels."""

    num_tries = NUM_TRIES
    evenly = True

    def choose(self, sample):
        """Chooses the first crop that is not blank, or the least blank one."""
        crops, ratio = sample["crops"], self.cropper.largest_ratio
        # Whole cells around the first crop: most are not blank, and nothing
        # else of the file has to be decoded.
        ratios = crops["ratio"]
        windows = crops["window"] * ratios[:, None]
        part = _whole_cells(crops["box"][0], windows[0], sample["sizes"])

        def decoded(part):
            return decode_window(
                sample["encoded"], sample["is_jpeg"], 1, part, 1
            )

        def excess(image, boxes, start):
            origin = tf.concat([start, [0]], axis=0)
            limits = self.cropper.crops.max_blank
            return excess_blank(blank_cells(image), boxes - origin, limits)

        def cut_first():
            return tf.constant(0, "int64"), first, windows[0] - corner

        def choose_any():
            whole = tf.concat([[0, 0], sample["sizes"]], axis=0)
            image = decoded(whole)
            blank = excess(image, crops["box"], [0, 0])
            chosen = tf.argmin(blank)
            return chosen, image, windows[chosen]

        first = decoded(part)
        corner = tf.concat([part[:2], [0, 0]], axis=0)
        blank = excess(first, crops["box"][:1], part[:2])
        chosen, image, window = tf.cond(blank[0] <= 1.0, cut_first, choose_any)
        crop = {key: value[chosen] for key, value in crops.items()}
        pixels = cut(image, window)
        return crop, shrink(pixels, ratios[chosen], ratio)


def _whole_cells(box, window, size):
    """Returns the window of the cells that a box and a window touch."""
    end = -(-(box[:2] + box[2]) // CELL_SIZE) * CELL_SIZE
    end = tf.maximum(end, window[:2] + window[2:])
    start = tf.minimum(box[:2], window[:2]) // CELL_SIZE * CELL_SIZE
    return tf.concat([start, tf.minimum(end, size) - start], axis=0)


def excess_blank(cells, boxes, limits):
    """Returns the factors by which boxes exceed the limits of blankness."""
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


def blank_cells(image):
    """Measures how blank each cell of 8x8 pixels of a drawing is."""
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
    return tf.stack([white, paper], axis=-1)


def _at(grid, rows, columns):
    return tf.gather_nd(grid, tf.stack([rows, columns], axis=1))
