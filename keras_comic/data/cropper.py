"""Plans the crops of many pictures, and makes them in batches, in the graph.

A crop is a square of a picture, `side` pixels wide, that becomes `crops.size`
pixels wide. Where it shrinks by 2, 4 or 8 or more, the picture is decoded at
a half, a quarter or an eighth (the `ratio`), and all that follows is in pixels
of that smaller picture.
"""

import math
from typing import NamedTuple

import tensorflow as tf

from keras_comic.data.crop_arrays import FLIP
from keras_comic.data.crop_arrays import NUM_UNIFORMS
from keras_comic.data.crop_arrays import ROTATION
from keras_comic.data.crop_changes import color_changes
from keras_comic.data.crop_changes import cutout_boxes
from keras_comic.data.crop_changes import finish_images
from keras_comic.data.crops import Crops
from keras_comic.data.image_ops import RATIOS
from keras_comic.data.image_ops import resample
from keras_comic.data.image_ops import resize_square


class Cropper:
    """Makes `Crops` in the graph."""

    def __init__(self, crops=None):
        crops = Crops() if crops is None else crops
        if not isinstance(crops, Crops):
            raise TypeError(
                f"`crops` must be a `Crops` or None. Received: crops={crops}"
            )
        self.crops = crops
        self.largest_ratio = _largest_ratio(crops)
        self.largest_window = _largest_window(crops)

    def num_uniforms(self, num_tries):
        """Counts the random numbers that a picture needs."""
        return NUM_UNIFORMS + 3 * num_tries

    def plan(self, sizes, uniforms, parts):
        """Works out the crops of pictures, and the changes of each picture."""
        crops = self.crops
        num_tries = (uniforms.shape[1] - NUM_UNIFORMS) // 3
        places = tf.reshape(uniforms[:, NUM_UNIFORMS:], (-1, num_tries, 3))
        uniforms = uniforms[:, :NUM_UNIFORMS]
        plan = plan_crops(sizes, places, uniforms, crops)
        parts = {"window", *parts}
        if self.largest_ratio > 1:
            parts.add("ratio")
        if crops.rotation:
            parts.add("matrix")
        changes = {}
        # The matrix that turns a crop mirrors it, too.
        if crops.flip and not crops.rotation:
            changes["mirrored"] = plan.mirrored
        if crops.color_jitter:
            changes["colors"] = color_changes(uniforms, crops.color_jitter)
        if crops.cutout:
            changes["cutouts"] = cutout_boxes(
                uniforms, crops.cutout, crops.size
            )
        return {key: getattr(plan, key) for key in sorted(parts)}, changes

    def fit(self, image, crop):
        """Resizes the pixels of a crop's window to the crop."""
        if self.crops.rotation:
            return resample(
                image, crop["matrix"], self.crops.size, self.largest_window
            )
        return resize_square(image, self.crops.size)

    def finish(self, images, changes):
        """Turns a batch of crops into floats."""
        return finish_images(images, **changes)


class CropPlan(NamedTuple):
    """Where crops lie; the shapes begin with those of the crops."""

    ratio: tf.Tensor
    window: tf.Tensor
    box: tf.Tensor
    matrix: tf.Tensor
    mirrored: tf.Tensor


def plan_crops(sizes, places, uniforms, crops):
    """Chooses crops at random."""
    heights, widths = tf.unstack(tf.cast(sizes, "float32")[:, None], axis=-1)
    low, high = crops.zoom
    factors = low + places[..., 0] * (high - low)
    sides = tf.round(crops.size / factors)
    sides = tf.maximum(sides, 1.0)
    sides = tf.minimum(sides, tf.minimum(heights, widths))
    ratios = tf.ones_like(sides)
    for ratio in RATIOS[1:]:
        ratios = tf.where(sides >= ratio * crops.size, float(ratio), ratios)
    # Whole pixels of the smaller picture.
    sides = tf.floor(sides / ratios) * ratios
    tops = _places(places[..., 1], heights - sides, ratios)
    lefts = _places(places[..., 2], widths - sides, ratios)

    mirrored = uniforms[:, FLIP] < (0.5 if crops.flip else 0.0)
    boxes = tf.stack([tops, lefts, sides], axis=-1)
    heights, widths = (
        tf.math.ceil(heights / ratios),
        tf.math.ceil(widths / ratios),
    )
    tops, lefts, sides = tf.unstack(boxes / ratios[..., None], axis=-1)
    angles = 2.0 * uniforms[:, ROTATION, None] - 1.0
    angles = angles * math.radians(crops.rotation)
    cosine, sine = tf.cos(angles), tf.sin(angles)
    if crops.rotation:
        reach = sides / 2.0 * (tf.abs(cosine) + tf.abs(sine)) + 1.0
        middle = tops + sides / 2.0
        first_row = tf.maximum(tf.floor(middle - reach), 0.0)
        last_row = tf.minimum(tf.math.ceil(middle + reach), heights)
        middle = lefts + sides / 2.0
        first_column = tf.maximum(tf.floor(middle - reach), 0.0)
        last_column = tf.minimum(tf.math.ceil(middle + reach), widths)
    else:
        first_row, last_row = tops, tops + sides
        first_column, last_column = lefts, lefts + sides
    windows = [
        first_row,
        first_column,
        last_row - first_row,
        last_column - first_column,
    ]

    # From the middle of the crop to the middle of the box.
    steps = sides / crops.size
    across = tf.where(mirrored[:, None], -steps, steps)
    start = 0.5 - crops.size / 2.0
    middle_row = tops + sides / 2.0 - 0.5 - first_row
    middle_column = lefts + sides / 2.0 - 0.5 - first_column
    matrices = [
        across * cosine,
        steps * sine,
        middle_column + start * (across * cosine + steps * sine),
        -across * sine,
        steps * cosine,
        middle_row + start * (steps * cosine - across * sine),
    ]
    return CropPlan(
        tf.cast(ratios, "int32"),
        tf.cast(tf.stack(windows, axis=-1), "int32"),
        tf.cast(boxes, "int32"),
        tf.stack(matrices, axis=-1),
        mirrored,
    )


def _largest_ratio(crops):
    """Returns the largest ratio that crops can need."""
    side = _largest_side(crops)
    return max(
        ratio for ratio in RATIOS if side >= ratio * crops.size or ratio == 1
    )


def _largest_window(crops):
    """Returns a bound of the sides of the windows of crops."""
    side = _largest_side(crops)
    ratio = _largest_ratio(crops)
    # Just before the next ratio, or at the end.
    side = max(side / ratio, 2 * crops.size if ratio > 1 else 0)
    angle = math.radians(crops.rotation)
    if angle:
        side = side * (math.cos(angle) + math.sin(angle)) + 4
    return math.ceil(side)


def _largest_side(crops):
    return math.floor(crops.size / crops.zoom[0] + 0.5)


def _places(uniforms, room, ratios):
    places = tf.minimum(tf.floor(uniforms * (room + 1.0)), room)
    return tf.floor(places / ratios) * ratios
