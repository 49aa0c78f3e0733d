"""Luminance and CIE Lab of images in `[-1, 1]`."""

import numpy as np
from keras import ops

# Rows: X, Y, Z of linear red, green, blue (ITU-R BT.709 primaries), each
# divided by what white gives (D65).
XYZ_MATRIX = np.array(
    [
        [0.412453, 0.357580, 0.180423],
        [0.212671, 0.715160, 0.072169],
        [0.019334, 0.119193, 0.950227],
    ]
)
XYZ_MATRIX = XYZ_MATRIX / XYZ_MATRIX.sum(axis=1, keepdims=True)


def luminance(images):
    """`0.299 R + 0.587 G + 0.114 B`.

    Args:
        images: Float `(batch, height, width, 3)`, RGB in `[-1, 1]`.

    Returns:
        Float32 `(batch, height, width, 1)`, in `[-1, 1]`.
    """
    images = ops.cast(images, "float32")
    red, green, blue = images[..., 0:1], images[..., 1:2], images[..., 2:3]
    return 0.299 * red + 0.587 * green + 0.114 * blue


def rgb_to_lab(images):
    """CIE 1976 L*a*b* of sRGB under D65.

    Args:
        images: Float `(..., 3)`, sRGB in `[-1, 1]`; what lies outside is
            clipped.

    Returns:
        Float32 `(..., 3)`: L in `[0, 100]`, a in about `[-86, 98]`, b in about
        `[-108, 94]`.
    """
    values = ops.clip((ops.cast(images, "float32") + 1.0) * 0.5, 0.0, 1.0)
    linear = ops.where(
        values > 0.04045,
        ops.power((values + 0.055) / 1.055, 2.4),
        values / 12.92,
    )
    matrix = ops.convert_to_tensor(XYZ_MATRIX.T.astype("float32"))
    xyz = ops.matmul(linear, matrix)
    threshold = (6.0 / 29.0) ** 3
    curve = ops.where(
        xyz > threshold,
        ops.power(ops.maximum(xyz, threshold), 1.0 / 3.0),
        xyz / (3.0 * (6.0 / 29.0) ** 2) + 4.0 / 29.0,
    )
    x, y, z = curve[..., 0], curve[..., 1], curve[..., 2]
    return ops.stack(
        [116.0 * y - 16.0, 500.0 * (x - y), 200.0 * (y - z)], axis=-1
    )
