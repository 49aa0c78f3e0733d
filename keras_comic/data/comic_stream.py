"""Random crops of drawings that are not blank."""

import tensorflow as tf

from keras_comic.data.blank_crops import blank_cells
from keras_comic.data.blank_crops import excess_blank
from keras_comic.data.crops import CELL_SIZE
from keras_comic.data.crops import NUM_TRIES
from keras_comic.data.crops import check_fraction
from keras_comic.data.image_ops import cut
from keras_comic.data.image_ops import decode_window
from keras_comic.data.image_ops import shrink
from keras_comic.data.picture_stream import PictureStream
from keras_comic.data.record_fields import text_boxes


class ComicStream(PictureStream):
    """Makes crops of drawings, evenly over labels."""

    num_tries = NUM_TRIES
    evenly = True

    def __init__(
        self,
        records,
        seed,
        name,
        cropper,
        variants=(),
        limits=(0.75, 0.4),
        avoid_text=True,
    ):
        check_fraction("white_fraction", limits[0])
        check_fraction("paper_fraction", limits[1])
        self.limits = limits
        self.avoid_text = avoid_text
        super().__init__(records, seed, name, cropper, variants)

    def extract(self, features, size, check):
        extracted = super().extract(features, size, check)
        if self.avoid_text:
            extracted["text_boxes"] = text_boxes(features)
        return extracted

    def specs(self):
        specs = super().specs()
        if self.avoid_text:
            specs["text_boxes"] = tf.TensorSpec([], "string")
        return specs

    def prepare(self, block):
        crops, changes = self.cropper.plan(
            block["sizes"], block["uniforms"], parts=["box"]
        )
        return {**block, "crops": crops, "changes": changes}

    def choose(self, sample):
        """Chooses the first crop that is not blank, or the least blank one."""
        crops, ratio = sample["crops"], self.cropper.largest_ratio
        # Whole cells around the first crop: most are not blank, and nothing
        # else of the file has to be decoded.
        ratios = crops.get("ratio", tf.ones([self.num_tries], "int32"))
        windows = crops["window"] * ratios[:, None]
        part = _whole_cells(crops["box"][0], windows[0], sample["sizes"])
        texts = None
        if self.avoid_text:
            texts = tf.io.decode_raw(sample["text_boxes"], "int32")
            texts = tf.reshape(texts, (-1, 4))

        def decoded(part):
            return decode_window(
                sample["encoded"], sample["is_jpeg"], 1, part, 1
            )

        def excess(image, boxes, start):
            cells = blank_cells(image, texts, start)
            origin = tf.concat([start, [0]], axis=0)
            return excess_blank(cells, boxes - origin, self.limits)

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
    """The cells that a box touches, and a window, as a window."""
    end = -(-(box[:2] + box[2]) // CELL_SIZE) * CELL_SIZE
    end = tf.maximum(end, window[:2] + window[2:])
    start = tf.minimum(box[:2], window[:2]) // CELL_SIZE * CELL_SIZE
    return tf.concat([start, tf.minimum(end, size) - start], axis=0)
