"""Smoothing that keeps edges: non-local means, and few gradients."""

import numpy as np

from keras_comic.data.borders import check_image

# Where the weight of the gradients ends, and by what it grows each time.
LARGEST_BETA = 1e5
BETA_FACTOR = 2.0


def l0_smoothed(image, smoothness=0.02):
    """Smooths a picture to few gradients: flat areas with sharp edges.

    Of the pictures near this one, finds one with few places where neighbours
    differ: the minimum of the squared difference to it plus `smoothness` times
    the number of such places. Weak texture goes, whatever its size; strong
    edges keep their height.

    Args:
        image: Uint8 array `(height, width, 3)`, RGB in `[0, 255]`.
        smoothness: Float > 0. What one more place with a gradient must gain
            in squared difference, summed over channels in `[0, 1]`. Defaults
            to `0.02`.

    Returns:
        Uint8 array `(height, width, 3)`, RGB in `[0, 255]`.

    Raises:
        ValueError: If an argument is not as above.

    Example:

    >>> image = np.random.randint(10, size=(32, 32, 3)).astype("uint8")
    >>> image[:, 16:] += 200
    >>> smooth = keras_comic.data.l0_smoothed(image)
    >>> len(np.unique(smooth[:, :16])) < 4
    True

    Reference:
        - [Xu et al., 2011](https://doi.org/10.1145/2070781.2024208), section
          3, with their factor of 2 and largest beta of 1e5. Differs from it
          in: borders are mirrored, not joined to the opposite ones, so that
          cosine transforms take the place of Fourier's.
    """
    check_image(image)
    if not smoothness > 0:
        raise ValueError(
            f"`smoothness` must be positive. Received: smoothness={smoothness}"
        )
    from scipy import fft

    # Channels first: the transforms then run along contiguous memory.
    smooth = np.ascontiguousarray(np.moveaxis(image, -1, 0)) / 255.0
    target = fft.dctn(smooth, axes=(1, 2))
    transformed = target.copy()
    stiffness = np.add.outer(*(_eigenvalues(side) for side in image.shape[:2]))
    rows, columns = np.zeros_like(smooth), np.zeros_like(smooth)
    beta = 2.0 * smoothness
    while beta < LARGEST_BETA:
        np.subtract(smooth[:, 1:], smooth[:, :-1], out=rows[:, :-1])
        np.subtract(smooth[..., 1:], smooth[..., :-1], out=columns[..., :-1])
        squares = np.einsum("chw,chw->hw", rows, rows)
        squares += np.einsum("chw,chw->hw", columns, columns)
        # Weak gradients are to go. The new picture is solved for by how it
        # differs from the last: its rounding errors are then as small.
        weak = squares < smoothness / beta
        rows *= weak
        columns *= weak
        divergence = np.add(rows, columns, out=smooth)
        divergence[:, 1:] -= rows[:, :-1]
        divergence[..., 1:] -= columns[..., :-1]
        change = fft.dctn(divergence, axes=(1, 2), overwrite_x=True)
        change *= beta
        change += target
        change -= transformed
        change /= 1.0 + beta * stiffness
        transformed += change
        smooth = fft.idctn(transformed, axes=(1, 2))
        beta *= BETA_FACTOR
    return _to_uint8(np.moveaxis(smooth, 0, -1))


def nl_means_smoothed(image, strength=0.03):
    """Takes the grain from a picture by averaging similar patches.

    Each pixel becomes the mean of those near it, by how alike the patches
    around them are. Lines stay; what repeats without pattern goes.

    Args:
        image: Uint8 array `(height, width, 3)`, RGB in `[0, 255]`.
        strength: Float > 0. Distance of patches, with levels in `[0, 1]`, at
            which a weight falls to `1 / e`. Defaults to `0.03`.

    Returns:
        Uint8 array `(height, width, 3)`, RGB in `[0, 255]`.

    Raises:
        ValueError: If an argument is not as above.

    Example:

    >>> noise = np.random.randint(100, 110, size=(32, 32, 3)).astype("uint8")
    >>> smooth = keras_comic.data.nl_means_smoothed(noise)
    >>> bool(smooth.std() < noise.std() / 2)
    True

    Reference:
        - [Buades et al., 2005](https://doi.org/10.1109/CVPR.2005.38), in the
          fast form of [Darbon et al., 2008](
          https://doi.org/10.1109/ISBI.2008.4541250): patches of 5 x 5
          pixels with equal weights, searched for up to 3 pixels away.
    """
    check_image(image)
    if not strength > 0:
        raise ValueError(
            f"`strength` must be positive. Received: strength={strength}"
        )
    from skimage.restoration import denoise_nl_means

    height, width = image.shape[:2]
    # An axis of one pixel would be taken for none.
    padding = [(0, height == 1), (0, width == 1), (0, 0)]
    smooth = denoise_nl_means(
        np.pad(image, padding, mode="edge") / 255.0,
        patch_size=5,
        patch_distance=3,
        h=strength,
        fast_mode=True,
        channel_axis=-1,
    )
    return _to_uint8(smooth[:height, :width])


def _eigenvalues(side):
    """Of the second difference along mirrored borders."""
    return 4.0 * np.sin(np.pi * np.arange(side) / (2 * side)) ** 2


def _to_uint8(values):
    levels = np.clip(values, 0.0, 1.0) * 255.0 + 0.5
    return levels.astype("uint8", order="C")
