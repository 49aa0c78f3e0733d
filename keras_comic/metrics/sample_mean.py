"""The mean of a value that each sample has, summed in double precision."""

import keras
from keras import ops

from keras_comic.metrics.double_sum import DoubleSum
from keras_comic.metrics.protocol import check_protocol
from keras_comic.metrics.protocol import make_protocol
from keras_comic.metrics.result import MetricResult


class SampleMean(keras.metrics.Metric):
    """Base of metrics that are the mean of a number for each pair of images.

    The sums are Keras variables, so that these metrics work wherever Keras's
    own do: in `compile(metrics=[...])` and `evaluate` on every backend,
    compiled or not, under a distribution strategy, or called directly. They
    are in double precision, see `DoubleSum`.

    A subclass gives the numbers in `sample_values`.

    Args:
        protocol: Dict or `None`. What the caller states for `report`, such as
            `{"resize": "256, bicubic", "crop": "centre"}`. Defaults to `None`.
        name: String or `None`. Defaults to `None`, the class's name.
        **kwargs: Keyword arguments of `keras.metrics.Metric`.

    Raises:
        ValueError: If `protocol` is no such dict.
    """

    def __init__(self, protocol=None, name=None, **kwargs):
        protocol = check_protocol(protocol)
        super().__init__(name=name, **kwargs)
        self.protocol = protocol
        self.total = DoubleSum(self, "total")
        self.count = DoubleSum(self, "count")

    def sample_values(self, photos, fake_comics):
        """The number of each pair; a subclass's to give.

        Args:
            photos: As in `update_state`.
            fake_comics: As in `update_state`.

        Returns:
            Float `(batch,)`.
        """
        raise NotImplementedError

    def update_state(self, photos, fake_comics, sample_weight=None):
        """Adds a batch of pairs.

        Args:
            photos: Float `(batch, height, width, 3)`, RGB in `[-1, 1]`.
            fake_comics: Float, of the shape of `photos`; what the generator
                made of them.
            sample_weight: Float `(batch,)` or `None`. What each pair counts.
                Defaults to `None`, 1.
        """
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
        """The mean over all pairs so far; NaN before the first.

        Returns:
            Float64 scalar; float32 on JAX.
        """
        return self.total.value() / self.count.value()

    def report(self):
        """The mean with its protocol, in double precision.

        Returns:
            A `MetricResult`.

        Raises:
            ValueError: If nothing was measured.
        """
        total, count = self.total.read(), self.count.read()
        if not count > 0.0:
            raise ValueError(
                "There is nothing to report before `update_state`. "
                f"Received: {count:g} pairs"
            )
        count = int(count) if count == int(count) else count
        return MetricResult(total / count, self.describe({"pairs": count}))

    def describe(self, counts):
        """The protocol of `report`; a subclass adds its network.

        Args:
            counts: Dict of string to number.

        Returns:
            Dict of strings to strings, numbers, booleans and `None`.
        """
        return make_protocol(
            type(self).__name__, counts, self.protocol, network=False
        )

    def merge_state(self, metrics):
        """Adds what other metrics of this class have measured.

        Args:
            metrics: Iterable of metrics, such as those of other workers.
        """
        for metric in metrics:
            self.total.merge(metric.total)
            self.count.merge(metric.count)

    def get_config(self):
        return {**super().get_config(), "protocol": self.protocol}
