"""The distance of activations of unit length that LPIPS is made of."""

from keras import ops


def unit_distance(features, targets, head=None):
    """Returns the mean squared distance of activations of unit length."""
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
