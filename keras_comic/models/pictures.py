"""uint8 pictures at the edge of a generator: checks, masks, colours."""

import numpy as np

SMALLEST_SIDE = 32
# Rounds of colour correction; clipping to RGB moves a and b a little each.
COLOR_ROUNDS = 8


def is_picture(value):
    """Whether a value is an array of three or four axes."""
    return getattr(value, "ndim", len(getattr(value, "shape", ()))) in (3, 4)


def as_pictures(images, argument):
    """Checks uint8 pictures.

    Args:
        images: Anything; expected are uint8 `(height, width, 3)` or
            `(batch, height, width, 3)`.
        argument: String, the argument's name for the error.

    Returns:
        uint8 NumPy array `(batch, height, width, 3)`, and whether the batch
        axis was added.

    Raises:
        ValueError: If the rank, channels, type or size is wrong.
    """
    if isinstance(images, (str, bytes)):
        raise ValueError(
            f"`{argument}` must be uint8 pictures, not a path: read the file "
            f"with `keras_comic.data.read_image`. Received: {images!r}"
        )
    array = np.asarray(images)
    received = f"shape={array.shape}, dtype={array.dtype}"
    if array.size and array.dtype.kind in "fiu":
        received += f", range=[{array.min():g}, {array.max():g}]"
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


def as_mask(mask, shape):
    """A mask as float32 `(batch or 1, height, width, 1)` in `[0, 1]`.

    Args:
        mask: Boolean or float in `[0, 1]`, `(height, width)`,
            `(height, width, 1)`, `(batch, height, width)` or
            `(batch, height, width, 1)`.
        shape: Shape of the photos, `(batch, height, width, 3)`.

    Returns:
        Float32 NumPy array.

    Raises:
        ValueError: If the size or the range is wrong.
    """
    array = np.asarray(mask)
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
    if array.dtype != bool and (
        array.dtype == np.uint8 or array.min() < 0 or array.max() > 1
    ):
        raise ValueError(
            "`mask` must be boolean or float in [0, 1]. Received: "
            f"dtype={array.dtype}, range=[{array.min():g}, {array.max():g}]"
        )
    array = array.astype("float32")
    if array.shape in allowed[:2]:
        return array.reshape(1, height, width, 1)
    return array.reshape(batch, height, width, 1)


def keep_photo_color(comics, photos):
    """The comics' lightness with the photos' colours, in CIELAB.

    The photo's a and b are taken pixel by pixel; since the darkest and the
    lightest colours hold little chroma, the mean that clipping to RGB takes
    away is given back evenly.

    Args:
        comics: Float `(batch, height, width, 3)`, RGB in `[0, 255]`.
        photos: uint8 `(batch, height, width, 3)`, RGB.

    Returns:
        Float32 `(batch, height, width, 3)`, RGB in `[0, 255]`.
    """
    # scikit-image takes a while to import, and few calls need it.
    from skimage import color

    results = []
    for comic, photo in zip(comics, photos, strict=True):
        lightness = color.rgb2lab(comic / 255.0)[..., :1]
        chroma = color.rgb2lab(photo / 255.0)[..., 1:]
        wanted = chroma.mean(axis=(0, 1))
        shift = np.zeros(2)
        for _ in range(COLOR_ROUNDS):
            lab = np.concatenate([lightness, chroma + shift], axis=-1)
            rgb = _lab_to_rgb(color, lab)
            missing = wanted - color.rgb2lab(rgb)[..., 1:].mean(axis=(0, 1))
            if np.abs(missing).max() < 0.5:
                break
            shift = shift + missing
        results.append(rgb * 255.0)
    return np.stack(results).astype("float32")


def _lab_to_rgb(color, lab):
    import warnings

    with warnings.catch_warnings():
        # Colours outside RGB are clipped, which is what is wanted.
        warnings.simplefilter("ignore")
        return np.clip(color.lab2rgb(lab), 0.0, 1.0)
