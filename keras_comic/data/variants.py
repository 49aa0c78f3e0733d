"""Variants of a picture that losses need beside the picture itself."""

import numpy as np
from PIL import Image

from keras_comic.data.borders import check_image

# As in the records' schema.
VARIANTS = ("edge_smoothed", "grayscale", "superpixels", "blurred", "smoothed")

# Thresholds of Canny's method, on the sum of the absolute values of Sobel's
# two filters, and how wide edges are made, pixels.
EDGE_THRESHOLDS = (100, 200)
EDGE_WIDTH = 5
# Least size of a superpixel: 200 of 256 x 256 pixels.
SEGMENT_PIXELS = 65536 / 200
# Standard deviations of a superpixel, levels: below the first its color is the
# mean, above the second the median, between them half of each.
LOW_DEVIATION = 20
HIGH_DEVIATION = 40
# Of the blur: its standard deviation, and the side of its square, pixels.
BLUR_SIGMA = 3.0
BLUR_SIDE = 21
# Of the smoothing: the distance of patches at which a weight falls to 1 / e,
# with levels in [0, 1]; what a gradient must gain in squared difference; where
# the weight of the gradients ends, and by what it grows each time.
PATCH_STRENGTH = 0.03
SMOOTHNESS = 0.005
LARGEST_BETA = 1e5
BETA_FACTOR = 2.0


def make_variant(name, image):
    """Makes one of the variants of a picture that losses need.

    - `edge_smoothed`: blurred along clear edges (Chen et al., 2018)
    - `grayscale`: luma of ITU-R BT.601, three times
    - `superpixels`: at most 200 flat areas of 256 x 256 pixels (Wang and Yu,
      2020; small segments merge by Felzenszwalb and Huttenlocher's own rule)
    - `blurred`: Gaussian of 3 pixels (Ignatov et al., 2017)
    - `smoothed`: non-local means, then few gradients (Liu et al., 2024)
    """
    check_variant(name)
    check_image(image)
    makers = {
        "edge_smoothed": edge_smoothed,
        "grayscale": lambda image: np.repeat(_luma(image)[..., None], 3, -1),
        "superpixels": superpixels,
        "blurred": lambda image: _blur(image, BLUR_SIDE, BLUR_SIGMA),
        "smoothed": lambda image: l0_smoothed(nl_means_smoothed(image)),
    }
    return makers[name](image)


def check_variant(name):
    """Raises an error if there is no variant of this name."""
    if name not in VARIANTS:
        raise ValueError(
            f"`name` must be one of {', '.join(VARIANTS)}. "
            f"Received: name={name}"
        )


def edge_smoothed(image):
    """Blurs a drawing along its edges."""
    import cv2

    edges = cv2.Canny(_luma(image), *EDGE_THRESHOLDS)
    wide = cv2.dilate(edges, np.ones((EDGE_WIDTH, EDGE_WIDTH), "uint8"))
    # Without a deviation, OpenCV takes a binomial filter of that width.
    return np.where(wide[..., None] > 0, _blur(image, EDGE_WIDTH, 0), image)


def _luma(image):
    return np.asarray(Image.fromarray(image).convert("L"))


def _blur(image, side, sigma):
    """Blurs an image; OpenCV does so in integers, the same everywhere."""
    import cv2

    image = np.ascontiguousarray(image)
    return cv2.GaussianBlur(image, (side, side), sigma)


def superpixels(image):
    """Fills the segments of a picture with one color each."""
    from scipy import ndimage
    from skimage.segmentation import felzenszwalb

    pixels = image.shape[0] * image.shape[1]
    num_segments = max(1, round(pixels / SEGMENT_PIXELS))
    # Segments of at least so many pixels are at most as many as wanted.
    min_size = -(-pixels // num_segments)
    labels = felzenszwalb(image, scale=5, sigma=0.8, min_size=min_size)
    numbers = np.arange(labels.max() + 1)

    def measure(function):
        channels = np.moveaxis(image, -1, 0)
        return np.stack([function(c, labels, numbers) for c in channels], -1)

    means, medians = measure(ndimage.mean), measure(ndimage.median)
    # The deviation within each channel; a mean alone greys what varies.
    deviations = np.sqrt(measure(ndimage.variance).mean(-1, keepdims=True))
    share = 0.5 * (deviations >= LOW_DEVIATION)
    share = np.where(deviations > HIGH_DEVIATION, 1.0, share)
    colors = means + share * (medians - means)
    return np.floor(colors + 0.5).astype("uint8")[labels]


def nl_means_smoothed(image):
    """Takes the grain from a picture by averaging similar patches."""
    from skimage.restoration import denoise_nl_means

    height, width = image.shape[:2]
    # An axis of one pixel would be taken for none.
    padding = [(0, height == 1), (0, width == 1), (0, 0)]
    smooth = denoise_nl_means(
        np.pad(image, padding, mode="edge") / 255.0,
        patch_size=5,
        patch_distance=3,
        h=PATCH_STRENGTH,
        channel_axis=-1,
    )
    return _to_uint8(smooth[:height, :width])


def l0_smoothed(image, smoothness=SMOOTHNESS):
    """Smooths a picture to few gradients: flat areas with sharp edges.

    Xu et al., 2011 (https://doi.org/10.1145/2070781.2024208), section 3, with
    mirrored borders, so that cosine transforms take the place of Fourier's.
    """
    from scipy import fft

    # Channels first: the transforms then run along contiguous memory.
    smooth = np.ascontiguousarray(np.moveaxis(image, -1, 0)) / 255.0
    target = fft.dctn(smooth, axes=(1, 2))
    transformed = target.copy()
    # The eigenvalues of the second difference along mirrored borders.
    angles = [np.pi * np.arange(side) / (2 * side) for side in image.shape[:2]]
    stiffness = np.add.outer(*(4.0 * np.sin(angle) ** 2 for angle in angles))
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
        change = beta * fft.dctn(divergence, axes=(1, 2)) + target
        change -= transformed
        transformed += change / (1.0 + beta * stiffness)
        smooth = fft.idctn(transformed, axes=(1, 2))
        beta *= BETA_FACTOR
    return _to_uint8(np.moveaxis(smooth, 0, -1))


def _to_uint8(values):
    levels = np.clip(values, 0.0, 1.0) * 255.0 + 0.5
    return levels.astype("uint8", order="C")
