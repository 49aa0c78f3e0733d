"""Structural similarity of two images."""

import numpy as np
from keras import ops

from keras_comic.layers.color_spaces import luminance

WINDOW = 11
SIGMA = 1.5


def structural_similarity(images, targets):
    """Returns the structural similarity (SSIM) of the luminance of images.

    Luminance is `0.299 R + 0.587 G + 0.114 B`, counted from black: SSIM is not
    blind to an offset, so `[-1, 1]` is moved to `[0, 2]` first and the dynamic
    range is 2. The value is that of the same images in `[0, 255]` with a
    dynamic range of 255. Gaussian window of 11 pixels, deviation 1.5 pixels,
    constants 0.01 and 0.03, mean over the positions where the window lies
    wholly inside. In float32.

    Args:
        images: Float `(batch, height, width, 3)`, RGB in `[-1, 1]`; sides of
            at least 11 pixels.
        targets: Float `(batch, height, width, 3)`, RGB in `[-1, 1]`; a batch
            of 1 stands for one image against all.

    Returns:
        Float32 `(batch,)` in `[-1, 1]`; 1 for equal luminance.

    Raises:
        ValueError: If a side is shorter than 11 pixels.

    Example:

    >>> images = np.random.uniform(-1, 1, (1, 32, 32, 3)).astype("float32")
    >>> ssim = keras_comic.layers.structural_similarity(images, images)
    >>> abs(float(ssim[0]) - 1) < 1e-5
    True

    Reference:
        - [Wang et al., 2004](https://doi.org/10.1109/TIP.2003.819861); the
          same numbers as `tf.image.ssim`.
    """
    sides = [side for side in tuple(images.shape)[1:3] if side is not None]
    if any(side < WINDOW for side in sides):
        raise ValueError(
            f"Images must have sides of at least {WINDOW} pixels. "
            f"Received: images.shape={tuple(images.shape)}"
        )
    a, b = luminance(images) + 1.0, luminance(targets) + 1.0
    b = ops.broadcast_to(b, ops.shape(a))
    # All four local means in one pass.
    means = _blur(ops.concatenate([a, b, a * b, a * a + b * b], axis=-1))
    mean_a, mean_b = means[..., 0], means[..., 1]
    product = mean_a * mean_b
    squares = mean_a * mean_a + mean_b * mean_b
    # (0.01 * 2)^2 and (0.03 * 2)^2.
    offset = (2.0 * product + 0.0004) / (squares + 0.0004)
    covariance = 2.0 * (means[..., 2] - product) + 0.0036
    variances = means[..., 3] - squares + 0.0036
    return ops.mean(offset * covariance / variances, axis=[1, 2])


def _blur(maps):
    """Blurs each of four channels by a Gaussian, rows then columns."""
    positions = np.arange(WINDOW) - WINDOW // 2
    window = np.exp(-0.5 * (positions / SIGMA) ** 2)
    window = (window / window.sum()).astype("float32")
    for shape in ((WINDOW, 1, 1, 1), (1, WINDOW, 1, 1)):
        kernel = np.tile(window.reshape(shape), (1, 1, 4, 1))
        maps = ops.depthwise_conv(
            maps,
            ops.convert_to_tensor(kernel, "float32"),
            padding="valid",
            data_format="channels_last",
        )
    return maps
