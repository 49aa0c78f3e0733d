"""Statistics of a network, as flat arrays that can be pooled and stored."""

import math
from typing import NamedTuple

import numpy as np
from keras import ops

from keras_comic.layers import pool_statistics


class NetworkStatistics(NamedTuple):
    """Everything that a network takes from a whole picture, a row a frame.

    `mean` and `variance` are those of all normalisations, one after the other;
    `conditions` the photos' own, `(frames, 0)` where none are needed.
    """

    mean: np.ndarray
    variance: np.ndarray
    conditions: np.ndarray

    @classmethod
    def joined(cls, rows):
        """Puts the rows of several statistics below each other."""
        return cls(*map(np.concatenate, zip(*rows, strict=True)))

    def pooled(self):
        """Pools the frames, into one row."""
        [moments] = pool_statistics([(self.mean, self.variance)])
        mean, variance = map(ops.convert_to_numpy, moments)
        conditions = self.conditions.mean(axis=0, keepdims=True)
        return NetworkStatistics(mean, variance, conditions)

    def mixed(self, other, share):
        """Mixes means and mean squares with those of others."""
        mean = self.mean + share * (other.mean - self.mean)
        squares = [s.variance + s.mean**2 for s in (self, other)]
        variance = squares[0] + share * (squares[1] - squares[0]) - mean**2
        change = other.conditions - self.conditions
        values = mean, np.maximum(variance, 0.0), self.conditions
        values = (*values[:2], values[2] + share * change)
        return NetworkStatistics(*(np.asarray(v, "float32") for v in values))


def to_rows(values, batch):
    """Joins tensors of any shapes to one, float32 `(batch, size)`."""
    rows = [
        ops.reshape(ops.cast(value, "float32"), (batch, -1)) for value in values
    ]
    return ops.concatenate(
        [ops.zeros((batch, 0), dtype="float32"), *rows], axis=-1
    )


def from_rows(rows, shapes):
    """Undoes `to_rows`; the shapes are without the batch."""
    rows = ops.convert_to_tensor(rows, dtype="float32")
    parts, start = [], 0
    for shape in shapes:
        end = start + math.prod(shape)
        parts.append(ops.reshape(rows[:, start:end], (-1, *shape)))
        start = end
    return parts
