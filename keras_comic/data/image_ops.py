"""Operations on the pixels of one picture, in the graph."""

import functools

import tensorflow as tf


def decode_window(encoded, is_jpeg, window):
    """Decodes a part of a JPEG or PNG file."""
    image = tf.cond(
        is_jpeg,
        lambda: tf.image.decode_and_crop_jpeg(encoded, window, channels=3),
        lambda: cut(tf.io.decode_png(encoded, channels=3), window),
    )
    return tf.ensure_shape(image, (None, None, 3))


def cut(image, window):
    """Cuts a part out of an image; what reaches over its end is left out."""
    size = tf.minimum(window[2:], tf.shape(image)[:2] - window[:2])
    start = tf.concat([window[:2], [0]], axis=0)
    part = tf.slice(image, start, tf.concat([size, [-1]], axis=0))
    return tf.ensure_shape(part, (None, None, image.shape[-1]))


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


def finish_images(images, mirrored):
    """Mirrors some of the images, and turns all of them into floats."""
    return tf.ensure_shape(_finisher()(images, mirrored), images.shape)


@functools.cache
def _finisher():
    # Compiled, the pixels are passed over once; some systems cannot.
    double = tf.function(lambda x: x + x, jit_compile=True)
    try:
        with tf.init_scope(), tf.device("CPU"):
            double(tf.constant(1.0))
    except (tf.errors.OpError, ValueError):
        return tf.function(_finish, autograph=False)
    return tf.function(_finish, autograph=False, jit_compile=True)


def _finish(images, mirrored):
    mirrored = tf.reshape(mirrored, [-1] + [1] * (images.shape.rank - 1))
    images = tf.where(mirrored, tf.reverse(images, [-2]), images)
    # Compiled, it can come out beyond 1 by the last bit.
    return tf.minimum(tf.cast(images, "float32") / 127.5 - 1.0, 1.0)


def box_window(box):
    """Returns top, left, height and width of a box: top, left and side."""
    return tf.gather(box, [0, 1, 2, 2])
