"""Random changes of pictures for training, made in the graph."""

import functools
import math

import numpy as np
import tensorflow as tf

from keras_comic.data.compilation import has_xla
from keras_comic.data.crop_arrays import BRIGHTNESS
from keras_comic.data.crop_arrays import CONTRAST
from keras_comic.data.crop_arrays import CUTOUT_LEFT
from keras_comic.data.crop_arrays import CUTOUT_TOP
from keras_comic.data.crop_arrays import HUE
from keras_comic.data.crop_arrays import SATURATION

# Degrees that hues turn by at most, at a color jitter of 1.
HUE_DEGREES = 36.0
# RGB to luma and the two axes of colour, of television.
RGB_TO_YIQ = np.array(
    [[0.299, 0.587, 0.114], [0.596, -0.274, -0.322], [0.211, -0.523, 0.312]]
)


def color_changes(uniforms, color_jitter):
    """Draws the change of colours of each picture, as a matrix."""
    grey, cosine, sine = _hue_bases()
    signed = color_jitter * (2.0 * uniforms - 1.0)
    brightness = 1.0 + signed[:, BRIGHTNESS, None, None]
    contrast = 1.0 + signed[:, CONTRAST, None, None]
    saturation = 1.0 + signed[:, SATURATION, None, None]
    angle = signed[:, HUE, None, None] * math.radians(HUE_DEGREES)
    turned = tf.cos(angle) * cosine + tf.sin(angle) * sine
    matrices = 2.0 * contrast * brightness * (grey + saturation * turned)
    # Brightness leaves black alone, contrast middle grey.
    offsets = tf.broadcast_to(-contrast, (tf.shape(uniforms)[0], 3, 1))
    return tf.concat([matrices, offsets], axis=2)


def change_colors(images, changes):
    """Changes the colours of images."""
    columns = [
        _as_high(changes[:, None, None, :, place], images) for place in range(4)
    ]
    total = columns[3]
    for place in range(3):
        channel = images[..., place : place + 1] / 255.0
        total += channel * columns[place]
    return tf.clip_by_value(total, -1.0, 1.0)


def cutout_boxes(uniforms, cutout, image_size):
    """Draws the square that is cut out of each picture."""
    side = round(cutout * image_size)
    corners = tf.stack(
        [uniforms[:, CUTOUT_TOP], uniforms[:, CUTOUT_LEFT]], axis=1
    )
    corners = tf.cast(corners * (image_size - side + 1), "int32")
    return tf.concat([corners, corners + side], axis=1)


def cut_out(images, boxes):
    """Makes a square of each image middle grey."""
    top, left, bottom, right = tf.unstack(boxes[..., None], axis=1)
    shape = tf.shape(images)
    rows, columns = tf.range(shape[-3]), tf.range(shape[-2])
    rows = tf.cast((rows >= top) & (rows < bottom), "float32")
    columns = tf.cast((columns >= left) & (columns < right), "float32")
    # Compiled, this is faster than to choose: it has no axis of length 3.
    columns = tf.repeat(columns, 3, axis=1)
    keep = 1.0 - rows[:, :, None] * columns[:, None, :]
    flat = tf.reshape(images, tf.concat([shape[:-2], [3 * shape[-2]]], axis=0))
    for _ in range(images.shape.rank - 4):
        keep = keep[:, None]
    return tf.ensure_shape(tf.reshape(flat * keep, shape), images.shape)


def mirror_some(images, mirrored):
    """Mirrors some of the images, left to right."""
    mirrored = _as_high(mirrored[:, None, None, None], images)
    return tf.where(mirrored, tf.reverse(images, [-2]), images)


def finish_images(images, mirrored=None, colors=None, cutouts=None):
    """Turns images into floats, with the changes that need no resampling."""
    finished = _finisher()(images, mirrored, colors, cutouts)
    return tf.ensure_shape(finished, images.shape)


@functools.cache
def _finisher():
    return tf.function(_finish, autograph=False, jit_compile=has_xla())


def _finish(images, mirrored, colors, cutouts):
    if mirrored is not None:
        images = mirror_some(images, mirrored)
    images = tf.cast(images, "float32")
    if colors is None:
        # Compiled, it can come out beyond 1 by the last bit.
        images = tf.minimum(images / 127.5 - 1.0, 1.0)
    else:
        images = change_colors(images, colors)
    return images if cutouts is None else cut_out(images, cutouts)


def _as_high(values, images):
    """Adds axes of length 1 after the first, up to the rank of images."""
    for _ in range(images.shape.rank - values.shape.rank):
        values = values[:, None]
    return values


def _hue_bases():
    """Matrices that add up to a turn of hues: of 1, cosine and sine."""
    inverse = np.linalg.inv(RGB_TO_YIQ)
    keep = inverse @ np.diag([1.0, 0.0, 0.0]) @ RGB_TO_YIQ
    cosine = inverse @ np.diag([0.0, 1.0, 1.0]) @ RGB_TO_YIQ
    turn = np.array([[0.0, 0.0, 0.0], [0.0, 0.0, -1.0], [0.0, 1.0, 0.0]])
    sine = inverse @ turn @ RGB_TO_YIQ
    return [matrix.astype("float32") for matrix in (keep, cosine, sine)]
