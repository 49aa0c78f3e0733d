"""Plans the crops of many pictures, and makes them in batches, in the graph.

A crop is a square of a picture, `side` pixels wide, that becomes `crops.size`
pixels wide. Where it shrinks by 2, 4 or 8 or more, the picture is decoded at
a half, a quarter or an eighth (the `ratio`), and all that follows is in pixels
of that smaller picture.
"""

import math

import tensorflow as tf

from keras_comic.data.crop_arrays import FLIP
from keras_comic.data.crop_arrays import NUM_UNIFORMS
from keras_comic.data.crops import Crops
from keras_comic.data.image_ops import RATIOS


class Cropper:
    """Makes `Crops` in the graph."""

    def __init__(self, crops=None):
        crops = Crops() if crops is None else crops
        if not isinstance(crops, Crops):
            raise TypeError(
                f"`crops` must be a `Crops` or None. Received: crops={crops}"
            )
        self.crops = crops
        largest_side = math.floor(crops.size / crops.zoom[0] + 0.5)
        self.largest_ratio = max(
            ratio
            for ratio in RATIOS
            if largest_side >= ratio * crops.size or ratio == 1
        )

    def num_uniforms(self, num_tries):
        """Counts the random numbers that a picture needs."""
        return NUM_UNIFORMS + 3 * num_tries

    def plan(self, sizes, uniforms):
        """Chooses the crops of pictures, and which pictures are mirrored.

        Returns a dict: `ratio`; `window` (top, left, height, width in the
        smaller picture); `box` (top, left, side in the file); `mirrored`.
        """
        crops = self.crops
        places = uniforms[:, NUM_UNIFORMS:]
        places = tf.reshape(places, (-1, places.shape[1] // 3, 3))
        heights, widths = tf.unstack(
            tf.cast(sizes, "float32")[:, None], axis=-1
        )
        low, high = crops.zoom
        factors = low + places[..., 0] * (high - low)
        sides = tf.maximum(tf.round(crops.size / factors), 1.0)
        sides = tf.minimum(sides, tf.minimum(heights, widths))
        ratios = tf.ones_like(sides)
        for ratio in RATIOS[1:]:
            ratios = tf.where(sides >= ratio * crops.size, float(ratio), ratios)
        # Whole pixels of the smaller picture.
        sides = tf.floor(sides / ratios) * ratios
        tops = _places(places[..., 1], heights - sides, ratios)
        lefts = _places(places[..., 2], widths - sides, ratios)
        boxes = tf.stack([tops, lefts, sides], axis=-1)
        windows = tf.stack([tops, lefts, sides, sides], axis=-1)
        windows /= ratios[..., None]
        return {
            "ratio": tf.cast(ratios, "int32"),
            "window": tf.cast(windows, "int32"),
            "box": tf.cast(boxes, "int32"),
            "mirrored": uniforms[:, FLIP] < (0.5 if crops.flip else 0.0),
        }


def _places(uniforms, room, ratios):
    places = tf.minimum(tf.floor(uniforms * (room + 1.0)), room)
    return tf.floor(places / ratios) * ratios


def finish_images(images, mirrored):
    """Mirrors some of the images, and turns all of them into floats."""
    mirrored = tf.reshape(mirrored, [-1] + [1] * (images.shape.rank - 1))
    images = tf.where(mirrored, tf.reverse(images, [-2]), images)
    return tf.cast(images, "float32") / 127.5 - 1.0
