"""Helpers of the losses: dtype, means of samples, checks of shapes."""

from keras import ops


def float32(values):
    return ops.cast(values, "float32")


def sample_axes(values):
    """Returns all axes but that of the batch."""
    return list(range(1, len(values.shape)))


def sample_mean(values):
    """The mean of each sample, whatever the rank."""
    return ops.mean(values, axis=sample_axes(values))


def check_same_shape(first, second, first_name, second_name):
    """Raises an error that names both, unless the known sides are equal."""
    shape, other = tuple(first.shape), tuple(second.shape)
    if len(shape) != len(other) or any(
        None not in sides and sides[0] != sides[1]
        for sides in zip(shape, other)
    ):
        raise ValueError(
            f"`{first_name}` and `{second_name}` must have the same shape. "
            f"Received: {first_name}.shape={shape}, {second_name}.shape={other}"
        )


def check_lists(features_list, target_list):
    """Raises an error unless two lists hold as many layers, at least one."""
    if not features_list or len(features_list) != len(target_list):
        raise ValueError(
            "`features_list` and `target_list` must hold the same layers, at "
            f"least one. Received: {len(features_list)} and "
            f"{len(target_list)} entries"
        )
