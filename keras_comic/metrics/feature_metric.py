"""The base of metrics of whole sets of images."""

import numpy as np

from keras_comic.metrics.features import pooled_features
from keras_comic.metrics.protocol import ReportedMetric


class FeatureMetric(ReportedMetric):
    """Base of metrics of the features of whole sets of images.

    All features are kept, on the host. A subclass gives `compute`.
    """

    takes_network = True
    # The arguments of `update_state`.
    sides = ("comics", "fake_comics")
    # The names of the results of `compute`.
    numbers = ("value",)
    # Images of a side without which there is no number.
    least_images = 2
    # With fewer, `report` warns; `None` stands for the features' dimensions.
    enough_images = 100

    def __init__(
        self,
        feature_network=None,
        layer=None,
        protocol=None,
        name=None,
        **kwargs,
    ):
        super().__init__(
            protocol, name, feature_network=feature_network, **kwargs
        )
        self.layer = layer
        self.reset_state()

    def compute(self, *features):
        """Returns a pair for each number: its value, its spread or `None`."""
        raise NotImplementedError

    def update_state(self, comics=None, fake_comics=None, sample_weight=None):
        """Adds batches of images, or of features; either may come alone."""
        if sample_weight is not None:
            raise ValueError(
                "Every image counts alike in this metric: `sample_weight` "
                f"must be None. Received: sample_weight={sample_weight!r}"
            )
        self.gather(comics=comics, fake_comics=fake_comics)

    def gather(self, **sides):
        """Adds batches to the sides that are not `None`."""
        for side, images in sides.items():
            if images is not None:
                self._gathered[side].add(
                    pooled_features(
                        images, self.feature_network, self.layer, side
                    )
                )

    def count(self, side):
        """Returns the number of images of a side."""
        return self._gathered[side].count

    def result(self):
        """Returns the metric of all images so far; NaN while they are few."""
        values = [value for value, _ in self._pairs()]
        return (
            values[0] if len(values) == 1 else dict(zip(self.numbers, values))
        )

    def report(self):
        """Returns the metric with its protocol; a dict if it has several.

        Where there are few images for it, the protocol says so (`caution`).
        """
        counts = {side: self.count(side) for side in self.sides}
        pairs = self._pairs()
        if any(np.isnan(value) for value, _ in pairs):
            raise ValueError(
                "There is nothing to report: there must be more images, and "
                f"all features must be finite. Received: {counts}"
            )
        enough = self.enough_images
        if enough is None:
            enough = 1 + self._gathered[self.sides[0]].array().shape[1]
        if min(counts.values()) < enough:
            counts["caution"] = f"fewer than {enough} images"
        if len(pairs) == 1:
            return self.make_result(pairs[0][0], counts, None, pairs[0][1])
        return {
            number: self.make_result(value, counts, number, spread)
            for number, (value, spread) in zip(self.numbers, pairs)
        }

    def reset_state(self, sides=None):
        """Forgets images, of all sides or of some."""
        sides = self.sides if sides is None else sides
        if unknown := sorted(set(sides) - set(self.sides)):
            raise ValueError(
                f"`sides` must be among {list(self.sides)}. "
                f"Received: sides={list(sides)}, where {unknown} are not"
            )
        kept = {} if len(sides) == len(self.sides) else self._gathered
        self._gathered = {**kept, **{side: _FeatureList() for side in sides}}

    def facts(self):
        return {} if self.layer is None else {"layer": self.layer}

    def get_config(self):
        return {**super().get_config(), "layer": self.layer}

    def _pairs(self):
        features = [self._gathered[side].array() for side in self.sides]
        if len({array.shape[1] for array in features if len(array)}) > 1:
            raise ValueError(
                f"{' and '.join(self.sides)} must have features of one length. "
                f"Received: {[array.shape[1] for array in features]}"
            )
        if min(map(len, features)) >= self.least_images and all(
            np.isfinite(array).all() for array in features
        ):
            return self.compute(*features)
        return [(np.float64("nan"), None)] * len(self.numbers)


class _FeatureList:
    """Features of images, in the order they came."""

    def __init__(self):
        self.batches = []

    @property
    def count(self):
        return sum(len(batch) for batch in self.batches)

    def add(self, features):
        if self.batches and features.shape[1] != self.batches[0].shape[1]:
            raise ValueError(
                "Features must have the dimensions of those before, "
                f"{self.batches[0].shape[1]}. "
                f"Received: shape={features.shape}"
            )
        # A copy: the caller may reuse the array.
        self.batches.append(np.array(features))

    def array(self):
        if not self.batches:
            return np.zeros((0, 0))
        return np.concatenate(self.batches).astype("float64")
