"""Features that are kept, all of them."""

import numpy as np


class FeatureList:
    """Features of images, on the host, in the order they came."""

    def __init__(self):
        self.batches = []

    @property
    def count(self):
        """Integer, how many images there are."""
        return sum(len(batch) for batch in self.batches)

    def add(self, features):
        """Adds a batch."""
        if self.batches and features.shape[1] != self.batches[0].shape[1]:
            raise ValueError(
                "Features must have the dimensions of those before, "
                f"{self.batches[0].shape[1]}. "
                f"Received: shape={features.shape}"
            )
        # A copy: the caller may reuse the array.
        self.batches.append(np.array(features))

    def merge(self, other):
        """Adds those of another list."""
        for batch in other.batches:
            self.add(batch)

    def array(self):
        """All of them."""
        if not self.batches:
            return np.zeros((0, 0))
        return np.concatenate(self.batches).astype("float64")


def check_dimensions(arrays):
    """Checks that the two sides have features of one network."""
    first, second = arrays
    if len(first) and len(second) and first.shape[1] != second.shape[1]:
        raise ValueError(
            "Comics and fake comics must have features of one length. "
            f"Received: {first.shape[1]} and {second.shape[1]}"
        )


def squared_distances(first, second):
    """Squared Euclidean distances of all pairs."""
    centre = second.mean(axis=0)
    first, second = first - centre, second - centre
    squares = (first**2).sum(axis=1)[:, None] + (second**2).sum(axis=1)
    distances = squares - 2.0 * (first @ second.T)
    noise = np.finfo("float64").eps * (4 + first.shape[1]) * squares
    return np.where(distances <= noise, 0.0, distances)
