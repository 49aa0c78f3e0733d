"""How still a stylised video stands where its source does."""

import keras
from keras import ops

from keras_comic.metrics.double_sum import DoubleSum
from keras_comic.metrics.protocol import check_protocol
from keras_comic.metrics.protocol import make_protocol
from keras_comic.metrics.result import MetricResult


@keras.saving.register_keras_serializable(package="keras_comic")
class Stillness(keras.metrics.Metric):
    """Change and variance of a stylised video where its source stands still.

    A pixel of a short clip is still if no channel of the source differs by
    more than `threshold` between any two of the clip's frames. Over all still
    pixels of all clips, `change` is the mean absolute difference of
    consecutive stylised frames, and `variance` the variance over the clip's
    frames, each averaged over the channels, with RGB in `[0, 1]`. Both are 0
    for a video that stands as still as its source. No flow is needed.

    The protocol of `report` says which share of the pixels is still. With a
    moving camera there may be none: then the values are NaN.

    Args:
        threshold: Float in `[0, 1]`, of the range from black to white. The
            default is what compression and noise do to a still scene.
            Defaults to `2 / 255`.
        protocol: Dict or `None`, see `StructuralSimilarity`. Defaults to
            `None`.
        name: String. Defaults to `"stillness"`.
        **kwargs: Keyword arguments of `keras.metrics.Metric`.

    Returns:
        `result()` is a dict of `change` and `variance`, float64 scalars
        (float32 on JAX), at least 0.

    Raises:
        ValueError: If `threshold` is out of its range, or `protocol` is no
            such dict.

    Example:

    >>> stillness = keras_comic.metrics.Stillness()
    >>> photos = np.zeros((1, 2, 8, 8, 3), "float32")  # two still frames
    >>> comics = photos.copy()
    >>> comics[:, 1] = 0.5  # a quarter of the range from -1 to 1
    >>> stillness.update_state(photos, comics)
    >>> {name: float(v) for name, v in stillness.result().items()}
    {'change': 0.25, 'variance': 0.015625}
    """

    def __init__(
        self, threshold=2 / 255, protocol=None, name="stillness", **kwargs
    ):
        if not 0.0 <= threshold <= 1.0:
            raise ValueError(
                "`threshold` must be in [0, 1], of the range from black to "
                f"white. Received: threshold={threshold}"
            )
        protocol = check_protocol(protocol)
        super().__init__(name=name, **kwargs)
        self.threshold = threshold
        self.protocol = protocol
        self.sums = {
            entry: DoubleSum(self, entry)
            for entry in ("change", "variance", "still", "pixels", "frames")
        }

    def update_state(self, photos, fake_comics, sample_weight=None):
        """Adds clips.

        Args:
            photos: Float `(batch, frames, height, width, 3)`, RGB in
                `[-1, 1]`, at least two frames: clips of the source.
            fake_comics: Float, of the shape of `photos`: the same clips of
                the stylised video.
            sample_weight: Float `(batch,)` or `None`. What each clip's pixels
                count. Defaults to `None`, 1.

        Raises:
            ValueError: If the shapes are others.
        """
        shapes = tuple(photos.shape), tuple(fake_comics.shape)
        if (
            len(shapes[0]) != 5
            or shapes[0] != shapes[1]
            or shapes[0][-1] != 3
            or shapes[0][1] < 2
        ):
            raise ValueError(
                "Both must be clips of one shape, (batch, frames, height, "
                "width, 3), of at least two frames. "
                f"Received: photos.shape={shapes[0]}, "
                f"fake_comics.shape={shapes[1]}"
            )
        photos, comics = (
            0.5 * ops.cast(ops.convert_to_tensor(frames), "float32")
            for frames in (photos, fake_comics)
        )
        ranges = ops.max(photos, axis=1) - ops.min(photos, axis=1)
        # Levels of 8 bits are not exact in float32.
        still = ops.max(ranges, axis=-1) <= self.threshold + 1e-6
        still = ops.cast(still, "float32")
        steps = ops.abs(comics[:, 1:] - comics[:, :-1])
        # About the first frame: of what stands still it is exactly 0.
        moves = comics - comics[:, :1]
        values = {
            "change": ops.mean(steps, axis=[1, 4]) * still,
            "variance": ops.mean(ops.var(moves, axis=1), axis=-1) * still,
            "still": still,
            "pixels": ops.ones_like(still),
        }
        values = {
            entry: ops.sum(value, axis=[1, 2])
            for entry, value in values.items()
        }
        if sample_weight is not None:
            weights = ops.cast(ops.convert_to_tensor(sample_weight), "float32")
            weights = ops.reshape(weights, (-1,))
            values = {entry: value * weights for entry, value in values.items()}
        values["frames"] = ops.ones_like(values["still"]) * shapes[0][1]
        for entry, value in values.items():
            self.sums[entry].add(value)

    def result(self):
        """Change and variance of all clips so far; NaN without still pixels.

        Returns:
            Dict of `change` and `variance`, float64 scalars; float32 on JAX.
        """
        still = self.sums["still"].value()
        return {
            entry: self.sums[entry].value() / still
            for entry in ("change", "variance")
        }

    def report(self):
        """Both numbers with their protocols, in double precision.

        Returns:
            Dict of `change` and `variance` to a `MetricResult` each.

        Raises:
            ValueError: If no pixel of the source was still.
        """
        sums = {entry: total.read() for entry, total in self.sums.items()}
        if not sums["still"] > 0.0:
            raise ValueError(
                "There is nothing to report: no pixel of the source stood "
                f"still. Received: {sums['frames']:g} frames"
            )
        facts = {
            "frames": int(sums["frames"]),
            "still_share": round(sums["still"] / sums["pixels"], 4),
        }
        return {
            entry: MetricResult(
                sums[entry] / sums["still"],
                make_protocol(
                    f"{type(self).__name__}.{entry}",
                    facts,
                    self.protocol,
                    network=False,
                    threshold=round(self.threshold, 6),
                ),
            )
            for entry in ("change", "variance")
        }

    def merge_state(self, metrics):
        """Adds what other metrics of this class have measured.

        Args:
            metrics: Iterable of metrics, such as those of other workers.
        """
        for metric in metrics:
            for entry, total in self.sums.items():
                total.merge(metric.sums[entry])

    def get_config(self):
        return {
            **super().get_config(),
            "threshold": self.threshold,
            "protocol": self.protocol,
        }
