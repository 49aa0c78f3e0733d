"""Images moved along a flow, differentiably, on every backend."""

import keras
from keras import ops


def warp_images(images, flow):
    """Moves images back along an optical flow, with bilinear interpolation.

    `warped(x, y) = images((x, y) + flow(x, y))`: with the flow from a first
    to a second image, warping the second gives the first, wherever the first
    shows nothing that the second hides. This is the convention of
    `keras_comic.data.optical_flow` and of the KITTI and Middlebury files.
    Outside, the edge is continued.

    Both arguments get gradients. Where a flow points outside, its gradient
    is zero; where it points exactly at a pixel, it is the one towards the
    right and the bottom (at the last pixel, towards the left and the top).

    Args:
        images: Float tensor `(batch, height, width, channels)`, any values: a
            picture, a mask, a flow.
        flow: Float tensor `(batch, height, width, 2)`, pixels, `x` (to the
            right), then `y` (down).

    Returns:
        Tensor of the shape and dtype of `images`; computed in float32.

    Raises:
        ValueError: If the shapes do not agree, or `images` are not floats.

    Example:

    >>> image = np.random.uniform(size=(1, 8, 8, 3)).astype("float32")
    >>> right = np.tile(np.float32([1.0, 0.0]), (1, 8, 8, 1))
    >>> warped = np.asarray(keras_comic.layers.warp_images(image, right))
    >>> bool((warped[:, :, :-1] == image[:, :, 1:]).all())
    True
    """
    images, flow = _checked(images, flow)
    return _sampled(images, flow[..., 1], flow[..., 0])


def dense_image_warp(images, flow):
    """Warps images as `tensorflow_addons.image.dense_image_warp` does.

    For code that comes from there. Its flow is not the optical flow of the
    field: it is subtracted, and `y` comes before `x`,

        warped[b, j, i] = images[b, j - flow[b, j, i, 0], i - flow[b, j, i, 1]]

    so that `dense_image_warp(images, flow)` is
    `warp_images(images, -flow[..., ::-1])`. Outside, the edge is continued.

    Args:
        images: Float tensor `(batch, height, width, channels)`, any values.
        flow: Float tensor `(batch, height, width, 2)`, pixels, `y` (up), then
            `x` (to the left).

    Returns:
        Tensor of the shape and dtype of `images`; computed in float32.

    Raises:
        ValueError: If the shapes do not agree, or `images` are not floats.

    Example:

    >>> image = np.random.uniform(size=(1, 8, 8, 3)).astype("float32")
    >>> down = np.tile(np.float32([1.0, 0.0]), (1, 8, 8, 1))
    >>> warped = np.asarray(keras_comic.layers.dense_image_warp(image, down))
    >>> bool((warped[:, 1:] == image[:, :-1]).all())
    True

    Reference:
        - tensorflow-addons 0.23.0; the outputs agree. Its gradient by a flow
          that points exactly at a pixel was zero; here it is as in
          `warp_images`. Sides of one pixel are allowed.
    """
    images, flow = _checked(images, flow)
    return _sampled(images, -flow[..., 0], -flow[..., 1])


def _checked(images, flow):
    images, flow = ops.convert_to_tensor(images), ops.convert_to_tensor(flow)
    dtype = keras.backend.standardize_dtype(images.dtype)
    if "float" not in dtype:
        raise ValueError(
            f"`images` must be floats. Received: images.dtype={dtype}"
        )
    agree = len(images.shape) == len(flow.shape) == 4 and all(
        None in (size, other) or size == other
        for size, other in zip(flow.shape, (*images.shape[:3], 2), strict=True)
    )
    if not agree:
        raise ValueError(
            "`images` must be of shape (batch, height, width, channels), and "
            "`flow` of shape (batch, height, width, 2). "
            f"Received: images.shape={tuple(images.shape)}, "
            f"flow.shape={tuple(flow.shape)}"
        )
    return images, ops.cast(flow, "float32")


def _sampled(images, down, right):
    """Samples images at their grid moved by `down` and `right`, float32."""
    batch, height, width, channels = ops.shape(images)
    rows = ops.cast(ops.arange(height), "float32")[None, :, None] + down
    columns = ops.cast(ops.arange(width), "float32")[None, None] + right
    top, bottom, down = _neighbors(rows, height)
    left, right, across = _neighbors(columns, width)
    first = ops.arange(batch, dtype="int32")[:, None, None] * height
    pixels = ops.reshape(images, (-1, channels))

    def pixels_at(row, column):
        places = (first + row) * width + column
        return ops.cast(ops.take(pixels, places, axis=0), "float32")

    # Not by differences, so that a whole flow gives the pixels themselves.
    upper = _between(pixels_at(top, left), pixels_at(top, right), across)
    lower = _between(pixels_at(bottom, left), pixels_at(bottom, right), across)
    return ops.cast(_between(upper, lower, down), images.dtype)


def _between(before, after, fraction):
    return (1.0 - fraction) * before + fraction * after


def _neighbors(places, size):
    """Returns the pixels before and after places, and how far between."""
    last = ops.cast(size, "float32") - 1.0
    before = ops.floor(ops.stop_gradient(places))
    before = ops.maximum(ops.minimum(before, last - 1.0), 0.0)
    # Not `clip`, whose gradient at the ends depends on the backend.
    fraction = places - before
    fraction = ops.where(fraction < 0.0, 0.0, fraction)
    fraction = ops.where(fraction > 1.0, 1.0, fraction)
    # A place that is not a number must not become an index.
    index = ops.maximum(ops.minimum(ops.cast(before, "int32"), size - 1), 0)
    return index, ops.minimum(index + 1, size - 1), fraction[..., None]
