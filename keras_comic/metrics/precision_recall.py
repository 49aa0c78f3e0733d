"""Precision and recall of generated images."""

import keras
import numpy as np

from keras_comic.metrics.feature_metric import FeatureMetric

# Pairs whose distances are held at once.
MAX_PAIRS = 2**24


@keras.saving.register_keras_serializable(package="keras_comic")
class PrecisionRecall(FeatureMetric):
    """Improved precision and recall of two sets of images.

    What a set covers is the union of balls about its features, each reaching to
    its k-th nearest neighbour in the set. Precision is the part of the fake
    comics that the comics cover (do they look right?), recall the part of the
    comics that the fake comics cover (is anything left out?). Two numbers
    that tell apart what `FrechetDistance` mixes. Both depend on the counts:
    compare equal ones.

    All features are kept, on the host; computed in float64, block by block.

    Args:
        feature_network: Callable or `None`, see `FrechetDistance`. Defaults
            to `None`.
        layer: String or `None`, see `FrechetDistance`. Defaults to `None`.
        num_neighbors: Integer > 0. The neighbour that a ball reaches to.
            Defaults to `3`.
        protocol: Dict or `None`, see `FrechetDistance`. Defaults to `None`.
        name: String or `None`. Defaults to `None`, `"precision_recall"`.
        **kwargs: Keyword arguments of `keras.metrics.Metric`.

    Returns:
        `result()` is a dict of `precision` and `recall`, float64 in `[0, 1]`;
        NaN with no more than `num_neighbors` images on a side.

    Raises:
        TypeError: If `feature_network` is not callable.
        ValueError: If `num_neighbors` is not positive, or `protocol` is no
            such dict.

    Example:

    >>> metric = keras_comic.metrics.PrecisionRecall(num_neighbors=1)
    >>> metric.update_state(
    ...     comics=np.array([[0.0], [1.0], [9.0], [10.0]]),
    ...     fake_comics=np.array([[0.4], [0.6], [0.5], [50.0]]))
    >>> {name: float(value) for name, value in metric.result().items()}
    {'precision': 0.75, 'recall': 0.75}

    Reference:
        - [Kynkaanniemi et al., 2019](https://arxiv.org/abs/1904.06991),
          section 2; no differences.
    """

    numbers = ("precision", "recall")

    def __init__(
        self,
        feature_network=None,
        layer=None,
        num_neighbors=3,
        protocol=None,
        name=None,
        **kwargs,
    ):
        if not num_neighbors >= 1:
            raise ValueError(
                "`num_neighbors` must be a positive integer. "
                f"Received: num_neighbors={num_neighbors}"
            )
        super().__init__(feature_network, layer, protocol, name, **kwargs)
        self.num_neighbors = num_neighbors
        self.least_images = num_neighbors + 1

    def compute(self, comics, fake_comics):
        return [
            (self._covered(fake_comics, comics), None),
            (self._covered(comics, fake_comics), None),
        ]

    def facts(self):
        return {"neighbors": self.num_neighbors, **super().facts()}

    def get_config(self):
        return {**super().get_config(), "num_neighbors": self.num_neighbors}

    def _covered(self, points, centres):
        """Returns the share of points in the balls about others."""
        radii = np.concatenate(
            [
                # The nearest is the centre itself.
                np.partition(block, self.num_neighbors, axis=1)[
                    :, self.num_neighbors
                ]
                for block in distance_blocks(centres, centres)
            ]
        )
        inside = [
            (block <= radii).any(axis=1)
            for block in distance_blocks(points, centres)
        ]
        return np.concatenate(inside).mean()


def distance_blocks(first, second):
    """Yields the squared distances of all pairs, some rows at a time."""
    center = second.mean(axis=0)
    first, second = first - center, second - center
    rows = max(MAX_PAIRS // len(second), 1)
    for start in range(0, len(first), rows):
        block = first[start : start + rows]
        squares = (block**2).sum(axis=1)[:, None] + (second**2).sum(axis=1)
        distances = squares - 2.0 * (block @ second.T)
        # The distance of equal features is their rounding error.
        rounding = np.finfo("float64").eps * (4 + first.shape[1]) * squares
        yield np.where(distances <= rounding, 0.0, distances)
