"""Resampling and recolouring of images, each by a matrix of its own."""

from keras import ops


def transform_geometry(images, matrices):
    """Resamples each image by an affine matrix, once, bilinearly."""
    images = ops.convert_to_tensor(images)
    shape = ops.shape(images)
    height, width, channels = shape[1:]
    matrices = ops.stop_gradient(ops.convert_to_tensor(matrices))
    matrices = matrices[:, None, None]
    middle_x = (ops.cast(width, "float32") - 1.0) / 2.0
    middle_y = (ops.cast(height, "float32") - 1.0) / 2.0
    x = (ops.arange(width, dtype="float32") - middle_x)[None, None, :]
    y = (ops.arange(height, dtype="float32") - middle_y)[None, :, None]

    # Sums in place of a product of matrices, which an accelerator may round.
    def place(row, middle):
        return (
            matrices[..., row, 0] * x
            + matrices[..., row, 1] * y
            + matrices[..., row, 2]
            + middle
        )

    left, right, across = _neighbors(place(0, middle_x), width)
    top, bottom, down = _neighbors(place(1, middle_y), height)
    pixels = ops.reshape(images, (-1, channels))
    first = ops.arange(shape[0], dtype="int32")[:, None, None] * (
        height * width
    )

    def read(row, column):
        return ops.take(pixels, first + row * width + column, axis=0)

    upper = _mix(read(top, left), read(top, right), across)
    lower = _mix(read(bottom, left), read(bottom, right), across)
    return ops.reshape(_mix(upper, lower, down), shape)


def _neighbors(places, side):
    """Returns the two pixels that places lie between, and how far in."""
    last = ops.cast(side - 1, "float32")
    # There and back is one period of the mirrored image.
    period = ops.maximum(2.0 * last, 1.0)
    places = ops.abs(places)
    places = places - period * ops.floor(places / period)
    places = ops.minimum(places, 2.0 * last - places)
    places = ops.clip(places, 0.0, last)
    before = ops.floor(places)
    number = ops.cast(before, "int32")
    return number, ops.minimum(number + 1, side - 1), places - before


def _mix(first, second, share):
    share = share[..., None]
    return first * (1.0 - share) + second * share


def transform_colors(images, matrices):
    """Recolours each image by an affine matrix."""
    images = ops.convert_to_tensor(images)
    columns = ops.convert_to_tensor(matrices)[:, None, None, :3]
    result = columns[..., 3]
    for channel in range(3):
        result = result + (
            images[..., channel : channel + 1] * columns[..., channel]
        )
    return result


def compose(first, second):
    """Multiplies matrices, summed in float32 on every device."""
    return ops.sum(first[:, :, :, None] * second[:, None], axis=2)


def matrix_of(rows):
    """Returns the matrices of some elements, floats or `(batch,)`."""
    some = next(e for row in rows for e in row if ops.is_tensor(e))
    zeros = ops.zeros_like(some)
    return ops.stack(
        [ops.stack([zeros + e for e in row], axis=-1) for row in rows], axis=-2
    )
