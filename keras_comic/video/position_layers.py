"""Finds the layers through which far pixels matter under given statistics."""

import keras
import numpy as np
from keras import ops

from keras_comic import layers
from keras_comic.layers import collect_statistics
from keras_comic.layers import use_statistics
from keras_comic.models.drawing import run_network
from keras_comic.models.pictures import SMALLEST_SIDE

# Length of the strip whose one end is changed, in pixels and in strides; the
# other end is half of it away, farther than convolutions reach.
FAR = 1024
FAR_STRIDES = 16
# Smaller changes, of a range of 2, are the noise of the arithmetic.
SMALLEST_CHANGE = 1e-5
# Keras's layers that look at all positions.
GLOBAL_LAYERS = tuple(
    getattr(keras.layers, name)
    for name in (
        "AdaptiveAveragePooling2D",
        "AdaptiveMaxPooling2D",
        "AdditiveAttention",
        "Attention",
        "GlobalAveragePooling2D",
        "GlobalMaxPooling2D",
        "GroupNormalization",
        "GroupQueryAttention",
        "MultiHeadAttention",
    )
    if hasattr(keras.layers, name)
)
# Keras's layers that look at all positions if their `axis` says so.
AXIS_LAYERS = (
    keras.layers.LayerNormalization,
    keras.layers.UnitNormalization,
)


def check_positions(generator, conditions):
    """Raises an error if a far pixel matters under given statistics."""
    if not _far_pixels_matter(generator, conditions):
        return
    names = [
        f"`{layer.path}` ({type(layer).__name__})"
        for layer in generator._flatten_layers()
        if _is_global(layer)
    ]
    blamed = ", ".join(names) or f"some layer of `{type(generator).__name__}`"
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
        f"Received: generator={generator.name}"
    )


def _far_pixels_matter(generator, conditions):
    stride = generator.stride
    width = -(-SMALLEST_SIDE // stride) * stride
    length = -(-FAR // stride) * stride
    length = max(length, FAR_STRIDES * stride)
    end = length // 4
    photos = np.random.default_rng(0).uniform(-1, 1, (1, length, width, 3))
    photos = photos.astype("float32")
    other = photos.copy()
    other[:, :end] = 1.0 - np.abs(photos[:, :end]) ** 3
    for axes in ((0, 1, 2, 3), (0, 2, 1, 3)):
        first, second = (
            ops.convert_to_tensor(np.transpose(picture, axes))
            for picture in (photos, other)
        )
        with collect_statistics() as statistics:
            one = run_network(generator, first, conditions)
        with use_statistics(statistics):
            two = run_network(generator, second, conditions)
        one, two = (
            np.transpose(ops.convert_to_numpy(picture), axes)[:, -end:]
            for picture in (one, two)
        )
        if np.abs(one - two).max() > SMALLEST_CHANGE:
            return True
    return False


def _is_global(layer):
    if isinstance(layer, GLOBAL_LAYERS):
        return True
    if not isinstance(layer, AXIS_LAYERS):
        return False
    axes = np.atleast_1d(layer.axis).tolist()
    return any(axis not in (-1, 3) for axis in axes)
