"""Random crops of drawings that are not blank."""

import functools

import tensorflow as tf

from keras_comic.data.crop_arrays import CELL_SIZE
from keras_comic.data.crop_arrays import NUM_TRIES
from keras_comic.data.crop_arrays import excess_blank
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
            boxes -= tf.concat([start, [0]], axis=0)
            measure = functools.partial(
                excess_blank, limits=self.cropper.crops.max_blank
            )
            excess = tf.numpy_function(
                measure, [image, boxes], "float32", stateful=False
            )
            return tf.ensure_shape(excess, boxes.shape[:1])

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
