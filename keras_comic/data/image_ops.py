"""Operations on the pixels of one picture, in the graph."""

import functools

import tensorflow as tf

from keras_comic.data.compilation import has_xla

# What JPEG files can be shrunk by while they are decoded.
RATIOS = (1, 2, 4, 8)
# A crop that shrinks by more than this takes four points for each pixel.
MAX_SHRINK = 1.25


def decode_window(encoded, is_jpeg, ratio, window, largest_ratio=RATIOS[-1]):
    """Decodes a part of a JPEG or PNG file."""

    def decode_jpeg(ratio):
        return tf.raw_ops.DecodeAndCropJpeg(
            contents=encoded, crop_window=window, channels=3, ratio=ratio
        )

    def decode_png():
        image = tf.io.decode_png(encoded, channels=3)
        return shrink(cut(image, window * ratio), ratio, largest_ratio)

    def decode_any_jpeg():
        ratios = [value for value in RATIOS if value <= largest_ratio]
        if len(ratios) == 1:
            return decode_jpeg(1)
        place = tf.reduce_sum(tf.cast(ratio > ratios, "int32"))
        return tf.switch_case(
            place, [functools.partial(decode_jpeg, r) for r in ratios]
        )

    image = tf.cond(is_jpeg, decode_any_jpeg, decode_png)
    return tf.ensure_shape(image, (None, None, 3))


def cut(image, window):
    """Cuts a part out of an image; what reaches over its end is left out."""
    size = tf.minimum(window[2:], tf.shape(image)[:2] - window[:2])
    start = tf.concat([window[:2], [0]], axis=0)
    part = tf.slice(image, start, tf.concat([size, [-1]], axis=0))
    return tf.ensure_shape(part, (None, None, image.shape[-1]))


def shrink(image, ratio, largest_ratio=RATIOS[-1]):
    """Shrinks an image by averaging, as JPEG files are decoded smaller."""

    def average(ratio):
        shape = tf.shape(image)
        padding = [[0, -shape[0] % ratio], [0, -shape[1] % ratio], [0, 0]]
        # At the end, the mean of what is there.
        pixels = tf.pad(tf.cast(image, "float32"), padding)[None]
        parts = tf.pad(tf.ones((shape[0], shape[1], 1)), padding)[None]
        pixels = tf.nn.avg_pool2d(pixels, ratio, ratio, "VALID")
        pixels /= tf.nn.avg_pool2d(parts, ratio, ratio, "VALID")
        return tf.cast(pixels[0] + 0.5, "uint8")

    ratios = [value for value in RATIOS if value <= largest_ratio]
    if len(ratios) == 1:
        return image
    place = tf.reduce_sum(tf.cast(ratio > ratios, "int32"))
    branches = [functools.partial(average, value) for value in ratios[1:]]
    return tf.switch_case(place, [lambda: image, *branches])


def resize_square(image, image_size):
    """Resizes a square: by area where it shrinks, else bicubic."""
    size = (image_size, image_size)

    def shrunk():
        pixels = tf.image.resize(image, size, "area")
        return tf.cast(pixels + 0.5, "uint8")

    def enlarged():
        pixels = tf.image.resize(image, size, "bicubic")
        return tf.cast(tf.clip_by_value(pixels + 0.5, 0.0, 255.0), "uint8")

    side = tf.shape(image)[0]
    image = tf.cond(
        side == image_size,
        lambda: image,
        lambda: tf.cond(side > image_size, shrunk, enlarged),
    )
    return tf.ensure_shape(image, (*size, 3))


def resample(image, matrix, image_size, largest_window):
    """Takes pixels of an image at places that an affine map says."""
    channels = image.shape[-1]
    shape = tf.shape(image)
    # XLA needs to know the length.
    length = largest_window**2 * channels
    pixels = tf.reshape(image, [-1])
    filling = tf.zeros([length - tf.size(pixels)], image.dtype)
    pixels = tf.ensure_shape(tf.concat([pixels, filling], axis=0), [length])
    arguments = (
        tf.reshape(pixels, [-1, channels]),
        shape[0],
        shape[1],
        matrix,
    )
    shrinking = tf.norm(matrix[::3]) > MAX_SHRINK
    result = tf.cond(
        shrinking,
        lambda: _resampler(image_size, 2)(*arguments),
        lambda: _resampler(image_size, 1)(*arguments),
    )
    return tf.ensure_shape(result, (image_size, image_size, channels))


@functools.cache
def _resampler(image_size, points):
    function = functools.partial(_resample, image_size, points)
    return tf.function(function, autograph=False, jit_compile=has_xla())


def _resample(image_size, points, pixels, height, width, matrix):
    numbers = tf.range(image_size, dtype="float32")
    total = 0.0
    for row in range(points):
        for column in range(points):
            x = numbers[None, :] + ((column + 0.5) / points - 0.5)
            y = numbers[:, None] + ((row + 0.5) / points - 0.5)
            total += _interpolate(
                pixels,
                height,
                width,
                matrix[0] * x + matrix[1] * y + matrix[2],
                matrix[3] * x + matrix[4] * y + matrix[5],
            )
    total /= points**2
    if pixels.dtype == tf.uint8:
        return tf.cast(total + 0.5, "uint8")
    return total


def _interpolate(pixels, height, width, columns, rows):
    left, top = tf.floor(columns), tf.floor(rows)
    right_part = (columns - left)[..., None]
    lower_part = (rows - top)[..., None]
    left, top = tf.cast(left, "int32"), tf.cast(top, "int32")
    right, bottom = _inside(left + 1, width), _inside(top + 1, height)
    left, top = _inside(left, width), _inside(top, height)

    def between(rows):
        start = tf.gather(pixels, rows * width + left)
        end = tf.gather(pixels, rows * width + right)
        start, end = tf.cast(start, "float32"), tf.cast(end, "float32")
        return start + (end - start) * right_part

    upper = between(top)
    return upper + (between(bottom) - upper) * lower_part


def _inside(places, length):
    """Mirrors places beyond either end."""
    places = tf.where(places < 0, -1 - places, places)
    places = tf.where(places < length, places, 2 * length - 1 - places)
    return tf.clip_by_value(places, 0, length - 1)
