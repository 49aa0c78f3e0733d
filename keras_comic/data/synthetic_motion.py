"""Synthetic motion: a second frame made from one photo, with its flow.

A temporal loss needs two frames and the motion between them. Here the motion
is drawn at random (a shift, a small affine map, and a smooth deformation) and
the second frame is made by it, so that the flow is exact, and single photos
do instead of videos.

The flow belongs to the moved picture and points into the original:
`moved(x, y) = image((x, y) + flow(x, y))`. It is what
`keras_comic.data.optical_flow(moved, image)` would estimate, and what warps
the original's stylisation onto the moved picture's.
"""

import math

import numpy as np
import tensorflow as tf

# Random numbers of one motion apart from its deformation: shift and matrix.
_NUM_AFFINE = 6
# Random numbers are drawn for: shift and matrix, deformation, strength of the
# noise, noise.
_NUM_STREAMS = 4


def synthetic_flow(
    shape,
    seed,
    max_shift=10.0,
    max_affine=4.0,
    max_deformation=8.0,
    cell_size=100,
):
    """A random smooth flow, with NumPy.

    It is the sum of three parts. Each moves a pixel by at most the number of
    pixels that is named, in `x` and in `y`:

    - a shift of the whole picture, even in `[-max_shift, max_shift]`;
    - an affine map about the centre (turns, scales, shears), whose four
      numbers are even, so that it moves the corners by at most `max_affine`;
    - a deformation: a cubic B-spline over a grid of random control points,
      even in `[-max_deformation, max_deformation]`. It is smooth (twice
      differentiable), and it changes by at most `2 * max_deformation /
      cell_size` from a pixel to the next.

    Args:
        shape: Height and width, pixels; further numbers are ignored.
        seed: Integer >= 0. The flow is a function of the arguments alone.
        max_shift: Float >= 0, pixels. Defaults to `10.0`.
        max_affine: Float >= 0, pixels. Defaults to `4.0`.
        max_deformation: Float >= 0, pixels. Defaults to `8.0`.
        cell_size: Integer > 0. From a control point to the next, pixels.
            Defaults to `100`.

    Returns:
        Float32 array `(height, width, 2)`, pixels, `x` (to the right), then
        `y` (down).

    Raises:
        ValueError: If an argument is out of its range.

    Example:

    >>> flow = keras_comic.data.synthetic_flow((32, 48), seed=1)
    >>> flow.shape
    (32, 48, 2)
    >>> bool(np.abs(flow).max() <= 22)
    True

    Reference:
        - [Wang et al., 2020](https://doi.org/10.1109/TIP.2020.3024018)
          (ReReVST). Differs from its code in: an affine part is added; the
          deformation is a bounded B-spline over a grid of 100 pixels, not
          normal noise that is resized and blurred.
    """
    limits = (max_shift, max_affine, max_deformation)
    _check(*limits, cell_size)
    height, width = (int(side) for side in shape[:2])
    generator = np.random.default_rng(seed)
    affine = generator.uniform(-1, 1, _NUM_AFFINE)
    rows = _spline_weights(height, cell_size)
    columns = _spline_weights(width, cell_size)
    grid = generator.uniform(-1, 1, (rows.shape[1], columns.shape[1], 2))
    across, down = _centered(height, width)
    shift, matrix = affine[:2] * max_shift, affine[2:].reshape(2, 2)
    places = np.stack(
        np.broadcast_arrays(across[None, :], down[:, None]), axis=-1
    )
    flow = shift + places @ matrix * (max_affine / 2)
    deformation = rows @ (columns @ grid).reshape(rows.shape[1], -1)
    flow += deformation.reshape(height, width, 2) * max_deformation
    return flow.astype("float32")


def random_motion(
    images,
    seed,
    max_shift=10.0,
    max_affine=4.0,
    max_deformation=8.0,
    cell_size=100,
    max_noise=0.0,
):
    """Moves photos at random, in-graph, and says how.

    For `tf.data`; works eagerly too. Each picture of a batch moves by a flow
    of its own, drawn as in `synthetic_flow` (with other random numbers).
    Bilinear interpolation; outside, the picture's edge is continued and the
    result is not valid.

    Args:
        images: Float32 tensor `(height, width, channels)` or `(batch, height,
            width, channels)`, any range.
        seed: Integer, or int tensor of shape `(2,)`. The motion is a function
            of the seed and the shape alone.
        max_shift: Float >= 0, pixels. Defaults to `10.0`.
        max_affine: Float >= 0, pixels. Defaults to `4.0`.
        max_deformation: Float >= 0, pixels. Defaults to `8.0`.
        cell_size: Integer > 0. From a control point of the deformation to
            the next, pixels. Defaults to `100`.
        max_noise: Float >= 0, in the unit of `images`. Normal noise is added
            to the moved picture, whose standard deviation is even between
            half of this and this. ReReVST: `0.004` for a range of `[-1, 1]`.
            Defaults to `0.0`.

    Returns:
        Moved images, of the shape and dtype of `images`; flow, float32
        `([batch,] height, width, 2)`, pixels, `x`, then `y`, so that
        `moved(x, y) = image((x, y) + flow(x, y))`; and validity, boolean
        `([batch,] height, width)`, true where that place lies inside the
        picture.

    Raises:
        ValueError: If an argument is out of its range.

    Example:

    >>> photo = np.random.uniform(-1, 1, (32, 48, 3)).astype("float32")
    >>> moved, flow, valid = keras_comic.data.random_motion(photo, seed=1)
    >>> tuple(moved.shape), tuple(flow.shape), tuple(valid.shape)
    ((32, 48, 3), (32, 48, 2), (32, 48))

    Reference:
        - [Wang et al., 2020](https://doi.org/10.1109/TIP.2020.3024018)
          (ReReVST); differs from it as `synthetic_flow` does.
    """
    limits = (max_shift, max_affine, max_deformation)
    _check(*limits, cell_size)
    if not max_noise >= 0:
        raise ValueError(
            f"`max_noise` must be at least 0. Received: max_noise={max_noise}"
        )
    images = tf.convert_to_tensor(images)
    if images.shape.rank not in (3, 4) or images.dtype != tf.float32:
        raise ValueError(
            "`images` must be float32, (height, width, channels) or (batch, "
            "height, width, channels). "
            f"Received: dtype={images.dtype.name}, shape={images.shape}"
        )
    seed = tf.cast(seed, "int64")
    if seed.shape.rank == 0:
        seed = tf.stack([seed, tf.zeros_like(seed)])
    one = images.shape.rank == 3
    if one:
        images = images[None]
    flow = _random_flow(tf.shape(images), seed, limits, cell_size)
    flow = tf.ensure_shape(flow, (*images.shape[:3], 2))
    moved, valid = warp_batch(images, flow)
    if max_noise:
        moved += _random_noise(tf.shape(images), seed, max_noise)
    if one:
        return moved[0], flow[0], valid[0]
    return moved, flow, valid


def _random_flow(shape, seed, limits, cell_size):
    max_shift, max_affine, max_deformation = limits
    batch, height, width = shape[0], shape[1], shape[2]
    affine = _uniform(seed, 0, [batch, _NUM_AFFINE])
    shift = affine[:, None, None, :2] * max_shift
    matrix = tf.reshape(affine[:, 2:], [batch, 1, 2, 2]) * (max_affine / 2)
    across, down = _tf_centered(height, width)
    rows = _tf_spline_weights(height, cell_size)
    columns = _tf_spline_weights(width, cell_size)
    num_rows, num_columns = tf.shape(rows)[1], tf.shape(columns)[1]
    grid = _uniform(seed, 1, [batch, num_rows, num_columns, 2])
    grid *= max_deformation
    # First along the columns, then along the rows, as matrix products.
    grid = tf.matmul(columns, tf.reshape(grid, [-1, num_columns, 2]))
    grid = tf.reshape(grid, [batch, num_rows, width * 2])
    deformation = tf.reshape(tf.matmul(rows, grid), [batch, height, width, 2])
    flow = deformation + shift
    flow += across[None, None, :, None] * matrix[:, :, None, 0]
    return flow + down[None, :, None, None] * matrix[:, :, None, 1]


def _random_noise(shape, seed, max_noise):
    deviation = _uniform(seed, 2, [shape[0], 1, 1, 1]) * 0.25 + 0.75
    noise = tf.random.stateless_normal(shape, _stream(seed, 3), alg="philox")
    return noise * deviation * max_noise


def _uniform(seed, stream, shape):
    return tf.random.stateless_uniform(
        shape, _stream(seed, stream), -1.0, 1.0, alg="philox"
    )


def _stream(seed, number):
    return tf.stack([seed[0], seed[1] * _NUM_STREAMS + number])


def warp_batch(images, flow):
    """Moves pictures back along a flow, in-graph."""
    shape = tf.shape(images)
    batch, height, width = shape[0], shape[1], shape[2]
    columns = tf.cast(tf.range(width), "float32") + flow[..., 0]
    rows = tf.cast(tf.range(height), "float32")[:, None] + flow[..., 1]
    left, right, across, inside = _neighbors(columns, width)
    top, bottom, down, inside_rows = _neighbors(rows, height)
    pixels = tf.reshape(images, [batch, height * width, shape[3]])

    def at(rows, columns):
        return tf.gather(pixels, rows * width + columns, axis=1, batch_dims=1)

    across, down = across[..., None], down[..., None]
    upper = at(top, left) * (1 - across) + at(top, right) * across
    lower = at(bottom, left) * (1 - across) + at(bottom, right) * across
    moved = upper * (1 - down) + lower * down
    moved = tf.ensure_shape(moved, images.shape)
    return moved, tf.logical_and(inside, inside_rows)


def _neighbors(places, size):
    last = tf.cast(size - 1, "float32")
    inside = tf.logical_and(places >= 0, places <= last)
    places = tf.clip_by_value(places, 0.0, last)
    before = tf.floor(places)
    index = tf.cast(before, "int32")
    return index, tf.minimum(index + 1, size - 1), places - before, inside


def _centered(height, width):
    """Columns and rows from -1 to 1."""
    return [
        (2 * np.arange(side) - (side - 1)) / max(side - 1, 1)
        for side in (width, height)
    ]


def _tf_centered(height, width):
    sides = []
    for side in (width, height):
        places = tf.cast(2 * tf.range(side) - (side - 1), "float32")
        sides.append(places / tf.cast(tf.maximum(side - 1, 1), "float32"))
    return sides


def _spline_weights(size, cell_size):
    """Weights of the control points for each pixel of a side."""
    places = np.arange(size) / cell_size
    num_points = math.ceil((size - 1) / cell_size) + 3
    distances = np.abs(places[:, None] + 1 - np.arange(num_points))
    near = 2 / 3 - distances**2 * (1 - distances / 2)
    far = np.maximum(2 - distances, 0) ** 3 / 6
    return np.where(distances < 1, near, far)


def _tf_spline_weights(size, cell_size):
    places = tf.cast(tf.range(size), "float32") / cell_size
    num_points = -(-(size - 1) // cell_size) + 3
    points = tf.cast(tf.range(num_points), "float32")
    distances = tf.abs(places[:, None] + 1 - points)
    near = 2 / 3 - distances**2 * (1 - distances / 2)
    far = tf.maximum(2 - distances, 0) ** 3 / 6
    return tf.where(distances < 1, near, far)


def _check(max_shift, max_affine, max_deformation, cell_size):
    for name, value in (
        ("max_shift", max_shift),
        ("max_affine", max_affine),
        ("max_deformation", max_deformation),
    ):
        if not value >= 0:
            raise ValueError(
                f"`{name}` must be at least 0 pixels. Received: {name}={value}"
            )
    if not cell_size >= 1:
        raise ValueError(
            "`cell_size` must be at least 1 pixel. "
            f"Received: cell_size={cell_size}"
        )
