"""The few colours of a picture, and pictures of few colours."""

import cv2
import numpy as np

from keras_comic.comic.smoothing import check_picture
from keras_comic.comic.smoothing import check_share
from keras_comic.comic.smoothing import from_lab
from keras_comic.comic.smoothing import to_lab

# Pixels, at most, that a palette is found from.
MEASURED = 20_000
# How much nearer a colour must be to hold a pixel alone, CIELAB.
SOFTNESS = 6.0


def find_palette(image, count=12):
    """Finds the colours that a picture is made of.

    Args:
        image: Uint8 array `(height, width, 3)`, RGB in `[0, 255]`.
        count: Integer > 0. How many colours. Defaults to `12`.

    Returns:
        Uint8 array `(count, 3)`, RGB, the most frequent first; fewer rows
        where the picture has fewer colours.

    Raises:
        ValueError: If an argument is not as above.

    Example:

    >>> picture = np.zeros((8, 8, 3), "uint8")
    >>> picture[:3] = (255, 0, 0)
    >>> keras_comic.comic.find_palette(picture, 2).tolist()
    [[0, 0, 0], [255, 0, 0]]
    """
    check_picture(image)
    if not count >= 1:
        raise ValueError(f"`count` must be > 0. Received: count={count}")
    pixels = image.reshape(-1, 3)
    pixels = pixels[:: -(-len(pixels) // MEASURED)]
    points = to_lab(pixels[None])[0]
    count = min(int(count), len(np.unique(pixels, axis=0)))
    # The same colours each time.
    cv2.setRNGSeed(0)
    ends = cv2.TERM_CRITERIA_EPS + cv2.TERM_CRITERIA_MAX_ITER, 30, 0.1
    _, labels, centres = cv2.kmeans(
        points, count, None, ends, 3, cv2.KMEANS_PP_CENTERS
    )
    order = np.argsort(-np.bincount(labels[:, 0], minlength=count))
    return from_lab(centres[None, order])[0]


def limit_palette(image, palette, pull=1.0):
    """Draws the colours of a picture towards those of a palette.

    Args:
        image: Uint8 array `(height, width, 3)`, RGB in `[0, 255]`.
        palette: Uint8 array `(count, 3)`, RGB; or an integer, the number of
            the picture's own colours to keep, see `find_palette`.
        pull: Float in `[0, 1]`. 0 leaves the picture as it is, 1 gives each
            pixel a colour of the palette. Defaults to `1.0`.

    Returns:
        Uint8 array of the same shape.

    Raises:
        ValueError: If an argument is not as above.

    Example:

    >>> picture = np.full((2, 2, 3), 90, "uint8")
    >>> palette = np.array([[0, 0, 0], [255, 255, 255]], "uint8")
    >>> int(keras_comic.comic.limit_palette(picture, palette).max())
    0
    """
    check_picture(image)
    check_share("pull", pull)
    if isinstance(palette, (int, np.integer)):
        palette = find_palette(image, palette)
    palette = np.asarray(palette)
    if palette.dtype != np.uint8 or palette.ndim != 2 or palette.shape[1] != 3:
        raise ValueError(
            "`palette` must be a uint8 array (count, 3), or an integer. "
            f"Received: {palette.dtype} {palette.shape}"
        )
    lab, colors = to_lab(image), to_lab(palette[None])[0]
    total = weights = 0.0
    nearest = np.full(lab.shape[:2], np.inf, "float32")
    distances = []
    for color in colors:
        distances.append(np.linalg.norm(lab - color, axis=-1))
        nearest = np.minimum(nearest, distances[-1])
    # Soft between two colours, so that a video does not flicker there.
    for color, distance in zip(colors, distances, strict=True):
        weight = np.exp((nearest - distance) * (4.0 / SOFTNESS))
        total = total + weight[..., None] * color
        weights = weights + weight
    drawn = total / weights[..., None]
    return from_lab(lab + np.float32(pull) * (drawn - lab))
