"""The distance of activations of unit length that LPIPS is made of."""

from keras import ops


def unit_distance(features, targets, head=None):
    """Mean over positions of the squared distance of unit activations.

    `mean over positions of sum over channels of head * (u - v)^2`, where u
    and v are the activations with the channels of each position brought to
    length 1.

    Args:
        features: Float `(batch, height, width, channels)`, any range.
        targets: Float, of the shape of `features`.
        head: Float `(channels,)`, or `None` for ones. Defaults to `None`.

    Returns:
        Float32 `(batch,)`.
    """
    squares = ops.square(_unit(features) - _unit(targets))
    if head is not None:
        squares = squares * ops.convert_to_tensor(head, dtype="float32")
    return ops.mean(ops.sum(squares, axis=-1), axis=[1, 2])


def _unit(features):
    features = ops.cast(features, "float32")
    squares = ops.sum(ops.square(features), axis=-1, keepdims=True)
    # Where all channels are 0, so is the unit vector, and its gradient is
    # finite.
    return features / ops.sqrt(squares + 1e-10)
