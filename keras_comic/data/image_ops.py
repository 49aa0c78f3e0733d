"""Operations on the pixels of one picture, in the graph."""

import functools

import tensorflow as tf

# What JPEG files can be shrunk by while they are decoded.
RATIOS = (1, 2, 4, 8)


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
