"""The kernel distance of two sets of features (KID)."""

import keras
import numpy as np

from keras_comic.metrics.feature_metric import FeatureMetric


@keras.saving.register_keras_serializable(package="keras_comic")
class KernelDistance(FeatureMetric):
    """Kernel distance of two sets of images: KID, on Inception's features.

    The unbiased estimate of the squared maximum mean discrepancy with the
    kernel `(x . y / dimensions + 1)^3`, averaged over random subsets. Lower is
    better; about 0 for two samples of one distribution, and below 0 as often as
    above. Unlike `FrechetDistance` it has no bias for few images, so it is the
    one to take below some thousand. Others report it times 1,000: this is not.

    All features are kept, on the host; computed in float64.

    Args:
        feature_network: Callable or `None`, see `FrechetDistance`. Defaults
            to `None`.
        layer: String or `None`, see `FrechetDistance`. Defaults to `None`.
        num_subsets: Integer > 0. Subsets that are drawn, without replacement
            within each. Defaults to `100`.
        subset_size: Integer > 1. Images of each side in a subset; with fewer
            images, all of them. Defaults to `1000`.
        seed: Integer. Of the subsets. Defaults to `0`.
        protocol: Dict or `None`, see `FrechetDistance`. Defaults to `None`.
        name: String or `None`. Defaults to `None`, `"kernel_distance"`.
        **kwargs: Keyword arguments of `keras.metrics.Metric`.

    Returns:
        `result()` is a float64, unitless; NaN with fewer than 2 images on a
        side. The spread of `report()` is the standard deviation over the
        subsets, `None` of a single one.

    Raises:
        TypeError: If `feature_network` is not callable.
        ValueError: If a number is out of its range, or `protocol` is no such
            dict.

    Example:

    >>> kid = keras_comic.metrics.KernelDistance()
    >>> kid.update_state(np.array([[0.0], [0.0]]), np.array([[1.0], [1.0]]))
    >>> float(kid.result())  # 1 + 8 - 2 * 1
    7.0

    Reference:
        - [Binkowski et al., 2018](https://arxiv.org/abs/1801.01401); no
          differences.
    """

    def __init__(
        self,
        feature_network=None,
        layer=None,
        num_subsets=100,
        subset_size=1000,
        seed=0,
        protocol=None,
        name=None,
        **kwargs,
    ):
        for argument, value, least in (
            ("num_subsets", num_subsets, 1),
            ("subset_size", subset_size, 2),
        ):
            if not value >= least:
                raise ValueError(
                    f"`{argument}` must be an integer >= {least}. "
                    f"Received: {argument}={value}"
                )
        super().__init__(feature_network, layer, protocol, name, **kwargs)
        self.num_subsets = num_subsets
        self.subset_size = subset_size
        self.seed = seed

    def subsets(self):
        """Returns the subsets: pairs of positions among both sides."""
        counts = [self.count(side) for side in self.sides]
        size = min(self.subset_size, *counts)
        if size == max(counts):
            return [(np.arange(size), np.arange(size))]
        generator = np.random.default_rng(self.seed)
        return [
            tuple(
                generator.choice(count, size, replace=False) for count in counts
            )
            for _ in range(self.num_subsets)
        ]

    def compute(self, comics, fake_comics):
        values = [
            _kernel_distance(comics[first], fake_comics[second])
            for first, second in self.subsets()
        ]
        spread = np.std(values) if len(values) > 1 else None
        return [(np.mean(values), spread)]

    def facts(self):
        subsets = self.subsets()
        return {
            "kernel": "(x.y/d + 1)^3, unbiased",
            "subsets": len(subsets),
            "subset_size": len(subsets[0][0]),
            "seed": self.seed,
            **super().facts(),
        }

    def get_config(self):
        return {
            **super().get_config(),
            "num_subsets": self.num_subsets,
            "subset_size": self.subset_size,
            "seed": self.seed,
        }


def _kernel_distance(features, other_features):
    """Returns the unbiased estimate of the squared mean discrepancy."""
    dimensions = features.shape[1]

    def kernel(first, second):
        return (first @ second.T / dimensions + 1.0) ** 3

    def mean_of_others(first):
        values = kernel(first, first)
        count = len(first)
        return (values.sum() - np.trace(values)) / (count * (count - 1))

    return (
        mean_of_others(features)
        + mean_of_others(other_features)
        - 2.0 * kernel(features, other_features).mean()
    )
