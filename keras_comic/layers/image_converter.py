"""Between the pixels of files and those of the networks."""

from keras import ops


def to_float(pixels):
    """Converts `[0, 255]` to float32 `[-1, 1]`.

    Args:
        pixels: uint8 or float tensor of any shape, in `[0, 255]`.

    Returns:
        Float32 of the same shape, in `[-1, 1]`.
    """
    return ops.cast(pixels, "float32") / 127.5 - 1.0


def to_pixels(images, clip=True):
    """Converts `[-1, 1]` to float32 `[0, 255]`, not rounded.

    Args:
        images: Float tensor of any shape.
        clip: Boolean. Clips values outside the range; a network that is
            trained through the result needs their gradients, and `False`.
            Defaults to `True`.

    Returns:
        Float32 of the same shape, in `[0, 255]`.
    """
    pixels = (ops.cast(images, "float32") + 1.0) * 127.5
    return ops.clip(pixels, 0.0, 255.0) if clip else pixels


def to_uint8(images):
    """Converts `[-1, 1]` to uint8 `[0, 255]`, clipped and rounded.

    Args:
        images: Float tensor of any shape.

    Returns:
        uint8 of the same shape: `to_uint8(to_float(x))` is `x`.

    Example:

    >>> pixels = np.arange(256).astype("uint8")
    >>> restored = keras_comic.layers.to_uint8(
    ...     keras_comic.layers.to_float(pixels)
    ... )
    >>> bool(np.all(np.asarray(restored) == pixels))
    True
    """
    return ops.cast(ops.round(to_pixels(images)), "uint8")
