"""uint8 pictures at the edge of a generator: checks, masks, colours."""

import numbers
import os

import numpy as np

SMALLEST_SIDE = 32


def is_picture(value):
    """Whether a value is an array of three or four axes."""
    return getattr(value, "ndim", len(getattr(value, "shape", ()))) in (3, 4)


def describe(value):
    """A value as an error message shows it: arrays by shape, type and range."""
    if isinstance(value, dict):
        entries = [f"{k!r}: {describe(v)}" for k, v in value.items()]
        return "{" + ", ".join(entries) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(describe(v) for v in value) + "]"
    if not hasattr(value, "shape"):
        return repr(value)
    array = np.asarray(value)
    text = f"shape={array.shape}, dtype={array.dtype}"
    if array.size and array.dtype.kind in "bfiu":
        text += f", range=[{array.min():g}, {array.max():g}]"
    return f"array({text})"


def as_pictures(images, argument):
    """Checks uint8 pictures."""
    if isinstance(images, (str, bytes, os.PathLike)):
        raise ValueError(
            f"`{argument}` must be uint8 pictures, not a path: read the file "
            f"with `keras_comic.data.read_image`. Received: {images!r}"
        )
    try:
        array = np.asarray(images)
    except ValueError as error:
        raise ValueError(
            f"`{argument}` must be pictures of one size, "
            "(batch, height, width, 3), or a single one. "
            f"Received: {describe(images)}"
        ) from error
    received = describe(array)
    if array.ndim not in (3, 4) or array.shape[-1] != 3:
        raise ValueError(
            f"`{argument}` must be RGB pictures of shape (height, width, 3) "
            f"or (batch, height, width, 3). Received: {received}"
        )
    if array.dtype != np.uint8:
        raise ValueError(
            f"`{argument}` must be uint8 in [0, 255]; call the generator "
            f"itself on float32 in [-1, 1]. Received: {received}"
        )
    if min(array.shape[-3:-1]) < SMALLEST_SIDE:
        raise ValueError(
            f"`{argument}` must have sides of at least {SMALLEST_SIDE} "
            f"pixels. Received: {received}"
        )
    single = array.ndim == 3
    return (array[None] if single else array), single


def check_mix_weights(weights):
    """Refuses weights that no mix of styles can have."""
    if (
        not all(isinstance(w, numbers.Real) for w in weights)
        or not np.all(np.isfinite(weights))
        or min(weights, default=0) < 0
        or sum(weights) <= 0
    ):
        raise ValueError(
            "The weights of a mix must be numbers of at least 0, and their "
            f"sum above 0. Received: weights={weights}"
        )


def check_strength(strength):
    """Refuses what is no strength of a style."""
    if not isinstance(strength, numbers.Real) or not 0 <= strength <= 1:
        raise ValueError(
            "`strength` must be a number in [0, 1]. "
            f"Received: strength={describe(strength)}"
        )


def as_mask(mask, shape):
    """A mask as float32 `(batch or 1, height, width, 1)` in `[0, 1]`."""
    array = np.asarray(mask)
    if array.dtype.kind not in "bf":
        raise ValueError(
            "`mask` must be boolean or float in [0, 1]. "
            f"Received: mask={describe(mask)}"
        )
    batch, height, width = shape[:3]
    allowed = [
        (height, width),
        (height, width, 1),
        (batch, height, width),
        (batch, height, width, 1),
    ]
    if array.shape not in allowed:
        raise ValueError(
            "`mask` must have the height and width of the photos, "
            f"({height}, {width}), or one such mask for each of the {batch}. "
            f"Received: mask.shape={array.shape}"
        )
    # In this form a NaN is refused too.
    if not (array.min() >= 0 and array.max() <= 1):
        raise ValueError(
            "`mask` must be boolean or float in [0, 1]. "
            f"Received: mask={describe(array)}"
        )
    array = array.astype("float32")
    if array.shape in allowed[:2]:
        return array.reshape(1, height, width, 1)
    return array.reshape(batch, height, width, 1)
