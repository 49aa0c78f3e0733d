"""A sum in double precision that is a Keras variable, on every backend."""

import keras
from keras import ops


class DoubleSum:
    """A sum of a metric's, in double precision."""

    def __init__(self, metric, name):
        self.in_pairs = keras.config.backend() == "jax"
        parts = ("", "_remainder") if self.in_pairs else ("",)
        self.parts = [
            metric.add_variable(
                shape=(),
                initializer="zeros",
                dtype="float32" if self.in_pairs else "float64",
                name=f"{name}{part}",
            )
            for part in parts
        ]

    def add(self, values):
        """Adds numbers."""
        if not self.in_pairs:
            self.parts[0].assign_add(ops.sum(ops.cast(values, "float64")))
            return
        total, remainder = self.parts
        high, low = _sum_pair(ops.cast(values, "float32"))
        high, error = _two_sum(total.value, high)
        high, low = _two_sum(high, error + low + remainder.value)
        total.assign(high)
        remainder.assign(low)

    def merge(self, other):
        """Adds another sum."""
        for part in other.parts:
            self.add(ops.reshape(part.value, (1,)))

    def value(self):
        """The sum as a tensor."""
        return sum(part.value for part in self.parts)

    def read(self):
        """The sum as a number, in double precision; not in a compiled step."""
        return sum(float(ops.convert_to_numpy(part)) for part in self.parts)


def _two_sum(a, b):
    """The rounded sum of two numbers, and what the rounding took away."""
    total = a + b
    part = total - a
    return total, (a - (total - part)) + (b - part)


def _sum_pair(values):
    """Sum of `(batch,)` as a pair of float32 numbers, by halves."""
    lows = ops.zeros_like(values)
    while values.shape[0] > 1:
        half = values.shape[0] // 2
        rest, rest_lows = values[2 * half :], lows[2 * half :]
        highs, errors = _two_sum(values[:half], values[half : 2 * half])
        lows = lows[:half] + lows[half : 2 * half] + errors
        values = ops.concatenate([highs, rest], axis=0)
        lows = ops.concatenate([lows, rest_lows], axis=0)
    return ops.sum(values), ops.sum(lows)
