"""Finds the layers through which far pixels matter under given statistics."""

import keras
import numpy as np

from keras_comic import layers
from keras_comic.models.network_reach import far_pixels_matter

# Parts of the names of Keras's layers that look at all positions, and of those
# that do so if their `axis` says it.
GLOBAL_LAYERS = ("Attention", "Adaptive", "GlobalAverage", "GlobalMax")
GLOBAL_LAYERS += ("GroupNormalization",)
AXIS_LAYERS = ("LayerNormalization", "UnitNormalization")


def check_positions(runner):
    """Raises an error if a far pixel matters under given statistics."""
    if not far_pixels_matter(runner):
        return
    names = [
        f"`{layer.path}` ({type(layer).__name__})"
        for layer in _layers_of(runner.generator, {})
        if _is_global(layer)
    ]
    kind = type(runner.generator).__name__
    blamed = ", ".join(names) or f"some layer of `{kind}`"
    reporting = [
        name
        for name in layers.__all__
        if isinstance(getattr(layers, name), type)
        and issubclass(getattr(layers, name), layers.PositionNormalization)
        and name != "PositionNormalization"
    ]
    raise ValueError(
        "Frames can share the statistics of this generator only if all of its "
        "layers over positions report theirs, and far pixels matter through "
        f"{blamed}. Take layers of `keras_comic.layers` that report "
        f"({', '.join(reporting)}), or the consistency 'none'. "
        f"Received: generator={runner.generator.name}"
    )


def _layers_of(layer, seen):
    """Finds all layers among the attributes of a layer."""
    for value in keras.tree.flatten(list(vars(layer).values())):
        if isinstance(value, keras.Layer) and id(value) not in seen:
            seen[id(value)] = value
            _layers_of(value, seen)
    return seen.values()


def _is_global(layer):
    name = type(layer).__name__
    if not type(layer).__module__.startswith("keras."):
        return False
    if any(part in name for part in GLOBAL_LAYERS):
        return True
    axes = np.atleast_1d(getattr(layer, "axis", -1)).tolist()
    return name in AXIS_LAYERS and any(axis not in (-1, 3) for axis in axes)
