"""Losses of two generators that lead there and back."""

from keras import ops

from keras_comic.losses.samples import check_same_shape
from keras_comic.losses.samples import float32
from keras_comic.losses.samples import sample_mean


def cycle_loss(images, cycled_images):
    """Mean absolute difference of images and what comes back of them.

    `mean(|cycled - images|)`, for photos made into comics and back, and for
    comics made into photos and back. Weight in the paper: 10.

    Args:
        images: Float `(batch, height, width, channels)`, any range.
        cycled_images: Float, of the shape of `images`.

    Returns:
        Float32 `(batch,)`, at least 0, in the unit of the pixels.

    Example:

    >>> images = np.ones((1, 32, 32, 3), "float32")
    >>> float(keras_comic.losses.cycle_loss(images, 0.5 * images)[0])
    0.5

    Reference:
        - [Zhu et al., 2017](https://arxiv.org/abs/1703.10593), equation 2,
          with the mean over the pixels instead of the sum, as the authors'
          code has it.
    """
    return _mean_absolute(images, cycled_images, "cycled_images")


def identity_loss(images, mapped_images):
    """Mean absolute difference of images and what a generator makes of them.

    `mean(|mapped - images|)`, where the images are of the generator's own
    target: a comic that is given to the photo-to-comic generator stays as it
    is. Keeps the colours. Weight in the paper: 0.5 times that of the cycle.

    Args:
        images: Float `(batch, height, width, channels)`, any range.
        mapped_images: Float, of the shape of `images`.

    Returns:
        Float32 `(batch,)`, at least 0, in the unit of the pixels.

    Example:

    >>> images = np.ones((1, 32, 32, 3), "float32")
    >>> float(keras_comic.losses.identity_loss(images, images)[0])
    0.0

    Reference:
        - [Zhu et al., 2017](https://arxiv.org/abs/1703.10593), section 5.2,
          with the mean over the pixels instead of the sum, as the authors'
          code has it.
    """
    return _mean_absolute(images, mapped_images, "mapped_images")


def _mean_absolute(images, others, name):
    check_same_shape(images, others, "images", name)
    return sample_mean(ops.abs(float32(images) - float32(others)))
