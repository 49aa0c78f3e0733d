"""A distance of two pictures as people see it, on the features of a network."""

import os

import numpy as np

from keras_comic.layers.unit_distance import unit_distance
from keras_comic.losses.samples import check_lists
from keras_comic.losses.samples import check_same_shape

# The layers that the published heads belong to: of VGG-16, and of SqueezeNet
# 1.1 (whose fire modules have no name for their activation).
PERCEPTUAL_LAYERS = {
    "vgg": ("relu1_2", "relu2_2", "relu3_3", "relu4_3", "relu5_3"),
    "squeeze": (
        "conv1",
        "fire3",
        "fire5",
        "fire6",
        "fire7",
        "fire8",
        "fire9",
    ),
}


def perceptual_distance(features_list, target_list, heads=None):
    """Distance of unit-length features, position by position (LPIPS's form).

    `sum over layers of mean over positions of sum over channels of
    head * (unit(features) - unit(targets))^2`, where `unit` brings the
    channels of each position to length 1. For two pictures of one scene; style
    has its own losses.

    With the published heads and the layers of `PERCEPTUAL_LAYERS` this is
    LPIPS up to the backbone: its published numbers come from PyTorch's weights
    of AlexNet, VGG-16 and SqueezeNet, which no Keras network here has. Name
    the network with every number.

    Args:
        features_list: List of float `(batch, height, width, channels)`, at
            least 0, one entry a layer.
        target_list: List of float, of the shapes of `features_list`.
        heads: List of float `(channels,)`, at least 0, one entry a layer, as
            `load_perceptual_heads` gives it; or `None`, which weighs all
            channels with 1 (the baseline of the paper). Defaults to `None`.

    Returns:
        Float32 `(batch,)`, at least 0, unitless; without heads at most 2 a
        layer.

    Example:

    >>> features = np.abs(np.random.normal(size=(1, 32, 32, 4)))
    >>> loss = keras_comic.losses.perceptual_distance(
    ...     [features], [2 * features])
    >>> float(loss[0]) < 1e-6
    True

    Reference:
        - [Zhang et al., 2018](https://arxiv.org/abs/1801.03924), equation 1;
          differs from it in the backbones at hand.
    """
    check_lists(features_list, target_list)
    if heads is not None and len(heads) != len(features_list):
        raise ValueError(
            "`heads` must hold one entry for each layer. "
            f"Received: {len(heads)} heads for {len(features_list)} layers"
        )
    total = 0.0
    for index, (features, targets) in enumerate(
        zip(features_list, target_list)
    ):
        check_same_shape(
            features,
            targets,
            f"features_list[{index}]",
            f"target_list[{index}]",
        )
        head = None if heads is None else np.asarray(heads[index], "float32")
        if head is not None and head.shape != (features.shape[-1],):
            raise ValueError(
                f"`heads[{index}]` must have a number for each of the "
                f"{features.shape[-1]} channels of its layer. Received: "
                f"heads[{index}].shape={head.shape}"
            )
        total += unit_distance(features, targets, head)
    return total


def load_perceptual_heads(path, network="vgg"):
    """Reads the linear heads of LPIPS from a file.

    The file is of the user; none is shipped.

    Args:
        path: Path of an `.npz` file with arrays `<network>/lin0` and on, of
            shape `(channels,)`.
        network: String. `"vgg"` for VGG-16, `"squeeze"` for SqueezeNet 1.1,
            or another that the file has. Defaults to `"vgg"`.

    Returns:
        List of float32 NumPy arrays `(channels,)`, at least 0, one for each
        layer of `PERCEPTUAL_LAYERS[network]`.

    Example:

    >>> np.savez("heads.npz", **{"vgg/lin0": np.ones(64)})
    >>> heads = keras_comic.losses.load_perceptual_heads("heads.npz")
    >>> [head.shape for head in heads]
    [(64,)]

    Reference:
        - [Zhang et al., 2018](https://arxiv.org/abs/1801.03924), section 3.
    """
    if not os.path.isfile(path):
        raise FileNotFoundError(
            "`path` must be a file of linear heads that exists. "
            f"Received: path={str(path)!r}"
        )
    try:
        with np.load(path) as archive:
            arrays = {
                name: np.asarray(archive[name], "float32").reshape(-1)
                for name in archive.files
            }
    # What NumPy raises depends on what the file is instead.
    except Exception as error:
        raise ValueError(
            "`path` must be an `.npz` file of arrays. "
            f"Received: path={str(path)!r} ({error})"
        ) from error
    heads = []
    while f"{network}/lin{len(heads)}" in arrays:
        heads.append(arrays[f"{network}/lin{len(heads)}"])
    if not heads:
        raise ValueError(
            "The file must hold arrays named `<network>/lin0` and on. "
            f"Received: network={network!r}, path={str(path)!r} with "
            f"{sorted(arrays)[:4]} ..."
        )
    if any(head.min() < 0.0 for head in heads):
        raise ValueError(
            "The weights of a head must be at least 0. "
            f"Received: path={str(path)!r}, where some of {network!r} are not"
        )
    return heads
