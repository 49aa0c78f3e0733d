"""Resizes images to a given side."""

import numpy as np
from PIL import Image


def resize_short_side(image, size):
    """Resizes an image so that its short side has a given length.

    Lanczos filter, antialiased; the long side keeps the proportions, rounded
    to whole pixels.

    Args:
        image: Uint8 array `(height, width, 3)`, RGB in `[0, 255]`.
        size: Integer > 0, pixels.

    Returns:
        Uint8 array `(new_height, new_width, 3)`, RGB in `[0, 255]`; the
        image itself where it has that size already.

    Raises:
        ValueError: If `size` is not positive, or `image` is no such array.

    Example:

    >>> image = np.zeros((64, 48, 3), "uint8")
    >>> keras_comic.data.resize_short_side(image, 32).shape
    (43, 32, 3)
    """
    image = np.asarray(image)
    if image.dtype != "uint8" or image.ndim != 3 or image.shape[-1] != 3:
        raise ValueError(
            "`image` must be uint8 of shape (height, width, 3). Received: "
            f"image.dtype={image.dtype}, image.shape={image.shape}"
        )
    if not size > 0:
        raise ValueError(
            f"`size` must be a positive integer. Received: size={size}"
        )
    height, width = image.shape[:2]
    short = min(height, width)
    if short == size:
        return image
    new_size = (round(width * size / short), round(height * size / short))
    resized = Image.fromarray(image).resize(new_size, Image.Resampling.LANCZOS)
    return np.asarray(resized)


def fitted_size(size, max_side):
    """Returns a size of the same proportions, with no side above a limit."""
    scale = max_side / max(size)
    if scale >= 1:
        return tuple(size)
    return tuple(max(round(side * scale), 1) for side in size)
