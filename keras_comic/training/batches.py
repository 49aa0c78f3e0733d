"""The data that Keras gives to a training step, as a family names them."""

import warnings

import keras
import numpy as np
from keras import ops

from keras_comic.layers import to_float

# Resampling may go a little beyond the range.
LARGEST = 1.5


def as_batch(data, names=()):
    """Turns the data of a step into a batch, of floats in `[-1, 1]`."""
    batch, targets, weights = keras.utils.unpack_x_y_sample_weight(data)
    if weights is not None:
        raise ValueError(
            "A GAN takes no `sample_weight`: its losses weigh all pictures of "
            "a batch alike."
        )
    if targets is not None:
        batch = (batch, targets)
    if names:
        batch = _named(batch, names)
    return keras.tree.map_structure(_as_float, batch)


def check_data(x, y, names=()):
    """Checks the first batch; returns all, of an iterator a generator."""
    if x is None or hasattr(x, "__array__") or isinstance(x, (dict, list)):
        first = x if y is None else (x, y)
    elif isinstance(x, tuple):
        first = x if y is None else (*x, y)
    elif hasattr(x, "__next__"):
        first = next(x, None)
        if first is not None:
            x = (batch for part in ([first], x) for batch in part)
    elif hasattr(x, "__getitem__") and hasattr(x, "num_batches"):
        first = x[0]
    else:
        first = next(iter(x), None)
    if first is not None:
        data = first if isinstance(first, tuple) else (first,)
        if names and len(data) == len(names) > 1:
            data = (dict(zip(names, data)),)
        _check_ranges(as_batch(data, names))
    return x


def holds_arrays(x):
    """Tells arrays from datasets, which are shuffled already, if at all."""
    return all(hasattr(part, "shape") for part in keras.tree.flatten(x))


def _named(batch, names):
    if isinstance(batch, (tuple, list)) and len(batch) == len(names):
        batch = dict(zip(names, batch))
    received = sorted(batch) if isinstance(batch, dict) else type(batch)
    if not isinstance(batch, dict) or set(names) - set(batch):
        raise ValueError(
            f"A batch must be a dict of {', '.join(map(repr, names))}, or a "
            f"tuple of them in this order. Received: {received}"
        )
    return batch


def _as_float(values):
    if not hasattr(values, "shape") or not hasattr(values, "dtype"):
        return values
    dtype = keras.backend.standardize_dtype(values.dtype)
    if "int" in dtype and len(values.shape) >= 4:
        return to_float(values)
    return ops.cast(values, "float32") if dtype == "float64" else values


def _check_ranges(batch):
    for name, values in _pictures_of(batch):
        values = values[np.isfinite(values)]
        low, high = (float(f(values, initial=0.0)) for f in (np.min, np.max))
        received = f"Received: {name} from {low:g} to {high:g}"
        if max(-low, high) > LARGEST:
            raise ValueError(
                "Pictures must be uint8 in [0, 255], or float32 in [-1, 1], "
                f"as datasets of `keras_comic.data` give them. {received}"
            )
        if low >= 0.0 and len(np.unique(values[:1000])) > 2:
            warnings.warn(
                "Pictures must be uint8 in [0, 255], or float32 in [-1, 1]. "
                "These look like [0, 1], which trains on pale ones. "
                f"{received}",
                stacklevel=3,
            )


def _pictures_of(batch):
    named = batch if isinstance(batch, dict) else {"x": batch}
    for name, part in named.items():
        for values in keras.tree.flatten(part):
            if len(getattr(values, "shape", ())) >= 4:
                yield name, ops.convert_to_numpy(values[:64])
