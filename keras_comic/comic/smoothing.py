"""Smoothing that keeps the edges of things and takes their texture away."""

import cv2
import numpy as np

# Weights of a Gaussian are cut off at so many deviations, and sampled at so
# many places along a row.
REACH, PLACES = 1.8, 9
# The short side, pixels, at which lengths of lines and paint are meant, and
# the largest one at which they are found.
UNIT, MAX_SIDE = 400, 640


def rolling_guidance(image, space, color, rounds=4):
    """Removes what is smaller than `space`, and gives larger edges back.

    Args:
        image: Float32 `(height, width, channels)`, such as CIELAB.
        space: Float > 0. Deviation in space, pixels.
        color: Float > 0. Deviation in the unit of the image.
        rounds: Integer. How often edges are sharpened.

    Returns:
        Float32 array of the same shape.

    Reference:
        - [Zhang et al., 2014](https://doi.org/10.1007/978-3-319-10578-9_53);
          differs from it in: rows and columns are filtered one after the
          other, at some of their places.
    """
    guide = cv2.GaussianBlur(image, (0, 0), space)
    for _ in range(rounds):
        smooth = _joint_bilateral(image, guide, space, color, axis=1)
        guide = _joint_bilateral(smooth, guide, space, color, axis=0)
    return guide


def _joint_bilateral(image, guide, space, color, axis):
    """Averages along an axis what is alike in the guide."""
    reach = max(1, round(REACH * space))
    offsets = np.unique(np.linspace(-reach, reach, PLACES).round().astype(int))
    width = [(0, 0)] * 3
    width[axis] = (reach, reach)
    images, guides = (np.pad(x, width, "symmetric") for x in (image, guide))
    total, weights = np.zeros_like(image), np.zeros(image.shape[:2], "float32")
    for offset in offsets:
        there = [slice(None)] * 3
        start = reach + offset
        there[axis] = slice(start, start + image.shape[axis])
        there = tuple(there)
        distance = guides[there] - guide
        distance = np.einsum("ijk,ijk->ij", distance, distance)
        weight = np.exp(
            -distance / np.float32(2 * color**2)
            - np.float32(offset**2 / (2 * space**2))
        )
        total += weight[..., None] * images[there]
        weights += weight
    return total / weights[..., None]


def to_lab(image):
    """Converts uint8 RGB to float32 CIELAB (`L` in `[0, 100]`)."""
    return cv2.cvtColor(image.astype("float32") / 255.0, cv2.COLOR_RGB2LAB)


def from_lab(lab):
    """Converts float32 CIELAB to uint8 RGB."""
    rgb = cv2.cvtColor(lab.astype("float32"), cv2.COLOR_LAB2RGB)
    return (rgb.clip(0.0, 1.0) * 255.0).round().astype("uint8")


def gradient_size(channels):
    """Returns the size of the Sobel gradient of an image, over channels."""
    squares = 0.0
    for order in ((1, 0), (0, 1)):
        slope = cv2.Sobel(channels, cv2.CV_32F, *order) / 8.0
        squares = squares + np.square(slope)
    return np.sqrt(squares if squares.ndim == 2 else squares.sum(-1))


def disc(radius):
    """Returns a round structuring element."""
    side = 2 * max(0, round(radius)) + 1
    return cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))


def logistic(values):
    """Returns `1 / (1 + exp(-values))`."""
    return 0.5 + 0.5 * np.tanh(0.5 * values)


def reduced(image):
    """Shrinks a large picture; returns the unit of lengths, in pixels, too."""
    short = min(image.shape[:2])
    if short > MAX_SIDE:
        size = [max(1, round(s * MAX_SIDE / short)) for s in image.shape[1::-1]]
        image = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    return image, max(min(image.shape[:2]) / UNIT, 0.1)


def enlarged(small, image):
    """Gives what was found in a reduced picture the picture's own size."""
    if small.shape[:2] == image.shape[:2]:
        return small
    size = image.shape[1::-1]
    return cv2.resize(small, size, interpolation=cv2.INTER_CUBIC)


def check_share(name, value):
    """Raises an error unless a number is in `[0, 1]`."""
    if not 0.0 <= value <= 1.0:
        raise ValueError(
            f"`{name}` must be in [0, 1]. Received: {name}={value}"
        )


def check_picture(image, name="image"):
    """Raises an error unless an array is a uint8 RGB picture."""
    if (
        getattr(image, "dtype", None) != np.uint8
        or image.ndim != 3
        or image.shape[-1] != 3
        or min(image.shape) < 1
    ):
        facts = getattr(image, "dtype", type(image)), np.shape(image)
        raise ValueError(
            f"`{name}` must be a uint8 array (height, width, 3), RGB. "
            f"Received: {facts[0]} {facts[1]}"
        )
