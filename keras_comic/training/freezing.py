"""Layers that training leaves as they are."""

import fnmatch


def freeze_layers(network, names):
    """Freezes layers of a network by their names, for transfer.

    Call it before the `GAN` is compiled: frozen weights are no part of what
    the optimizers are built for, and take no memory for their slots. To train
    them again, set `trainable` of the layers to `True` and compile anew.

    The vectors of a spectral normalisation are no weights: they keep following
    their kernels.

    Args:
        network: `keras.Model` or layer, built.
        names: String or list of strings: names of layers at any depth, or
            patterns of them with `*`, `?` and `[...]`. A layer within another
            is named by both, as in `block/convolution`, or by itself.

    Returns:
        List of strings, the paths of the layers that were frozen, each with
        all that is in it.

    Example:

    >>> discriminator = keras_comic.models.PatchDiscriminator(4)
    >>> before = len(discriminator.trainable_variables)
    >>> frozen = keras_comic.training.freeze_layers(discriminator, "*_1")
    >>> before > len(discriminator.trainable_variables)
    True

    Reference:
        - [Mo et al., 2020](https://arxiv.org/abs/2002.10964), freezing the
          first layers of a discriminator.
    """
    patterns = [names] if isinstance(names, str) else list(names)
    layers = dict(_layers_of(network, ""))
    frozen = []
    for pattern in patterns:
        found = [
            path
            for path in layers
            if fnmatch.fnmatchcase(path, pattern)
            or fnmatch.fnmatchcase(path.split("/")[-1], pattern)
        ]
        if not found:
            raise ValueError(
                "`names` must fit layers of the network, which has "
                f"{list(layers)}. Received: {pattern!r}"
            )
        frozen += [path for path in found if path not in frozen]
    for path in frozen:
        layers[path].trainable = False
    return frozen


def _layers_of(layer, prefix):
    """Pairs of path and layer, of all layers within one."""
    for inner in layer._flatten_layers(include_self=False, recursive=False):
        path = f"{prefix}{inner.name}"
        yield path, inner
        yield from _layers_of(inner, f"{path}/")
