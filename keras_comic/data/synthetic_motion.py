"""A second frame for a picture, by a motion that is known."""

import collections
import math

import tensorflow as tf

# About how far apart the places are that bend each by themselves, pixels.
CELL_SIZE = 100

SyntheticMotion = collections.namedtuple(
    "SyntheticMotion", ["moved", "flow", "valid"]
)


def synthetic_motion(
    image,
    seed,
    max_shift=10.0,
    max_rotation=1.0,
    max_zoom=0.03,
    max_shear=1.0,
    bend=4.0,
):
    """Moves a picture at random, and says how: for temporal losses on photos.

    Where there are no videos, a picture and this copy of it stand for two
    frames whose optical flow is exact. A stylised video does not flicker if
    `stylise(moved)` is `stylise(image)` moved in the same way, at the places
    that are valid. The motion is that of a camera (shift, rotation, zoom and
    shear about the middle) and a smooth one that differs from place to place.

    Args:
        image: Tensor `(height, width, channels)`, uint8 or floating, of any
            range.
        seed: Pair of integers. The same pair gives the same motion.
        max_shift: Float >= 0. Along each axis, pixels. Defaults to `10.0`.
        max_rotation: Float >= 0. Degrees. Defaults to `1.0`.
        max_zoom: Float in `[0, 1)`. Part by which the picture shrinks or
            grows. Defaults to `0.03`.
        max_shear: Float >= 0. Degrees, along the rows. Defaults to `1.0`.
        bend: Float >= 0. Standard deviation of the smooth motion at places
            about 100 pixels apart, pixels. Defaults to `4.0`.

    Returns:
        Named tuple `SyntheticMotion`: `moved`, of the image's shape, type and
        range; `flow`, float32 `(height, width, 2)`, how many columns to the
        right and rows down in `image` each pixel of `moved` is found, pixels;
        `valid`, boolean `(height, width)`, whether it lies in `image`.
        Elsewhere the nearest pixel stands. The values are interpolated
        between four pixels.

    Raises:
        ValueError: If an argument is not as above.

    Example:

    >>> image = np.random.randint(256, size=(32, 48, 3)).astype("uint8")
    >>> moved, flow, valid = keras_comic.data.synthetic_motion(
    ...     image, seed=(0, 7), max_shift=2.0, bend=1.0
    ... )
    >>> tuple(moved.shape), tuple(flow.shape), tuple(valid.shape)
    ((32, 48, 3), (32, 48, 2), (32, 48))

    Reference:
        - [Wang et al., 2020](https://doi.org/10.1109/TIP.2020.3024018),
          ReReVST, for shift and bend. Differs from its published code in: a
          grid of noise is interpolated by cubic curves, where that blurs one
          of 8 pixels until about 5 are left; no noise is added.
    """
    image = tf.convert_to_tensor(image)
    if not (image.dtype == tf.uint8 or image.dtype.is_floating) or (
        image.shape.rank != 3
    ):
        raise ValueError(
            "`image` must be uint8 or floating, of shape (height, width, "
            f"channels). Received: image.dtype={image.dtype.name}, "
            f"image.shape={image.shape}"
        )
    for name, value in (
        ("max_shift", max_shift),
        ("max_rotation", max_rotation),
        ("max_shear", max_shear),
        ("bend", bend),
    ):
        if not value >= 0:
            raise ValueError(
                f"`{name}` must not be negative. Received: {name}={value}"
            )
    if not 0 <= max_zoom < 1:
        raise ValueError(
            f"`max_zoom` must lie in [0, 1). Received: max_zoom={max_zoom}"
        )
    height, width = tf.unstack(tf.shape(image)[:2])
    rows = tf.range(tf.cast(height, "float32"))[:, None]
    columns = tf.range(tf.cast(width, "float32"))[None, :]
    down = rows - tf.cast(height - 1, "float32") / 2.0
    right = columns - tf.cast(width - 1, "float32") / 2.0

    draws = _uniforms(seed, 0, [5])
    angle = draws[0] * (max_rotation * math.pi / 180.0)
    zoom = 1.0 + draws[1] * max_zoom
    shear = tf.tan(draws[2] * (max_shear * math.pi / 180.0))
    cosine, sine = tf.cos(angle), tf.sin(angle)
    sheared = right + shear * down
    across = zoom * (cosine * sheared - sine * down) - right
    along = zoom * (sine * sheared + cosine * down) - down
    flow = tf.stack([across, along], axis=-1) + draws[3:] * max_shift
    if bend > 0:
        flow += bend * _smooth_noise(seed, height, width)

    places = tf.stack([flow[..., 1] + rows, flow[..., 0] + columns], axis=-1)
    last = tf.cast(tf.stack([height, width]) - 1, "float32")
    valid = tf.reduce_all((places >= 0.0) & (places <= last), axis=-1)
    moved = _sample(image, tf.clip_by_value(places, 0.0, last))
    return SyntheticMotion(tf.ensure_shape(moved, image.shape), flow, valid)


def _uniforms(seed, stream, shape):
    """Uniform float32 in [-1, 1), the same on every device."""
    seed = tf.cast(seed, "int32") + [stream, 0]
    return tf.random.stateless_uniform(shape, seed, -1.0, 1.0, alg="philox")


def _smooth_noise(seed, height, width):
    cells = tf.stack([height, width]) // CELL_SIZE + 2
    shape = tf.concat([cells, [2, 2]], axis=0)
    # Two uniforms of either sign make a triangle, near enough to a normal
    # distribution and bounded; its variance is 2 / 3.
    noise = tf.reduce_sum(_uniforms(seed, 2**30, shape), axis=-1)
    noise *= math.sqrt(1.5)
    return tf.image.resize(noise, (height, width), method="bicubic")


def _sample(image, places):
    """An image's values between its pixels."""
    values = tf.cast(image, "float32")
    if image.dtype == tf.float64:
        values = image
    first = tf.floor(places)
    part = tf.cast(places - first, values.dtype)
    first = tf.cast(first, "int32")
    second = tf.minimum(first + 1, tf.shape(image)[:2] - 1)
    top, left = tf.unstack(first, axis=-1)
    bottom, right = tf.unstack(second, axis=-1)

    def at(rows, columns):
        return tf.gather_nd(values, tf.stack([rows, columns], axis=-1))

    down, across = part[..., :1], part[..., 1:]
    upper = at(top, left) * (1.0 - across) + at(top, right) * across
    lower = at(bottom, left) * (1.0 - across) + at(bottom, right) * across
    values = upper * (1.0 - down) + lower * down
    if image.dtype == tf.uint8:
        values = tf.floor(values + 0.5)
    return tf.cast(values, image.dtype)
