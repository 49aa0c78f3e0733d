"""Flat blocks of decided colour."""

import cv2
import numpy as np

from keras_comic.comic.smoothing import check_picture
from keras_comic.comic.smoothing import enlarged
from keras_comic.comic.smoothing import from_lab
from keras_comic.comic.smoothing import reduced
from keras_comic.comic.smoothing import rolling_guidance
from keras_comic.comic.smoothing import to_lab

# Deviations of the texture, in space (units) and colour (CIELAB).
TEXTURE = 2.5, 10.0
# Windows of the mean shift: deviations in space (units) and colour (of 255).
BLOCK = 10.0, 18.0


def find_paint(image):
    """Simplifies a photo to flat blocks of its own colours.

    Texture is removed (`rolling guidance`), then colours of a neighbourhood
    gather at those that are frequent there (mean shift). Edges stay where
    they are; nothing depends on what is far away.

    Args:
        image: Uint8 array `(height, width, 3)`, RGB in `[0, 255]`.

    Returns:
        Uint8 array of the same shape.

    Raises:
        ValueError: If the image is no such array.

    Example:

    >>> from skimage import data
    >>> keras_comic.comic.find_paint(data.astronaut()).shape
    (512, 512, 3)

    Reference:
        - [Comaniciu and Meer, 2002](https://doi.org/10.1109/34.1000236), as
          OpenCV's `pyrMeanShiftFiltering`; no differences.
    """
    check_picture(image)
    small, unit = reduced(image)
    calm = rolling_guidance(to_lab(small), TEXTURE[0] * unit, TEXTURE[1])
    paint = cv2.pyrMeanShiftFiltering(from_lab(calm), BLOCK[0] * unit, BLOCK[1])
    return enlarged(paint, image)


def grade(paint, steps=9, steepness=2.0, lift=0.05, gamma=0.8, saturation=1.15):
    """Gives a paint layer the tones and colours of print.

    Args:
        paint: Uint8 array `(height, width, 3)`, RGB in `[0, 255]`.
        steps: Number >= 0. Tones from black to white that lightness is drawn
            to; 0 leaves it smooth. Defaults to `9`.
        steepness: Float > 0. How hard the steps are. Defaults to `2.0`.
        lift: Float in `[0, 1)`. Lightness of black. Defaults to `0.05`.
        gamma: Float > 0. Exponent of the lightness; below 1, middle tones
            become lighter. Defaults to `0.8`.
        saturation: Float >= 0. Factor of the chroma. Defaults to `1.15`.

    Returns:
        Uint8 array of the same shape.

    Example:

    >>> paint = np.full((2, 2, 3), 128, "uint8")
    >>> keras_comic.comic.grade(paint, saturation=0.0).shape
    (2, 2, 3)
    """
    check_picture(paint, "paint")
    lab = to_lab(paint)
    light = lift + (1.0 - lift) * (lab[..., 0] / 100.0).clip(0.0) ** gamma
    if steps:
        place = light * np.float32(steps)
        step = np.floor(place)
        inside = np.tanh((place - step - 0.5) * steepness)
        inside = inside / np.tanh(0.5 * steepness)
        light = (step + 0.5 + 0.5 * inside) / np.float32(steps)
    lab[..., 0] = 100.0 * light
    lab[..., 1:] *= np.float32(saturation)
    return from_lab(lab)
