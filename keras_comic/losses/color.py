"""Losses of colour."""

from keras import ops

from keras_comic.layers.color_spaces import YUV_MATRIX
from keras_comic.layers.color_spaces import multiply_channels
from keras_comic.layers.color_spaces import rgb_to_lab

# One of the public losses' names, too.
from keras_comic.layers.color_spaces import rgb_to_yuv  # noqa: F401
from keras_comic.losses.samples import check_same_shape
from keras_comic.losses.samples import float32
from keras_comic.losses.samples import sample_mean


def yuv_color_loss(images, targets, delta=1.0):
    """Difference of colour in YUV: absolute in Y, Huber in U and V.

    `mean(|dY|) + mean(huber(dU)) + mean(huber(dV))`, where `huber(d)` is
    `d^2 / 2` up to `delta` and `delta * (|d| - delta / 2)` beyond. Keeps the
    colours of the photo, and its light more strictly than its hue.

    Args:
        images: Float `(batch, height, width, 3)`, RGB in `[-1, 1]`.
        targets: Float, of the shape of `images`; the photos.
        delta: Float > 0. Where the square turns into a line, in units of U
            and V. Defaults to `1.0`.

    Returns:
        Float32 `(batch,)`, at least 0.

    Reference:
        - [Chen et al., 2020](https://github.com/TachibanaYoshino/AnimeGAN),
          the colour reconstruction loss of AnimeGAN.
    """
    check_same_shape(images, targets, "images", "targets")
    if not delta > 0.0:
        raise ValueError(f"`delta` must be positive. Received: delta={delta}")
    # A line: the difference of the conversions is that of the difference.
    matrix = YUV_MATRIX * 0.5
    difference = multiply_channels(float32(images) - float32(targets), matrix)
    size = ops.abs(difference)
    # The square up to delta, and the line beyond.
    inner = ops.minimum(size, delta)
    huber = 0.5 * ops.square(inner) + delta * (size - inner)
    return sample_mean(size[..., 0]) + 2.0 * sample_mean(huber[..., 1:])


def lab_color_loss(images, targets):
    """Difference of colour in Lab, where equal steps look equally large.

    `mean(|dL| + |da| + |db|) / 100`.

    Args:
        images: Float `(batch, height, width, 3)`, sRGB in `[-1, 1]`.
        targets: Float, of the shape of `images`; the photos.

    Returns:
        Float32 `(batch,)`, at least 0; 1 between black and white.
    """
    check_same_shape(images, targets, "images", "targets")
    difference = ops.abs(rgb_to_lab(images) - rgb_to_lab(targets))
    return 3.0 * sample_mean(difference) / 100.0
