"""Colour spaces of images in `[-1, 1]`."""

import numpy as np
from keras import ops

# Rows: Y, U, V of red, green, blue (ITU-R BT.601).
YUV_MATRIX = np.array(
    [
        [0.299, 0.587, 0.114],
        [-0.14714119, -0.28886916, 0.43601035],
        [0.61497538, -0.51496512, -0.10001026],
    ]
)
# Rows: X, Y, Z of linear red, green, blue (ITU-R BT.709 primaries), each to be
# divided by what white gives (D65).
XYZ_MATRIX = np.array(
    [
        [0.412453, 0.357580, 0.180423],
        [0.212671, 0.715160, 0.072169],
        [0.019334, 0.119193, 0.950227],
    ]
)
# Below it the cube root of CIE Lab is a line.
LAB_THRESHOLD = (6.0 / 29.0) ** 3


def luminance(images):
    """Returns `0.299 R + 0.587 G + 0.114 B`, in the range of the images."""
    images = ops.cast(images, "float32")
    red, green, blue = images[..., 0:1], images[..., 1:2], images[..., 2:3]
    return 0.299 * red + 0.587 * green + 0.114 * blue


def rgb_to_yuv(images):
    """Converts RGB to luminance and two differences of colour (BT.601).

    Args:
        images: Float `(..., 3)`, RGB in `[-1, 1]`.

    Returns:
        Float32 `(..., 3)`: Y in `[0, 1]`, U in `[-0.436, 0.436]`, V in
        `[-0.615, 0.615]`.

    Raises:
        ValueError: If the last axis is not RGB.

    Example:

    >>> white = np.ones((1, 32, 32, 3), "float32")
    >>> yuv = keras_comic.losses.rgb_to_yuv(white)[0, 0, 0]
    >>> [abs(round(float(value), 4)) for value in yuv]
    [1.0, 0.0, 0.0]
    """
    return multiply_channels(_unit_range(images), YUV_MATRIX)


def rgb_to_lab(images):
    """Converts sRGB to CIE Lab, whose distances match what people see.

    sRGB is made linear, brought to CIE XYZ, divided by the white of D65, and
    given the cube root (a line near 0) of CIE 1976 L*a*b*. Grey pixels have a
    and b of exactly 0. Differentiable everywhere.

    Common bug: the first step is missing, which is wrong by up to 20 in
    lightness.

    Args:
        images: Float `(..., 3)`, sRGB in `[-1, 1]`; what lies outside is
            clipped.

    Returns:
        Float32 `(..., 3)`: L in `[0, 100]`, a in about `[-86, 98]`, b in about
        `[-108, 94]`.

    Raises:
        ValueError: If the last axis is not RGB.

    Example:

    >>> white = np.ones((1, 32, 32, 3), "float32")
    >>> lab = keras_comic.losses.rgb_to_lab(white)[0, 0, 0]
    >>> [abs(round(float(value), 3)) for value in lab]
    [100.0, 0.0, 0.0]

    Reference:
        - IEC 61966-2-1 (sRGB) and CIE 15 (Lab); no differences.
    """
    values = ops.clip(_unit_range(images), 0.0, 1.0)
    # Each branch of a `where` is differentiated: none may see a 0.
    high = ops.power((ops.maximum(values, 0.04) + 0.055) / 1.055, 2.4)
    linear = ops.where(values > 0.04045, high, values / 12.92)
    # Divided by the white point, which is what white gives.
    matrix = XYZ_MATRIX / XYZ_MATRIX.sum(axis=1, keepdims=True)
    xyz = multiply_channels(linear, matrix)
    root = ops.power(ops.maximum(xyz, LAB_THRESHOLD), 1.0 / 3.0)
    line = xyz / (3.0 * (6.0 / 29.0) ** 2) + 4.0 / 29.0
    x, y, z = ops.unstack(
        ops.where(xyz > LAB_THRESHOLD, root, line), 3, axis=-1
    )
    return ops.stack(
        [116.0 * y - 16.0, 500.0 * (x - y), 200.0 * (y - z)], axis=-1
    )


def lab_to_rgb(lab):
    """Converts CIE Lab back to sRGB, the inverse of `rgb_to_lab`.

    Args:
        lab: Float `(..., 3)`: L in `[0, 100]`, a, b.

    Returns:
        Float32 `(..., 3)`, sRGB in `[-1, 1]`; colours outside are clipped.

    Example:

    >>> photo = np.random.uniform(-1, 1, (1, 32, 32, 3)).astype("float32")
    >>> lab = keras_comic.layers.rgb_to_lab(photo)
    >>> restored = keras_comic.layers.lab_to_rgb(lab)
    >>> bool(np.allclose(restored, photo, atol=1e-3))
    True

    Reference:
        - IEC 61966-2-1 (sRGB) and CIE 15 (Lab); no differences.
    """
    lightness, a, b = ops.unstack(ops.cast(lab, "float32"), 3, axis=-1)
    y = (lightness + 16.0) / 116.0
    # A blue so strong that Z would be negative has none.
    z = ops.maximum(y - b / 200.0, 0.0)
    roots = ops.stack([a / 500.0 + y, y, z], axis=-1)
    line = (roots - 4.0 / 29.0) * (3.0 * (6.0 / 29.0) ** 2)
    xyz = ops.where(roots > 6.0 / 29.0, roots**3, line)
    matrix = XYZ_MATRIX / XYZ_MATRIX.sum(axis=1, keepdims=True)
    linear = multiply_channels(xyz, np.linalg.inv(matrix))
    # Each branch of a `where` is differentiated: none may see a 0.
    high = 1.055 * ops.power(ops.maximum(linear, 0.003), 1.0 / 2.4) - 0.055
    values = ops.where(linear > 0.0031308, high, 12.92 * linear)
    return ops.clip(values, 0.0, 1.0) * 2.0 - 1.0


def multiply_channels(pixels, matrix):
    """Maps the channels of each pixel by a matrix."""
    matrix = ops.convert_to_tensor(matrix.T.astype("float32"))
    return ops.matmul(pixels, matrix)


def _unit_range(images):
    shape = tuple(images.shape)
    if not shape or shape[-1] != 3:
        raise ValueError(
            f"`images` must be RGB, (..., 3). Received: images.shape={shape}"
        )
    return (ops.cast(images, "float32") + 1.0) * 0.5
