"""What losses need of a picture besides the picture itself."""

import math

import numpy as np

from keras_comic.data.borders import check_image
from keras_comic.data.edge_smoothing import edge_smoothed
from keras_comic.data.edge_smoothing import filtered
from keras_comic.data.edge_smoothing import luma
from keras_comic.data.smoothing import l0_smoothed
from keras_comic.data.smoothing import nl_means_smoothed
from keras_comic.data.superpixels import superpixels

# As in the records' schema.
VARIANTS = ("edge_smoothed", "grayscale", "superpixels", "blurred", "smoothed")
# Of the blur: standard deviation, and how far the filter reaches, pixels.
BLUR_SIGMA = 3.0
BLUR_RADIUS = 10
# The sum of its weights. The products are exact in float32, so that the filter
# gives the same in a TensorFlow graph.
BLUR_SUM = 4096


def make_variant(name, image):
    """Makes one of the variants of a picture that losses need.

    Their settings are fixed: stored beside a picture in a record, a variant
    means the same in every record. The functions named below take others. The
    same picture gives the same bytes each time: all but `"superpixels"` and
    `"smoothed"` are computed with integers, and these two gave the same with
    the oldest and the newest versions of NumPy, SciPy and scikit-image that
    were tried (1.26, 1.11, 0.22; 2.4, 1.17, 0.26).

    | name | what | for | ms |
    | --- | --- | --- | --- |
    | `"edge_smoothed"` | `edge_smoothed`: a drawing without its clear edges | the discriminators of CartoonGAN and AnimeGAN | 5 |
    | `"grayscale"` | luma of ITU-R BT.601, three times | texture apart from color | 1 |
    | `"superpixels"` | `superpixels`: flat areas, 200 of 256 x 256 pixels, adaptive color | the structure loss of White-box, region smoothing of AnimeGANv3 | 55 |
    | `"blurred"` | Gaussian of 3 pixels, 21 x 21 of them | colors without detail | 3 |
    | `"smoothed"` | `nl_means_smoothed`, then `l0_smoothed` of 0.005 | the fine-grained target of AnimeGANv3 | 100 |

    The last column: about how many milliseconds 256 x 256 pixels take on one
    core of two.

    Args:
        name: String, one of the names above.
        image: Uint8 array `(height, width, 3)`, RGB in `[0, 255]`.

    Returns:
        Uint8 array `(height, width, 3)`, RGB in `[0, 255]`.

    Raises:
        ValueError: If there is no such variant, or `image` is not as above.

    Example:

    >>> image = np.random.randint(256, size=(32, 32, 3)).astype("uint8")
    >>> gray = keras_comic.data.make_variant("grayscale", image)
    >>> gray.shape, bool((gray[..., 0] == gray[..., 1]).all())
    ((32, 32, 3), True)

    Reference:
        - [Ignatov et al., 2017](https://doi.org/10.1109/ICCV.2017.355),
          section 3.1.1, for the blur.
        - [Liu et al., 2024](https://doi.org/10.1587/transinf.2023EDP7061),
          for the smoothing; differs from it in: the non-local means compare
          patches in RGB, and borders are mirrored.
    """  # noqa: E501
    check_variant(name)
    check_image(image)
    if name == "edge_smoothed":
        return edge_smoothed(image)
    if name == "grayscale":
        return np.repeat(luma(image)[..., None], 3, axis=-1)
    if name == "superpixels":
        return superpixels(image)
    if name == "blurred":
        return filtered(image, blur_weights())
    return l0_smoothed(nl_means_smoothed(image), smoothness=0.005)


def check_variant(name):
    """Checks that there is a variant of this name."""
    if name not in VARIANTS:
        raise ValueError(
            f"`name` must be one of {', '.join(VARIANTS)}. "
            f"Received: name={name}"
        )


def blur_weights():
    """The integer weights of the blur along one axis."""
    places = range(-BLUR_RADIUS, BLUR_RADIUS + 1)
    weights = [math.exp(-((place / BLUR_SIGMA) ** 2) / 2) for place in places]
    scale = BLUR_SUM / sum(weights)
    weights = [round(weight * scale) for weight in weights]
    weights[BLUR_RADIUS] += BLUR_SUM - sum(weights)
    return weights
