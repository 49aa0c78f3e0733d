"""Flat regions: pictures drawn in areas of one colour."""

from keras import ops

from keras_comic.losses.samples import float32
from keras_comic.losses.samples import sample_mean


def fill_regions(images, regions, num_regions):
    """Gives every pixel the mean of its region, in the graph.

    The regions are superpixels, panels or other segments, computed once for
    each photo and drawn along with it.

    Args:
        images: Float `(batch, height, width, channels)`, any range; pictures,
            or features of the regions' height and width.
        regions: Integer `(batch, height, width)` in `[0, num_regions)`. The
            number of each pixel's region; numbers may be unused.
        num_regions: Integer > 0. More than the highest number in `regions`.

    Returns:
        Float32 `(batch, height, width, channels)`.
    """
    shape, regions_shape = tuple(images.shape), tuple(regions.shape)
    if (
        len(shape) != 4
        or len(regions_shape) != 3
        or any(
            None not in sides and sides[0] != sides[1]
            for sides in zip(shape, regions_shape)
        )
    ):
        raise ValueError(
            "`regions` must be (batch, height, width) for `images` of "
            "(batch, height, width, channels). Received: "
            f"images.shape={shape}, regions.shape={regions_shape}"
        )
    if num_regions < 1:
        raise ValueError(
            "`num_regions` must be a positive integer. "
            f"Received: num_regions={num_regions}"
        )
    images = float32(images)
    batch, height, width, channels = ops.shape(images)
    first = ops.arange(0, batch, dtype="int32")[:, None] * num_regions
    numbers = ops.cast(ops.reshape(regions, (batch, height * width)), "int32")
    numbers = ops.reshape(numbers + first, (-1,))
    pixels = ops.reshape(images, (-1, channels))
    count = batch * num_regions
    sums = ops.segment_sum(pixels, numbers, num_segments=count)
    sizes = ops.segment_sum(
        ops.ones_like(pixels[:, :1]), numbers, num_segments=count
    )
    means = sums / ops.maximum(sizes, 1.0)
    filled = ops.take(means, numbers, axis=0)
    return ops.reshape(filled, (batch, height, width, channels))


def region_smoothing_loss(images, regions, num_regions):
    """Measures how far pixels are from the mean colour of their region.

    `mean(|images - filled|)`, where `filled = fill_regions(images, ...)` is
    the target and has no gradient: areas become flat, whatever their colour,
    and their outlines stay free.

    To take the same on the features of a network, as White-box cartoonisation
    and AnimeGANv3 do, pass the comics and `fill_regions` of them through it
    and give both to `feature_loss`.

    Args:
        images: Float `(batch, height, width, channels)`, any range.
        regions: Integer `(batch, height, width)` in `[0, num_regions)`; of
            the photos.
        num_regions: Integer > 0. More than the highest number in `regions`.

    Returns:
        Float32 `(batch,)`, at least 0, in the unit of the pixels.

    Reference:
        - [Wang and Yu, 2020](
          https://systemerrorwang.github.io/White-box-Cartoonization), the
          structure representation; on pixels instead of features.
    """
    filled = ops.stop_gradient(fill_regions(images, regions, num_regions))
    return sample_mean(ops.abs(float32(images) - filled))
