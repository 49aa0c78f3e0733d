"""Where crops lie in their pictures, for many samples at once, in the graph.

A crop is a square of a picture, `side` pixels wide, that becomes `image_size`
pixels wide. Where it shrinks by 2, 4 or 8 or more, the picture is decoded at
a half, a quarter or an eighth (the `ratio`), and all that follows is in pixels
of that smaller picture.
"""

import math
from typing import NamedTuple

import tensorflow as tf

from keras_comic.data.crops import FLIP
from keras_comic.data.crops import ROTATION
from keras_comic.data.crops import SCALE

# What JPEG files can be shrunk by while they are decoded.
RATIOS = (1, 2, 4, 8)


class CropPlan(NamedTuple):
    """Where crops lie; the shapes begin with those of what was planned."""

    ratio: tf.Tensor
    window: tf.Tensor
    box: tf.Tensor
    matrix: tf.Tensor
    mirrored: tf.Tensor


def plan_crops(sizes, places, uniforms, image_size, zoom, augmentation):
    """Chooses crops at random."""
    heights, widths = tf.unstack(tf.cast(sizes, "float32")[:, None], axis=-1)
    low, high = augmentation.scale
    scales = low + uniforms[:, SCALE, None] * (high - low)
    factors = zoom[0] + places[..., 0] * (zoom[1] - zoom[0])
    sides = tf.round(image_size / (factors * scales))
    sides = tf.maximum(sides, 1.0)
    sides = tf.minimum(sides, tf.minimum(heights, widths))
    ratios = tf.ones_like(sides)
    for ratio in RATIOS[1:]:
        ratios = tf.where(sides >= ratio * image_size, float(ratio), ratios)
    # Whole pixels of the smaller picture.
    sides = tf.floor(sides / ratios) * ratios
    tops = _places(places[..., 1], heights - sides, ratios)
    lefts = _places(places[..., 2], widths - sides, ratios)

    mirrored = uniforms[:, FLIP] < (0.5 if augmentation.flip else 0.0)
    boxes = tf.stack([tops, lefts, sides], axis=-1)
    heights, widths = (
        tf.math.ceil(heights / ratios),
        tf.math.ceil(widths / ratios),
    )
    tops, lefts, sides = tf.unstack(boxes / ratios[..., None], axis=-1)
    angles = 2.0 * uniforms[:, ROTATION, None] - 1.0
    angles = angles * math.radians(augmentation.rotation)
    cosine, sine = tf.cos(angles), tf.sin(angles)
    if augmentation.rotation:
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
    steps = sides / image_size
    across = tf.where(mirrored[:, None], -steps, steps)
    start = 0.5 - image_size / 2.0
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


def largest_ratio(image_size, zoom, augmentation):
    """The largest ratio that crops can need."""
    side = _largest_side(image_size, zoom, augmentation)
    return max(
        ratio for ratio in RATIOS if side >= ratio * image_size or ratio == 1
    )


def largest_window(image_size, zoom, augmentation):
    """A bound of the sides of the windows of crops."""
    side = _largest_side(image_size, zoom, augmentation)
    ratio = largest_ratio(image_size, zoom, augmentation)
    # Just before the next ratio, or at the end.
    side = max(side / ratio, 2 * image_size if ratio > 1 else 0)
    angle = math.radians(augmentation.rotation)
    if angle:
        side = side * (math.cos(angle) + math.sin(angle)) + 4
    return math.ceil(side)


def _largest_side(image_size, zoom, augmentation):
    return math.floor(image_size / (zoom[0] * augmentation.scale[0]) + 0.5)


def _places(uniforms, room, ratios):
    places = tf.minimum(tf.floor(uniforms * (room + 1.0)), room)
    return tf.floor(places / ratios) * ratios
