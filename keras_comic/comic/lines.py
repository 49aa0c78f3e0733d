"""Ink lines: the contours that an inker would draw."""

import cv2
import numpy as np
from scipy import ndimage

from keras_comic.comic.smoothing import UNIT
from keras_comic.comic.smoothing import check_picture
from keras_comic.comic.smoothing import disc
from keras_comic.comic.smoothing import enlarged
from keras_comic.comic.smoothing import gradient_size
from keras_comic.comic.smoothing import logistic
from keras_comic.comic.smoothing import reduced
from keras_comic.comic.smoothing import rolling_guidance
from keras_comic.comic.smoothing import to_lab

# Texture below this size is no line; a line needs an edge that is left where
# everything below the second one is removed. Deviations in space (units) and
# colour (CIELAB).
TEXTURE, GATE = (1.2, 9.0), (4.5, 12.0)
GATE_SLOPE = 1.3
# Deviations of the difference of Gaussians across a line and the ratio of the
# two, of the smoothing along it, and of the structure tensor.
ACROSS, RATIO, ALONG, TENSOR = 1.1, 1.6, 3.0, 2.5
# The response at which a line begins, and how soft the layer is.
THRESHOLD, SOFTNESS = 0.005, 0.004
# Strokes shorter than this are left out, but for those of eyes and mouths,
# which are as strong as this.
SHORT, STRONG = 26.0, 0.022
# Lightness, of 1, below which all is ink, and how soft that is.
BLACK, BLACK_SOFTNESS = 0.08, 0.03
# How much sharper lines are than the layer.
SHARPNESS = 5.0


def find_lines(image):
    """Finds the lines of a photo, as the soft response before the threshold.

    The photo is freed of texture, so that grass and gravel are no lines; a
    difference of Gaussians is taken across the flow of its edges and smoothed
    along it. Lines need an edge of something larger, and short strokes are
    left out. What is very dark is ink as a whole. All of it is local, with
    fixed numbers relative to the short side: what is far away changes no line.

    Args:
        image: Uint8 array `(height, width, 3)`, RGB in `[0, 255]`.

    Returns:
        Float32 array `(height, width)` in `[0, 1]`; ink where it is above a
        half. `draw_ink` makes lines of it.

    Raises:
        ValueError: If the image is no such array.

    Example:

    >>> from skimage import data
    >>> keras_comic.comic.find_lines(data.astronaut()).shape
    (512, 512)

    Reference:
        - [Kang et al., 2007](https://doi.org/10.1145/1274871.1274878) and
          [Winnemoeller et al., 2012](https://doi.org/10.1016/j.cag.2012.03.004);
          differs from them in: the structure tensor's flow, the suppressed
          texture, the gate, and fixed thresholds instead of a stretch.
    """
    check_picture(image)
    small, unit = reduced(image)
    lab = to_lab(small)
    calm = rolling_guidance(lab, TEXTURE[0] * unit, TEXTURE[1])
    # Dark regions would be full of lines, were they not lifted.
    light = np.log(calm[..., 0].clip(0.0) / 100.0 + 0.10) / 2.4
    chroma = np.hypot(calm[..., 1], calm[..., 2])
    light = (light + 0.001 * chroma).astype("float32")
    response = -_flow_response(light, unit)
    response = _without_short(response * _gate(calm, unit), unit)
    dark = cv2.GaussianBlur(calm[..., 0], (0, 0), unit) / 100.0
    layer = np.maximum(
        logistic((response - THRESHOLD) / SOFTNESS),
        logistic((BLACK - dark) / BLACK_SOFTNESS),
    )
    return enlarged(layer, image).clip(0.0, 1.0)


def draw_ink(layer, weight=1.0):
    """Draws the lines of a soft layer.

    Args:
        layer: Float32 array `(height, width)` in `[0, 1]`, of `find_lines`.
        weight: Float >= 0. 1 draws what was found, 0 nothing; above 1, lines
            are thicker. Defaults to `1.0`.

    Returns:
        Float32 array `(height, width)` in `[0, 1]`, the share of ink.

    Example:

    >>> layer = np.linspace(0, 1, 9, dtype="float32")[None]
    >>> ink = keras_comic.comic.draw_ink(layer)[0]
    >>> [round(float(share), 1) for share in ink[3:6]]
    [0.1, 0.5, 0.9]
    """
    if not weight >= 0.0:
        raise ValueError(f"`weight` must be >= 0. Received: weight={weight}")
    if weight > 1.0:
        unit = min(layer.shape) / UNIT
        layer = _grown(layer, (weight - 1.0) * 1.2 * unit)
    layer = np.clip(layer, 1e-4, 1.0 - 1e-4)
    odds = np.log(layer / (1.0 - layer))
    if weight < 1.0:
        odds = odds - 4.0 * (1.0 - weight)
    ink = logistic(SHARPNESS * odds).astype("float32")
    return ink * np.float32(min(1.0, 4.0 * weight))


def _grown(layer, radius):
    """Grows a layer by a radius, also of parts of a pixel."""
    whole = int(radius)
    if whole:
        layer = cv2.dilate(layer, disc(whole))
    grown = cv2.dilate(layer, disc(1))
    return layer + np.float32(radius - whole) * (grown - layer)


def _gate(calm, unit):
    """Returns 1 near the edges of larger things, 0 elsewhere."""
    large = rolling_guidance(calm, GATE[0] * unit, GATE[1])
    slope = cv2.GaussianBlur(gradient_size(large), (0, 0), unit) * unit
    slope = cv2.dilate(slope, disc(3.0 * unit))
    return logistic((slope - GATE_SLOPE) / (GATE_SLOPE / 4.0))


def _without_short(response, unit):
    """Takes away strokes that are short."""
    strokes = (response > THRESHOLD).astype("uint8")
    _, labels, boxes, _ = cv2.connectedComponentsWithStats(strokes, None, 8)
    keep = np.hypot(boxes[:, 2], boxes[:, 3]) >= SHORT * unit
    peaks = ndimage.maximum(response, labels, np.arange(len(boxes)))
    keep |= peaks >= STRONG
    keep[0] = True
    kept = keep[labels]
    # With what is around them, but not where another stroke is.
    left_out = cv2.dilate((~kept).astype("uint8"), disc(2.0 * unit)) > 0
    left_out &= ~kept | (labels == 0)
    return np.where(left_out, np.minimum(response, -SOFTNESS), response)


def _flow_response(light, unit):
    """Differences of Gaussians across the flow, smoothed along it."""
    slopes = [
        cv2.Sobel(light, cv2.CV_32F, *order) / 8.0 for order in ((1, 0), (0, 1))
    ]
    xx, yy, xy = (
        cv2.GaussianBlur(product, (0, 0), TENSOR * unit)
        for product in (slopes[0] ** 2, slopes[1] ** 2, slopes[0] * slopes[1])
    )
    angle = 0.5 * np.arctan2(2.0 * xy, xx - yy)
    normal = np.cos(angle), np.sin(angle)
    across = _across(light, normal, max(ACROSS * unit, 0.5))
    return _along(across, (-normal[1], normal[0]), max(ALONG * unit, 1.0))


def _sample(image, x, y):
    x, y = x.astype("float32"), y.astype("float32")
    return cv2.remap(
        image, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101
    )


def _places(shape):
    rows, columns = np.indices(shape, dtype="float32")
    return columns, rows


def _across(light, normal, sigma):
    x, y = _places(light.shape)
    total = 0.0
    reach = int(np.ceil(2.5 * sigma * RATIO))
    steps = np.arange(-reach, reach + 1)
    narrow = np.exp(-(steps**2) / (2.0 * sigma**2))
    wide = np.exp(-(steps**2) / (2.0 * (RATIO * sigma) ** 2))
    weights = narrow / narrow.sum() - wide / wide.sum()
    for step, weight in zip(steps, weights, strict=True):
        there = _sample(light, x + step * normal[0], y + step * normal[1])
        total = total + np.float32(weight) * there
    return total


def _along(response, tangent, sigma):
    start = _places(response.shape)
    total, weights = response.copy(), 1.0
    step = max(1.0, sigma / 3.0)
    for sign in (1.0, -1.0):
        x, y = start
        dx, dy = (np.float32(sign) * part for part in tangent)
        for number in range(1, int(np.ceil(2.0 * sigma / step)) + 1):
            x, y = x + np.float32(step) * dx, y + np.float32(step) * dy
            there = [_sample(part, x, y) for part in tangent]
            # A tangent has two signs.
            turned = np.where(there[0] * dx + there[1] * dy < 0, -1.0, 1.0)
            size = np.maximum(np.hypot(*there), 1e-3) * turned
            dx, dy = (part / size for part in there)
            weight = np.float32(np.exp(-((number * step / sigma) ** 2) / 2.0))
            total += weight * _sample(response, x, y)
            weights += weight
    return total / weights
