"""Bases of the metrics that are the mean of a number for each pair."""

import keras

from keras_comic.metrics.features import layer_features
from keras_comic.metrics.protocol import ReportedMetric
from keras_comic.metrics.protocol import sum_dtype


class SampleMean(ReportedMetric):
    """Base of metrics that are the mean of a number for each pair of images.

    A subclass gives `sample_values`. The sums are kept in double precision,
    on JAX in float32.
    """

    def __init__(self, protocol=None, name=None, **kwargs):
        super().__init__(protocol, name, **kwargs)
        self.mean = keras.metrics.Mean(dtype=sum_dtype())

    def sample_values(self, photos, fake_comics):
        """Returns the number of each pair, float32 `(batch,)`."""
        raise NotImplementedError

    def update_state(self, photos, fake_comics, sample_weight=None):
        """Adds a batch of pairs."""
        values = self.sample_values(photos, fake_comics)
        self.mean.update_state(values, sample_weight)

    def result(self):
        """Returns the mean over all pairs so far; NaN before the first."""
        return self.mean.total.value / self.mean.count.value

    def report(self):
        """Returns the mean with its protocol."""
        count = float(keras.ops.convert_to_numpy(self.mean.count))
        if not count > 0.0:
            raise ValueError(
                "There is nothing to report before `update_state`. "
                f"Received: {count:g} pairs"
            )
        count = int(count) if count == int(count) else count
        value = float(keras.ops.convert_to_numpy(self.result()))
        return self.make_result(value, self.counts(count))

    def counts(self, count):
        """Returns what the protocol calls the number of pairs."""
        return {"pairs": count}


class LayerMean(SampleMean):
    """Base of metrics that compare the activations of layers of a network."""

    takes_network = True

    def __init__(
        self,
        feature_network=None,
        layers=None,
        protocol=None,
        name=None,
        **kwargs,
    ):
        super().__init__(
            protocol, name, feature_network=feature_network, **kwargs
        )
        self.layers = None if layers is None else list(layers)

    def activations(self, **images):
        """Returns the activations of each argument, lists of one length."""
        activations = [
            layer_features(inputs, self.feature_network, self.layers, name)
            for name, inputs in images.items()
        ]
        if len({len(maps) for maps in activations}) > 1:
            raise ValueError(
                "There must be the same layers of both. "
                f"Received: {[len(maps) for maps in activations]} layers"
            )
        return activations

    def facts(self):
        layers = None if self.layers is None else " ".join(self.layers)
        return {**super().facts(), "layers": layers}

    def get_config(self):
        return {**super().get_config(), "layers": self.layers}
