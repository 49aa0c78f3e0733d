"""The stillness of a stylised video where its source stands still."""

import keras
from keras import ops

from keras_comic.metrics.protocol import ReportedMetric
from keras_comic.metrics.protocol import sum_dtype


@keras.saving.register_keras_serializable(package="keras_comic")
class Stillness(ReportedMetric):
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
        name: String or `None`. Defaults to `None`, `"stillness"`.
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

    def __init__(self, threshold=2 / 255, protocol=None, name=None, **kwargs):
        if not 0.0 <= threshold <= 1.0:
            raise ValueError(
                "`threshold` must be in [0, 1], of the range from black to "
                f"white. Received: threshold={threshold}"
            )
        super().__init__(protocol, name, **kwargs)
        self.threshold = threshold
        self.change = keras.metrics.Mean(dtype=sum_dtype())
        self.variance = keras.metrics.Mean(dtype=sum_dtype())
        self.still_share = keras.metrics.Mean(dtype=sum_dtype())
        self.frames = keras.metrics.Sum(dtype=sum_dtype())

    def update_state(self, photos, fake_comics, sample_weight=None):
        """Adds clips.

        Args:
            photos: Float `(batch, frames, height, width, 3)`, RGB in
                `[-1, 1]`, at least two frames: clips of the source.
            fake_comics: Float, of the shape of `photos`: the same clips of
                the stylised video.
            sample_weight: Float `(batch,)` or `None`. What each clip's pixels
                count. Defaults to `None`, 1.
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
            self.change: ops.mean(steps, axis=[1, 4]),
            self.variance: ops.mean(ops.var(moves, axis=1), axis=-1),
        }
        weights = ops.ones_like(still)
        if sample_weight is not None:
            sample_weight = ops.cast(sample_weight, "float32")
            weights = weights * ops.reshape(sample_weight, (-1, 1, 1))
        for metric, value in values.items():
            metric.update_state(value, still * weights)
        self.still_share.update_state(still, weights)
        self.frames.update_state(ops.ones_like(still[:, 0, 0]) * shapes[0][1])

    def result(self):
        """Returns both of all clips so far; NaN without still pixels."""
        return {
            "change": self.change.total.value / self.change.count.value,
            "variance": self.variance.total.value / self.variance.count.value,
        }

    def report(self):
        """Returns a dict of both numbers with their protocols."""
        frames = int(self.frames.result())
        still_share = float(self.still_share.result())
        if not still_share > 0.0:
            raise ValueError(
                "There is nothing to report: no pixel of the source stood "
                f"still. Received: {frames} frames"
            )
        counts = {"frames": frames, "still_share": round(still_share, 4)}
        return {
            number: self.make_result(float(value), counts, number)
            for number, value in self.result().items()
        }

    def facts(self):
        return {"threshold": round(self.threshold, 6)}

    def get_config(self):
        return {**super().get_config(), "threshold": self.threshold}
