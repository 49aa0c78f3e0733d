"""Random crops of drawings that are not blank."""

import functools

import tensorflow as tf

from keras_comic.data.crops import CELL_SIZE
from keras_comic.data.crops import NUM_TRIES
from keras_comic.data.crops import excess_blank
from keras_comic.data.image_ops import box_window
from keras_comic.data.image_ops import cut
from keras_comic.data.image_ops import decode_window
from keras_comic.data.picture_stream import PictureStream


class ComicStream(PictureStream):
    """Makes crops of drawings, evenly over labels."""

    num_tries = NUM_TRIES
    evenly = True

    def choose(self, sample):
        """Chooses the first crop that is not blank, or the least blank one."""
        # Whole cells around the first crop: most are not blank, and nothing
        # else of the file has to be decoded.
        boxes, size = sample["boxes"], sample["sizes"]
        part = _whole_cells(boxes[0], size)

        def decoded(window):
            return decode_window(sample["encoded"], sample["is_jpeg"], window)

        def excess(image, boxes, start):
            boxes -= tf.concat([start, [0]], axis=0)
            measure = functools.partial(
                excess_blank, limits=self.crops.max_blank
            )
            factors = tf.numpy_function(
                measure, [image, boxes], "float32", stateful=False
            )
            return tf.ensure_shape(factors, boxes.shape[:1])

        def cut_first():
            start = tf.concat([part[:2], [0, 0]], axis=0)
            return boxes[0], cut(first, box_window(boxes[0]) - start)

        def choose_any():
            image = decoded(tf.concat([[0, 0], size], axis=0))
            box = boxes[tf.argmin(excess(image, boxes, [0, 0]))]
            return box, cut(image, box_window(box))

        first = decoded(part)
        blank = excess(first, boxes[:1], part[:2])
        return tf.cond(blank[0] <= 1.0, cut_first, choose_any)


def _whole_cells(box, size):
    """Returns the window of the cells that a box touches."""
    end = -(-(box[:2] + box[2]) // CELL_SIZE) * CELL_SIZE
    start = box[:2] // CELL_SIZE * CELL_SIZE
    return tf.concat([start, tf.minimum(end, size) - start], axis=0)
