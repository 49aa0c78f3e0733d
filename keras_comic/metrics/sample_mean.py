"""The mean of a value that each sample has, summed in double precision."""

import keras
from keras import ops

from keras_comic.metrics.protocol import check_protocol
from keras_comic.metrics.protocol import make_protocol
from keras_comic.metrics.result import MetricResult


class SampleMean(keras.metrics.Metric):
    """Base of metrics that are the mean of a number for each pair of images.

    The sums are Keras variables, so that these metrics work wherever Keras's
    own do: in `compile(metrics=[...])` and `evaluate` on every backend,
    compiled or not, under a distribution strategy, or called directly. They
    are float64 on TensorFlow and PyTorch. JAX has none unless it is told to:
    there, each sum is a pair of float32 numbers, the second what the first
    lacks, which together hold 48 bits.

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
        self.in_pairs = keras.config.backend() == "jax"
        parts = ("", "_remainder") if self.in_pairs else ("",)
        self.total, self.count = (
            [
                self.add_variable(
                    shape=(),
                    initializer="zeros",
                    dtype="float32" if self.in_pairs else "float64",
                    name=f"{sum_name}{part}",
                )
                for part in parts
            ]
            for sum_name in ("total", "count")
        )

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
        self._add(self.total, values)
        self._add(self.count, weights)

    def result(self):
        """The mean over all pairs so far; NaN before the first.

        Returns:
            Float64 scalar; float32 on JAX.
        """
        return sum(self.total) / sum(self.count)

    def report(self):
        """The mean with its protocol, in double precision.

        Returns:
            A `MetricResult`.

        Raises:
            ValueError: If nothing was measured.
        """
        total, count = (
            sum(float(ops.convert_to_numpy(part)) for part in sums)
            for sums in (self.total, self.count)
        )
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
            for sums, others in (
                (self.total, metric.total),
                (self.count, metric.count),
            ):
                for part in others:
                    self._add(sums, ops.reshape(part.value, (1,)))

    def get_config(self):
        return {**super().get_config(), "protocol": self.protocol}

    def _add(self, sums, values):
        if not self.in_pairs:
            (total,) = sums
            total.assign_add(ops.sum(ops.cast(values, "float64")))
            return
        total, remainder = sums
        high, low = _sum_pair(ops.cast(values, "float32"))
        high, error = _two_sum(total.value, high)
        high, low = _two_sum(high, error + low + remainder.value)
        total.assign(high)
        remainder.assign(low)


def _two_sum(a, b):
    """The rounded sum of two numbers, and what the rounding took away."""
    total = a + b
    part = total - a
    return total, (a - (total - part)) + (b - part)


def _sum_pair(values):
    """Sum of `(batch,)` as a pair of float32 numbers, by halves."""
    lows = ops.zeros_like(values)
    while values.shape[0] > 1:
        half = values.shape[0] // 2
        rest, rest_lows = values[2 * half :], lows[2 * half :]
        highs, errors = _two_sum(values[:half], values[half : 2 * half])
        lows = lows[:half] + lows[half : 2 * half] + errors
        values = ops.concatenate([highs, rest], axis=0)
        lows = ops.concatenate([lows, rest_lows], axis=0)
    return ops.sum(values), ops.sum(lows)
