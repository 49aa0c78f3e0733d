"""Features of images, on their way from a network into a metric."""

import numpy as np
from keras import ops


def check_images(images, argument):
    """Checks that images are float RGB."""
    shape = tuple(getattr(images, "shape", ()))
    if len(shape) != 4 or shape[-1] != 3:
        raise ValueError(
            f"`{argument}` must be RGB images, (batch, height, width, 3). "
            f"Received: {argument}.shape={shape}"
        )
    dtype = str(getattr(images.dtype, "name", images.dtype))
    if "float" not in dtype:
        raise TypeError(
            f"`{argument}` must be of a float dtype, in [-1, 1]. "
            f"Received: {argument}.dtype={dtype}"
        )


def check_pairs(photos, fake_comics, names=("photos", "fake_comics")):
    """Checks two batches of images of one size."""
    for images, name in zip((photos, fake_comics), names):
        check_images(images, name)
    shapes = tuple(photos.shape), tuple(fake_comics.shape)
    for side, other in zip(*shapes):
        if None not in (side, other) and side != other:
            raise ValueError(
                f"`{names[0]}` and `{names[1]}` must have one shape. "
                f"Received: {names[0]}.shape={shapes[0]}, "
                f"{names[1]}.shape={shapes[1]}"
            )


def layer_features(inputs, feature_network, layers, argument):
    """Returns the activations of layers, of images or as they were given."""
    if feature_network is not None:
        check_images(inputs, argument)
        inputs = feature_network(inputs, layers=layers)
    if isinstance(inputs, dict):
        names = list(inputs) if layers is None else layers
        missing = [name for name in names if name not in inputs]
        if missing:
            raise ValueError(
                f"`{argument}` must have the layers {list(names)}. "
                f"Received: {sorted(inputs)}"
            )
        inputs = [inputs[name] for name in names]
    if not isinstance(inputs, (list, tuple)) or not inputs:
        raise ValueError(
            f"Without a feature network, `{argument}` must be a list or a "
            "dict of activations (batch, height, width, channels). "
            f"Received: {argument} of type {type(inputs).__name__}"
        )
    if layers is not None and len(inputs) != len(layers):
        raise ValueError(
            f"`{argument}` must have one entry for each of {list(layers)}. "
            f"Received: {len(inputs)} entries"
        )
    for index, activations in enumerate(inputs):
        if len(activations.shape) != 4:
            raise ValueError(
                "Activations must be (batch, height, width, channels). "
                f"Received: {argument}[{index}].shape="
                f"{tuple(activations.shape)}"
            )
    return list(inputs)


def pooled_features(inputs, feature_network, layer, argument):
    """Returns one vector for each image, as a NumPy array."""
    if feature_network is not None:
        check_images(inputs, argument)
        if layer is None:
            inputs = feature_network(inputs)
        else:
            inputs = feature_network(inputs, layers=[layer])
    if isinstance(inputs, dict):
        if layer is None and len(inputs) == 1:
            (inputs,) = inputs.values()
        elif layer in inputs:
            inputs = inputs[layer]
        else:
            raise ValueError(
                "`layer` must name one of the network's layers. "
                f"Received: layer={layer!r}, with {sorted(inputs)}"
            )
    array = host_array(inputs)
    if array.ndim not in (2, 4):
        raise ValueError(
            "Features must be (batch, dimensions), or (batch, height, width, "
            f"dimensions) to be averaged. Received: {argument} with features "
            f"of shape {array.shape}"
        )
    if array.dtype not in (np.float32, np.float64):
        array = array.astype("float32")
    if array.ndim == 4:
        # Float64 sums of what are at most some thousand positions.
        array = array.mean(axis=(1, 2), dtype="float64").astype(array.dtype)
    return array


def host_array(tensor):
    """Returns a tensor as a NumPy array."""
    try:
        return np.asarray(ops.convert_to_numpy(tensor))
    # Each backend has an error of its own for a tensor without values.
    except Exception as error:
        raise RuntimeError(
            "This metric gathers features on the host, which a compiled step "
            "cannot do: call its `update_state` outside of `evaluate`, or, on "
            "TensorFlow and PyTorch, compile the model with "
            f"`run_eagerly=True`. Received: {type(tensor).__name__}"
        ) from error
