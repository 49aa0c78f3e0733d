"""Optical flow as a tensor: chained, and where it leads."""

from keras import ops

from keras_comic.layers.warp import warp_images


def compose_flow(first, second):
    """Returns the flow along a first flow and on along a second.

    `composed(x, y) = first(x, y) + second((x, y) + first(x, y))`. With the
    flow from a third picture to a second, and the one from the second to a
    first, this is the flow from the third to the first.

    Args:
        first: Float tensor `(batch, height, width, 2)`, pixels, `x` (to the
            right), then `y` (down).
        second: Float tensor of the same shape, pixels.

    Returns:
        Float32 tensor of the same shape, pixels.

    Raises:
        ValueError: If the shapes do not agree.

    Example:

    >>> right = np.tile(np.float32([1.0, 0.0]), (1, 8, 8, 1))
    >>> flow = keras_comic.layers.compose_flow(right, right)
    >>> [float(value) for value in flow[0, 4, 4]]
    [2.0, 0.0]
    """
    first = ops.cast(first, "float32")
    return first + warp_images(ops.cast(second, "float32"), first)


def flow_stays_inside(flow):
    """Returns where a flow leads into the picture.

    Args:
        flow: Float tensor `(batch, height, width, 2)`, pixels, `x`, then
            `y`.

    Returns:
        Float32 tensor `(batch, height, width, 1)`: 1 where the place lies
        within the picture, up to the outer edge of the outermost pixels,
        elsewhere 0.

    Example:

    >>> right = np.tile(np.float32([1.0, 0.0]), (1, 1, 4, 1))
    >>> inside = keras_comic.layers.flow_stays_inside(right)
    >>> np.asarray(inside).ravel().tolist()
    [1.0, 1.0, 1.0, 0.0]
    """
    flow = ops.cast(flow, "float32")
    height, width = ops.shape(flow)[1:3]
    columns = ops.cast(ops.arange(width), "float32") + flow[..., 0]
    rows = ops.cast(ops.arange(height), "float32")[:, None] + flow[..., 1]
    inside = ops.logical_and(
        _is_within(columns, width), _is_within(rows, height)
    )
    return ops.cast(inside, "float32")[..., None]


def _is_within(places, size):
    last = ops.cast(size, "float32") - 0.5
    return ops.logical_and(places >= -0.5, places <= last)
