"""The variants of pictures, made on the fly in a TensorFlow graph."""

import numpy as np
import tensorflow as tf

from keras_comic.data.variants import BLUR_RADIUS
from keras_comic.data.variants import BLUR_SUM
from keras_comic.data.variants import blur_weights
from keras_comic.data.variants import check_variant
from keras_comic.data.variants import make_variant

# Levels between the two axes of the blur are rounded to such parts.
BLUR_PARTS = 8


def variant_of(name, images):
    """Makes a variant of images in a graph, as `make_variant` does.

    For `Dataset.map`, where variants are not stored in the records, or where
    they must be those of an augmented crop. Gives the very levels of
    `make_variant`, also of a crop: what lies outside it is not known.
    `"grayscale"` and `"blurred"` are TensorFlow's own operations, which run
    on any device; the others call NumPy, one image at a time, and work in the
    process that built the graph alone.

    Args:
        name: String: `"edge_smoothed"`, `"grayscale"`, `"superpixels"`,
            `"blurred"` or `"smoothed"`.
        images: Tensor `(height, width, 3)` or `(batch, height, width, 3)`:
            uint8, RGB in `[0, 255]`, or floating, RGB in `[-1, 1]`, which is
            rounded to levels.

    Returns:
        Tensor of the same shape, type and range. No gradient passes.

    Raises:
        ValueError: If there is no such variant, or `images` is not as above.

    Example:

    >>> image = np.random.randint(256, size=(32, 32, 3)).astype("uint8")
    >>> blurred = keras_comic.data.variant_of("blurred", image)
    >>> expected = keras_comic.data.make_variant("blurred", image)
    >>> bool((blurred.numpy() == expected).all())
    True
    """
    check_variant(name)
    images = tf.convert_to_tensor(images)
    dtype, shape = images.dtype, images.shape
    if (
        not (dtype == tf.uint8 or dtype.is_floating)
        or shape.rank not in (3, 4)
        or shape[-1] not in (3, None)
    ):
        raise ValueError(
            "`images` must be uint8 or floating, of shape (height, width, 3) "
            "or (batch, height, width, 3). "
            f"Received: images.dtype={dtype.name}, images.shape={shape}"
        )
    if dtype != tf.uint8:
        levels = tf.floor(tf.cast(images, "float32") * 127.5 + 128.0)
        images = tf.cast(tf.clip_by_value(levels, 0.0, 255.0), "uint8")
    if name == "grayscale":
        variants = _grayscale(images)
    elif name == "blurred":
        variants = _blurred(images)
    else:
        variants = tf.numpy_function(
            lambda images: _make_variants(name, images),
            [images],
            "uint8",
            stateful=False,
        )
    if dtype != tf.uint8:
        variants = tf.cast(tf.cast(variants, "float32") / 127.5 - 1.0, dtype)
    return tf.ensure_shape(tf.stop_gradient(variants), shape)


def _make_variants(name, images):
    if images.ndim == 3:
        return make_variant(name, images)
    variants = np.empty_like(images)
    for image, variant in zip(images, variants):
        variant[...] = make_variant(name, image)
    return variants


def _grayscale(images):
    red, green, blue = tf.unstack(tf.cast(images, "int32"), num=3, axis=-1)
    levels = 19595 * red + 38470 * green + 7471 * blue + 2**15
    levels = tf.cast(tf.bitwise.right_shift(levels, 16), "uint8")
    return tf.stack([levels, levels, levels], axis=-1)


def _blurred(images):
    # All values are integers below 2**24, exact in float32 in any order.
    weights = tf.constant(blur_weights(), "float32")
    batch = images if images.shape.rank == 4 else images[None]
    batch = _mirror(_mirror(tf.cast(batch, "float32"), 1), 2)
    parts = BLUR_SUM / BLUR_PARTS
    batch = _filter(batch, weights, 1)
    batch = tf.floor(batch / parts + 0.5)
    batch = _filter(batch, weights, 2)
    batch = tf.floor(batch / (BLUR_SUM * BLUR_PARTS) + 0.5)
    batch = tf.cast(batch, "uint8")
    return batch if images.shape.rank == 4 else batch[0]


def _filter(images, weights, axis):
    # By hand: a depthwise convolution with so long a kernel ends the process
    # on TensorFlow 2.16.
    size = tf.shape(images)[axis] - 2 * BLUR_RADIUS
    total = tf.zeros((), images.dtype)
    for start, weight in enumerate(tf.unstack(weights)):
        places = slice(start, start + size)
        part = images[:, places] if axis == 1 else images[:, :, places]
        total = total + weight * part
    return total


def _mirror(images, axis):
    """Pads an axis of any length with its mirror, the border not repeated."""
    side = tf.shape(images)[axis]
    period = tf.maximum(2 * side - 2, 1)
    places = tf.range(-BLUR_RADIUS, side + BLUR_RADIUS) % period
    return tf.gather(images, tf.minimum(places, period - places), axis=axis)
