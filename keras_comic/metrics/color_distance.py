"""The difference of the colours of a comic and of its photo."""

import math

import keras
from keras import ops

from keras_comic.layers.color_spaces import rgb_to_lab
from keras_comic.metrics.features import check_pairs
from keras_comic.metrics.sample_mean import SampleMean


@keras.saving.register_keras_serializable(package="keras_comic")
class ColorDistance(SampleMean):
    """Mean colour difference of pairs, CIEDE2000.

    The mean over all pixels of the difference as people see it, between sRGB
    colours under D65: about 1 is just noticeable, 100 lies between black and
    white. How far a stylisation moves the photo's colours, light included.

    Works in `compile(metrics=[...])` on every backend.

    Args:
        protocol: Dict or `None`, see `StructuralSimilarity`. Defaults to
            `None`.
        name: String or `None`. Defaults to `None`, `"color_distance"`.
        **kwargs: Keyword arguments of `keras.metrics.Metric`.

    Returns:
        `result()` is a float64 scalar (float32 on JAX), at least 0; NaN
        without pairs.

    Raises:
        ValueError: If `protocol` is no such dict.

    Example:

    >>> colors = keras_comic.metrics.ColorDistance()
    >>> white = np.ones((1, 32, 32, 3), "float32")
    >>> colors.update_state(white, -white)
    >>> round(float(colors.result()), 3)
    100.0

    Reference:
        - [Sharma et al., 2005](https://doi.org/10.1002/col.20070); no
          differences.
    """

    def sample_values(self, photos, fake_comics):
        check_pairs(photos, fake_comics)
        difference = ciede2000(rgb_to_lab(photos), rgb_to_lab(fake_comics))
        return ops.mean(difference, axis=[1, 2])


def ciede2000(lab, other):
    """Returns the CIEDE2000 difference of colours, `(..., 3)` in Lab."""
    # Names and order of the steps are those of the reference.
    l1, a1, b1 = lab[..., 0], lab[..., 1], lab[..., 2]
    l2, a2, b2 = other[..., 0], other[..., 1], other[..., 2]
    mean_c = (_length(a1, b1) + _length(a2, b2)) / 2.0
    stretch = 1.5 - 0.5 * ops.sqrt(_share(mean_c))
    a1, a2 = a1 * stretch, a2 * stretch
    c1, c2 = _length(a1, b1), _length(a2, b2)
    h1, h2 = _hue(a1, b1), _hue(a2, b2)
    gray = c1 * c2 == 0.0

    turn = h2 - h1
    turn = ops.where(turn > math.pi, turn - 2.0 * math.pi, turn)
    turn = ops.where(turn < -math.pi, turn + 2.0 * math.pi, turn)
    turn = ops.where(gray, 0.0, turn)
    delta_l = l2 - l1
    delta_c = c2 - c1
    delta_h = 2.0 * ops.sqrt(c1 * c2) * ops.sin(turn / 2.0)

    mean_l = (l1 + l2) / 2.0
    mean_c = (c1 + c2) / 2.0
    mean_h = (h1 + h2) / 2.0
    far = ops.abs(h1 - h2) > math.pi
    opposite = ops.where(
        h1 + h2 < 2.0 * math.pi, mean_h + math.pi, mean_h - math.pi
    )
    mean_h = ops.where(far, opposite, mean_h)
    mean_h = ops.where(gray, h1 + h2, mean_h)

    t = (
        1.0
        - 0.17 * ops.cos(mean_h - math.radians(30.0))
        + 0.24 * ops.cos(2.0 * mean_h)
        + 0.32 * ops.cos(3.0 * mean_h + math.radians(6.0))
        - 0.20 * ops.cos(4.0 * mean_h - math.radians(63.0))
    )
    degrees = mean_h * (180.0 / math.pi)
    rotation = math.radians(30.0) * ops.exp(
        -ops.square((degrees - 275.0) / 25.0)
    )
    scale_c = 1.0 + 0.045 * mean_c
    scale_h = 1.0 + 0.015 * mean_c * t
    light = ops.square(mean_l - 50.0)
    scale_l = 1.0 + 0.015 * light / ops.sqrt(20.0 + light)
    mixed = -ops.sin(2.0 * rotation) * 2.0 * ops.sqrt(_share(mean_c))
    light, chroma, hue = (
        delta_l / scale_l,
        delta_c / scale_c,
        delta_h / scale_h,
    )
    squares = light**2 + chroma**2 + hue**2 + mixed * chroma * hue
    return ops.sqrt(ops.maximum(squares, 0.0))


def _length(a, b):
    return ops.sqrt(a * a + b * b)


def _share(chroma):
    """Returns `C^7 / (C^7 + 25^7)`, without large numbers."""
    power = (chroma / 25.0) ** 7
    return power / (power + 1.0)


def _hue(a, b):
    """Returns the angle in `[0, 2 pi)`; 0 for gray."""
    angle = ops.arctan2(b, a)
    return ops.where(angle < 0.0, angle + 2.0 * math.pi, angle)
