"""Finds the layers through which far pixels matter under given statistics."""

import keras
import numpy as np

from keras_comic import layers

# Length of the strip whose one end is changed, in pixels and in strides; the
# other end is half of it away, farther than convolutions reach.
FAR = 1024
FAR_STRIDES = 16
WIDTH = 32
# Smaller changes, of 255, are the noise of the arithmetic.
SMALLEST_CHANGE = 1e-3
# Parts of the names of Keras's layers that look at all positions, and of those
# that do so if their `axis` says it.
GLOBAL_LAYERS = ("Attention", "Adaptive", "GlobalAverage", "GlobalMax")
GLOBAL_LAYERS += ("GroupNormalization",)
AXIS_LAYERS = ("LayerNormalization", "UnitNormalization")


def check_positions(runner):
    """Raises an error if a far pixel matters under given statistics."""
    if not _far_pixels_matter(runner):
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


def _far_pixels_matter(runner):
    stride = runner.alignment
    length = -(-max(FAR, FAR_STRIDES * stride) // stride) * stride
    end = length // 4
    photos = np.random.default_rng(0).integers(0, 256, (length, WIDTH, 3))
    one = photos.astype("uint8")[None]
    other = one.copy()
    other[:, :end] = 255 - other[:, :end] // 4
    for axes in ((0, 1, 2, 3), (0, 2, 1, 3)):
        first, second = (np.transpose(frames, axes) for frames in (one, other))
        statistics = runner.statistics_of(first)
        comics = [
            runner.run(frames, statistics, rounded=False).transpose(axes)
            for frames in (first, second)
        ]
        change = np.abs(comics[0][:, -end:] - comics[1][:, -end:])
        if change.max() > SMALLEST_CHANGE:
            return True
    return False


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
