"""What metrics of whole sets of images share."""

import keras

from keras_comic.metrics.features import pooled_features
from keras_comic.metrics.protocol import check_network
from keras_comic.metrics.protocol import check_protocol
from keras_comic.metrics.protocol import deserialize_network
from keras_comic.metrics.protocol import make_protocol
from keras_comic.metrics.protocol import serialize_network
from keras_comic.metrics.result import MetricResult

SIDES = ("comics", "fake_comics")


class FeatureMetric(keras.metrics.Metric):
    """Base of metrics of the features of whole sets of images."""

    # What `update_state` takes.
    sides = SIDES

    def __init__(
        self,
        feature_network=None,
        layer=None,
        protocol=None,
        name=None,
        **kwargs,
    ):
        check_network(feature_network)
        protocol = check_protocol(protocol)
        super().__init__(name=name, **kwargs)
        self.feature_network = feature_network
        self.layer = layer
        self.protocol = protocol
        self.states = _Untracked()
        self.reset_state()

    def make_state(self):
        """What gathers the features of one side; a subclass's to give."""
        raise NotImplementedError

    def compute(self):
        """The numbers from what was gathered; a subclass's to give."""
        raise NotImplementedError

    def parameters(self):
        """What of the metric's own its protocol names."""
        return {}

    def update_state(self, comics=None, fake_comics=None, sample_weight=None):
        """Adds batches of images, or of features; either may come alone."""
        if sample_weight is not None:
            raise ValueError(
                "Every image counts alike in this metric: `sample_weight` "
                f"must be None. Received: sample_weight={sample_weight!r}"
            )
        self._gather({"comics": comics, "fake_comics": fake_comics})

    def result(self):
        """The metric of all images so far; NaN while there are too few."""
        numbers = {name: value for name, (value, _) in self.compute().items()}
        return next(iter(numbers.values())) if len(numbers) == 1 else numbers

    def report(self):
        """The metric with its protocol."""
        counts = {side: self.states[side].count for side in self.sides}
        results = {}
        for number, (value, spread) in self.compute().items():
            if value != value:
                raise ValueError(
                    "There is nothing to report: there must be more images, "
                    "and all features must be finite. "
                    f"Received: {counts}"
                )
            results[number] = MetricResult(
                value, self._describe(counts, number), spread
            )
        return next(iter(results.values())) if len(results) == 1 else results

    def reset_state(self, sides=None):
        """Forgets images."""
        sides = self.sides if sides is None else sides
        if unknown := sorted(set(sides) - set(self.sides)):
            raise ValueError(
                f"`sides` must be among {list(self.sides)}. "
                f"Received: sides={list(sides)}, where {unknown} are not"
            )
        self.states.entries.update({side: self.make_state() for side in sides})

    def merge_state(self, metrics):
        """Adds what other metrics of this class have gathered."""
        for metric in metrics:
            for side in self.sides:
                self.states[side].merge(metric.states[side])

    def get_config(self):
        return {
            **super().get_config(),
            "feature_network": serialize_network(self.feature_network),
            "layer": self.layer,
            "protocol": self.protocol,
        }

    @classmethod
    def from_config(cls, config):
        config = dict(config)
        config["feature_network"] = deserialize_network(
            config["feature_network"]
        )
        return cls(**config)

    def _gather(self, sides):
        for side, images in sides.items():
            if images is not None:
                self.states[side].add(
                    pooled_features(
                        images, self.feature_network, self.layer, side
                    )
                )

    def _describe(self, counts, number):
        name = type(self).__name__
        layer = {} if self.layer is None else {"layer": self.layer}
        return make_protocol(
            name if number == "value" else f"{name}.{number}",
            counts,
            self.protocol,
            self.feature_network,
            **self.parameters(),
            **layer,
        )


class _Untracked:
    """A dict that Keras does not look into for variables."""

    def __init__(self):
        self.entries = {}

    def __getitem__(self, key):
        return self.entries[key]
