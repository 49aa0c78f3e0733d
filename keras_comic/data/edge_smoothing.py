"""Drawings whose edges are smoothed: negatives for a discriminator."""

import math

import numpy as np

from keras_comic.data.borders import check_image


def edge_smoothed(image, low_threshold=100, high_threshold=200, kernel_size=5):
    """Blurs a drawing along its edges and leaves the rest as it is.

    CartoonGAN and AnimeGAN show these to the discriminator as fakes: they
    have a drawing's colours and areas but no clear edges, so that the
    generator must draw them. Edges are found in the luma by Canny's method,
    made `kernel_size` pixels wide, and blurred by a binomial filter of that
    size, which is a Gaussian of `sqrt(kernel_size - 1) / 2` pixels. All of it
    is computed with integers: the same image gives the same bytes everywhere.

    Args:
        image: Uint8 array `(height, width, 3)`, RGB in `[0, 255]`.
        low_threshold: Integer >= 0. Pixels of an edge have a gradient above
            this: the sum of the absolute values of Sobel's two filters on the
            luma. Defaults to `100`.
        high_threshold: Integer, at least `low_threshold`. Each edge has a
            pixel whose gradient is above this. Defaults to `200`.
        kernel_size: Odd integer in `[3, 9]`. Side of the square by which
            edges are widened, and of the blur, pixels. Defaults to `5`.

    Returns:
        Uint8 array `(height, width, 3)`, RGB in `[0, 255]`.

    Raises:
        ValueError: If an argument is not as above.

    Example:

    >>> image = np.zeros((32, 32, 3), "uint8")
    >>> image[:, 16:] = 255
    >>> keras_comic.data.edge_smoothed(image)[0, 10:22, 0].tolist()
    [0, 0, 0, 0, 16, 80, 175, 239, 255, 255, 255, 255]

    Reference:
        - [Chen et al., 2018](
          https://openaccess.thecvf.com/content_cvpr_2018/html/Chen_CartoonGAN_Generative_Adversarial_CVPR_2018_paper.html),
          section 3.2.1, which states no sizes; those here are of the scripts
          in use for CartoonGAN and AnimeGAN. Differs from these in rounding
          to the nearest value where they round down, and in their resizing
          to 256 x 256 pixels, which is left to the caller.
        - [Canny, 1986](https://doi.org/10.1109/TPAMI.1986.4767851), with
          Sobel's filters and no smoothing before them.
    """
    check_image(image)
    if not 0 <= low_threshold <= high_threshold:
        raise ValueError(
            "`low_threshold` must lie in [0, high_threshold]. Received: "
            f"low_threshold={low_threshold}, high_threshold={high_threshold}"
        )
    if kernel_size not in range(3, 10, 2):
        raise ValueError(
            "`kernel_size` must be an odd integer in [3, 9]. "
            f"Received: kernel_size={kernel_size}"
        )
    from scipy import ndimage

    edges = canny_edges(luma(image), low_threshold, high_threshold)
    wide = ndimage.maximum_filter(
        edges.view("uint8"), kernel_size, mode="constant"
    )
    weights = [math.comb(kernel_size - 1, k) for k in range(kernel_size)]
    return np.where(wide[..., None] > 0, filtered(image, weights), image)


def luma(image):
    """The luma of ITU-R BT.601, in fixed point as Pillow's mode `L`."""
    red, green, blue = np.moveaxis(image.astype("int32"), -1, 0)
    levels = 19595 * red + 38470 * green + 7471 * blue + 2**15
    return (levels >> 16).astype("uint8")


def filtered(image, weights):
    """Filters both axes of an image with integer weights."""
    from scipy import ndimage

    bits = sum(weights).bit_length() - 1
    spare = bits - 3 if bits > 8 else 0
    # Filters of SciPy compute in float64: these integers are exact there.
    first = ndimage.correlate1d(
        image, weights, axis=0, output="int32", mode="mirror"
    )
    first = (first + (1 << spare >> 1)) >> spare
    second = ndimage.correlate1d(first, weights, axis=1, mode="mirror")
    scale = 2 * bits - spare
    return ((second + (1 << scale >> 1)) >> scale).astype("uint8")


def canny_edges(image, low_threshold, high_threshold):
    """Edges of one pixel's width, after Canny."""
    from scipy import ndimage

    rows, columns = _sobel(image)
    across, down = np.abs(columns), np.abs(rows)
    gradient = across + down
    padded = np.pad(gradient, 1)

    def neighbour(row, column):
        height, width = image.shape
        return padded[row + 1 :, column + 1 :][:height, :width]

    # Only the largest across the edge stays. The angle's bounds are 22.5 and
    # 67.5 degrees, with tangents sqrt(2) - 1 and sqrt(2) + 1.
    candidate = gradient > low_threshold
    flat = gradient**2 < 2 * across**2
    steep = (down > across) & ((down - across) ** 2 > 2 * across**2)
    falling = (rows < 0) == (columns < 0)
    largest = np.where(
        flat,
        (gradient > neighbour(0, -1)) & (gradient >= neighbour(0, 1)),
        np.where(
            steep,
            (gradient > neighbour(-1, 0)) & (gradient >= neighbour(1, 0)),
            np.where(
                falling,
                (gradient > neighbour(-1, -1)) & (gradient > neighbour(1, 1)),
                (gradient > neighbour(-1, 1)) & (gradient > neighbour(1, -1)),
            ),
        ),
    )
    candidate &= largest
    labels, count = ndimage.label(candidate, np.ones((3, 3)))
    keep = np.zeros(count + 1, "bool")
    keep[labels[candidate & (gradient > high_threshold)]] = True
    return keep[labels]


def _sobel(image):
    """Differences along the rows' and the columns' axis, borders repeated."""
    padded = np.pad(image.astype("int32"), 1, mode="edge")
    smooth = padded[:, :-2] + 2 * padded[:, 1:-1] + padded[:, 2:]
    rows = smooth[2:] - smooth[:-2]
    smooth = padded[:-2] + 2 * padded[1:-1] + padded[2:]
    columns = smooth[:, 2:] - smooth[:, :-2]
    return rows, columns
