"""Features that are kept, all of them."""

import numpy as np


class FeatureList:
    """Features of images, on the host, in the order they came.

    Kept as they are, float32 or float64; what is computed from them is
    computed in float64.
    """

    def __init__(self):
        self.batches = []

    @property
    def count(self):
        """Integer, how many images there are."""
        return sum(len(batch) for batch in self.batches)

    def add(self, features):
        """Adds a batch.

        Args:
            features: Float `(batch, dimensions)`.

        Raises:
            ValueError: If they have other dimensions than those before.
        """
        if self.batches and features.shape[1] != self.batches[0].shape[1]:
            raise ValueError(
                "Features must have the dimensions of those before, "
                f"{self.batches[0].shape[1]}. "
                f"Received: shape={features.shape}"
            )
        # A copy: the caller may reuse the array.
        self.batches.append(np.array(features))

    def merge(self, other):
        """Adds those of another list.

        Args:
            other: A `FeatureList`.
        """
        for batch in other.batches:
            self.add(batch)

    def array(self):
        """All of them.

        Returns:
            Float64 `(count, dimensions)`; `(0, 0)` if there are none.
        """
        if not self.batches:
            return np.zeros((0, 0))
        return np.concatenate(self.batches).astype("float64")


def check_dimensions(arrays):
    """Checks that the two sides have features of one network.

    Args:
        arrays: Two arrays `(count, dimensions)`.

    Raises:
        ValueError: If their dimensions differ.
    """
    first, second = arrays
    if len(first) and len(second) and first.shape[1] != second.shape[1]:
        raise ValueError(
            "Comics and fake comics must have features of one length. "
            f"Received: {first.shape[1]} and {second.shape[1]}"
        )


def squared_distances(first, second):
    """Squared Euclidean distances of all pairs.

    Computed from inner products, about a common centre. What float64 cannot
    tell from 0 in that way is 0: two equal vectors have no distance.

    Args:
        first: Float64 `(m, dimensions)`.
        second: Float64 `(n, dimensions)`.

    Returns:
        Float64 `(m, n)`, at least 0.
    """
    centre = second.mean(axis=0)
    first, second = first - centre, second - centre
    squares = (first**2).sum(axis=1)[:, None] + (second**2).sum(axis=1)
    distances = squares - 2.0 * (first @ second.T)
    noise = np.finfo("float64").eps * (4 + first.shape[1]) * squares
    return np.where(distances <= noise, 0.0, distances)
