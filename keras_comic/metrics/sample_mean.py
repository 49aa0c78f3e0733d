"""The mean of a value that each sample has, summed in double precision."""

import keras
from keras import ops

from keras_comic.metrics.double_sum import DoubleSum
from keras_comic.metrics.protocol import check_protocol
from keras_comic.metrics.protocol import make_protocol
from keras_comic.metrics.result import MetricResult


class SampleMean(keras.metrics.Metric):
    """Base of metrics that are the mean of a number for each pair of images."""

    def __init__(self, protocol=None, name=None, **kwargs):
        protocol = check_protocol(protocol)
        super().__init__(name=name, **kwargs)
        self.protocol = protocol
        self.total = DoubleSum(self, "total")
        self.count = DoubleSum(self, "count")

    def sample_values(self, photos, fake_comics):
        """The number of each pair; a subclass's to give."""
        raise NotImplementedError

    def update_state(self, photos, fake_comics, sample_weight=None):
        """Adds a batch of pairs."""
        values = self.sample_values(photos, fake_comics)
        if sample_weight is None:
            weights = ops.ones_like(values)
        else:
            weights = ops.reshape(
                ops.cast(sample_weight, values.dtype), ops.shape(values)
            )
            values = values * weights
        self.total.add(values)
        self.count.add(weights)

    def result(self):
        """The mean over all pairs so far; NaN before the first."""
        return self.total.value() / self.count.value()

    def report(self):
        """The mean with its protocol, in double precision."""
        total, count = self.total.read(), self.count.read()
        if not count > 0.0:
            raise ValueError(
                "There is nothing to report before `update_state`. "
                f"Received: {count:g} pairs"
            )
        count = int(count) if count == int(count) else count
        return MetricResult(total / count, self.describe({"pairs": count}))

    def describe(self, counts):
        """The protocol of `report`; a subclass adds its network."""
        return make_protocol(
            type(self).__name__, counts, self.protocol, network=False
        )

    def merge_state(self, metrics):
        """Adds what other metrics of this class have measured."""
        for metric in metrics:
            self.total.merge(metric.total)
            self.count.merge(metric.count)

    def get_config(self):
        return {**super().get_config(), "protocol": self.protocol}
