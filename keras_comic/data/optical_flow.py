"""Optical flow: measured, checked, applied, and stored in a PNG.

Everywhere in this library a flow belongs to a first picture and points into a
second: `first(x, y)` is `second(x + u, y + v)`, so that warping the second
picture by the flow gives the first.
"""

import numpy as np

# Sundaram et al. (2010): the parts of the squared lengths, and the constants,
# pixels squared, beyond which a flow is occluded or at a motion boundary.
OCCLUSION_FRACTION = 0.01
OCCLUSION_CONSTANT = 0.5
BOUNDARY_FRACTION = 0.01
BOUNDARY_CONSTANT = 0.002

# OpenCV's DIS needs at least 12 pixels; small pictures are continued.
_MIN_SIDE = 16
_ZERO = 2**15
_SCALE = 64
_PNG_COMPRESSION = 6


def optical_flow(first, second):
    """Measures the motion from one picture to another, in pixels, x then y.

    Dense inverse search on grey pictures (Kroeger et al., 2016), the `medium`
    preset of OpenCV. The same pictures give the same flow on any machine.
    """
    import cv2

    first, second = np.asarray(first), np.asarray(second)
    if first.shape != second.shape:
        raise ValueError(
            "Both pictures must have the same shape. "
            f"Received: first.shape={first.shape}, "
            f"second.shape={second.shape}"
        )
    height, width = first.shape[:2]
    padding = (
        (0, max(0, _MIN_SIDE - height)),
        (0, max(0, _MIN_SIDE - width)),
    )
    grays = [
        np.pad(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), padding, "edge")
        for picture in (first, second)
    ]
    method = cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    flow = method.calc(*grays, None)[:height, :width]
    return np.ascontiguousarray(flow, "float32")


def warp_image(image, flow):
    """Moves a picture back along a flow, with bilinear interpolation.

    `warped(x, y) = image((x, y) + flow(x, y))`; outside, the edge is continued.
    """
    image, flow = np.asarray(image), np.asarray(flow, "float32")
    height, width = image.shape[:2]
    columns = np.arange(width, dtype="float32") + flow[..., 0]
    rows = np.arange(height, dtype="float32")[:, None] + flow[..., 1]
    left, right, across = _neighbors(columns, width)
    top, bottom, down = _neighbors(rows, height)
    channels = image.reshape(height * width, -1)
    across, down = across[..., None], down[..., None]
    upper = channels[top * width + left] * (1 - across)
    upper += channels[top * width + right] * across
    lower = channels[bottom * width + left] * (1 - across)
    lower += channels[bottom * width + right] * across
    warped = (upper * (1 - down) + lower * down).reshape(image.shape)
    if np.issubdtype(image.dtype, np.integer):
        warped = np.rint(warped)
    elif image.dtype == bool:
        warped = warped >= 0.5
    return warped.astype(image.dtype)


def _neighbors(places, size):
    """Returns the two pixels beside each place, and its distance."""
    places = np.clip(np.nan_to_num(places), 0, size - 1)
    before = np.floor(places)
    after = np.minimum(before + 1, size - 1)
    return before.astype("int64"), after.astype("int64"), places - before


def flow_validity(forward, backward):
    """Tells where a flow can be trusted, by the flow of the way back.

    After Sundaram et al. (2010), a pixel is invalid where the way there and
    back does not end near its start, and at the boundary of a motion; here
    also where its flow leaves the picture by more than half a pixel.
    """
    back = warp_image(backward, forward)
    length = np.sum(forward**2, axis=-1)
    occluded = np.sum((forward + back) ** 2, axis=-1) > (
        OCCLUSION_FRACTION * (length + np.sum(back**2, axis=-1))
        + OCCLUSION_CONSTANT
    )
    change = sum(
        np.sum(_gradient(forward, axis) ** 2, axis=-1) for axis in (0, 1)
    )
    boundary = change > BOUNDARY_FRACTION * length + BOUNDARY_CONSTANT
    return ~occluded & ~boundary & _stays_inside(forward)


def _gradient(values, axis):
    if values.shape[axis] < 2:
        return np.zeros_like(values)
    return np.gradient(values, axis=axis)


def _stays_inside(flow):
    height, width = flow.shape[:2]
    columns = np.arange(width, dtype="float32") + flow[..., 0]
    rows = np.arange(height, dtype="float32")[:, None] + flow[..., 1]
    # Up to the outer edge of the outermost pixels.
    return (
        (columns >= -0.5)
        & (columns <= width - 0.5)
        & (rows >= -0.5)
        & (rows <= height - 0.5)
    )


def encode_flow(flow, valid=None):
    """Encodes a flow as a 16-bit PNG, as the KITTI data sets store it.

    Red and green hold `64 u + 2^15` and `64 v + 2^15`, rounded; blue is 1
    where the flow is valid. Motions from -512 to less than 512 pixels can be
    stored; others, and what is not a number, are stored as invalid. Unlike in
    KITTI's files, invalid pixels keep their flow.
    """
    import cv2

    shape = flow.shape[:2]
    valid = np.ones(shape, bool) if valid is None else valid
    # Far enough to be out of range, near enough not to overflow.
    flow = np.nan_to_num(flow, nan=2.0**15, posinf=2.0**15, neginf=-(2.0**15))
    steps = np.rint(np.clip(flow, -(2.0**15), 2.0**15) * _SCALE) + _ZERO
    fits = np.all((steps >= 0) & (steps <= 2**16 - 1), axis=-1)
    pixels = np.empty((*shape, 3), "uint16")
    pixels[..., 0] = valid & fits
    pixels[..., 1:] = np.clip(steps, 0, 2**16 - 1)[..., ::-1]
    # OpenCV writes the channels in the order blue, green, red.
    _, encoded = cv2.imencode(
        ".png", pixels, [cv2.IMWRITE_PNG_COMPRESSION, _PNG_COMPRESSION]
    )
    return encoded.tobytes()


def decode_flow(encoded):
    """Decodes a flow that `encode_flow` has encoded, and where it is valid."""
    import tensorflow as tf

    pixels = tf.io.decode_png(encoded, channels=3, dtype=tf.uint16)
    pixels = tf.ensure_shape(pixels, (None, None, 3))
    steps = tf.cast(pixels[..., :2], "float32")
    return (steps - _ZERO) / _SCALE, pixels[..., 2] > 0
