"""Exponential averages of networks."""

from keras import ops


def copy_network(network, name):
    """Makes a copy of a network that training leaves alone."""
    copy = network.__class__.from_config(network.get_config())
    if not copy.built:
        copy.build_from_config(network.get_build_config())
    weights = network.get_weights()
    if len(copy.get_weights()) != len(weights):
        raise ValueError(
            f"`{name}` must be built by `{type(network).__name__}.from_config("
            "config)` with all its weights: make them in `__init__` or in "
            f"`build`. Received: {len(copy.get_weights())} of "
            f"{len(weights)} weights"
        )
    copy.trainable = False
    copy.set_weights(weights)
    return copy


def average_decay(momentum, step):
    """Returns the momentum of a step, ramped up from the start."""
    step = ops.cast(step, "float32")
    return ops.minimum(momentum, (1.0 + step) / (10.0 + step))


def update_average(average, network, decay):
    """Moves an average towards its network, buffers too."""
    for kept, variable in zip(
        average.variables, network.variables, strict=True
    ):
        if "float" not in str(variable.dtype):
            kept.assign(variable)
            continue
        value = ops.cast(variable.value, kept.dtype)
        kept.assign(kept + (value - kept) * (1.0 - decay))
