"""Statistics of normalisations, taken once for several pictures."""

import contextlib
import contextvars

from keras import ops

from keras_comic.layers.moments import spatial_moments

_COLLECTED = contextvars.ContextVar("collected", default=None)
_GIVEN = contextvars.ContextVar("given", default=None)


@contextlib.contextmanager
def collect_statistics():
    """Notes the statistics that a network normalises with.

    Within it, every normalisation over the positions of a picture
    (`InstanceNormalization`, `ConditionalInstanceNormalization`, `AdaIN`, and
    `ConvBlock` with one of them) adds what it measures to a list, in the order
    of the calls. Run a network that is built; what it gives is not changed.

    Within `use_statistics` as well, what is measured is noted, and what is
    given is used.

    Yields:
        List, empty at first, of a pair for each call: mean and variance, each
        float32 `(batch, channels)`.

    Example:

    >>> block = keras_comic.layers.ConvBlock(4)
    >>> frames = np.random.normal(size=(2, 32, 32, 3)).astype("float32")
    >>> block.build(frames.shape)
    >>> with keras_comic.layers.collect_statistics() as statistics:
    ...     comics = block(frames)
    >>> [(tuple(m.shape), tuple(v.shape)) for m, v in statistics]
    [((2, 4), (2, 4))]
    """
    collected = []
    token = _COLLECTED.set(collected)
    try:
        yield collected
    finally:
        _COLLECTED.reset(token)


@contextlib.contextmanager
def use_statistics(statistics):
    """Normalises with given statistics instead of the pictures' own.

    A part of a picture then comes out as it does within the picture, and the
    frames of a video are normalised alike. Gradients flow into the statistics
    if they are tensors.

    Args:
        statistics: List from `collect_statistics` or `pool_statistics`, of the
            same network: a pair for each normalisation, mean and variance,
            float32 `(batch, channels)` or `(1, channels)`.

    Raises:
        ValueError: If the network has more or fewer normalisations.

    Example:

    >>> block = keras_comic.layers.ConvBlock(4)
    >>> frame = np.random.normal(size=(1, 32, 48, 3)).astype("float32")
    >>> block.build(frame.shape)
    >>> with keras_comic.layers.collect_statistics() as statistics:
    ...     whole = keras.ops.convert_to_numpy(block(frame))
    >>> with keras_comic.layers.use_statistics(statistics):
    ...     part = keras.ops.convert_to_numpy(block(frame[:, :, :32]))
    >>> bool(np.allclose(part[:, :, :-1], whole[:, :, :31], atol=1e-5))
    True
    """
    given = _Given(statistics)
    token = _GIVEN.set(given)
    try:
        yield
    finally:
        _GIVEN.reset(token)
    if given.position != len(given.statistics):
        raise ValueError(
            "`statistics` must have a pair for each normalisation of the "
            f"network. Received: {len(given.statistics)} pairs for "
            f"{given.position} normalisations"
        )


def pool_statistics(statistics):
    """One set of statistics from those of the pictures of a batch."""
    pooled = []
    for means, variances in statistics:
        means = ops.convert_to_tensor(means, dtype="float32")
        variances = ops.convert_to_tensor(variances, dtype="float32")
        mean = ops.mean(means, axis=0, keepdims=True)
        # As the mean of squares less a square, without its rounding errors.
        variance = variances + ops.square(means - mean)
        pooled.append((mean, ops.mean(variance, axis=0, keepdims=True)))
    return pooled


def normalization_moments(features):
    """Mean and variance that a normalisation is to use."""
    collected, given = _COLLECTED.get(), _GIVEN.get()
    moments = None
    if collected is not None or given is None:
        moments = spatial_moments(features)
    if collected is not None:
        collected.append(tuple(moments))
    if given is not None:
        moments = given.take(features.shape[-1])
    return moments


class _Given:
    """Statistics, handed out in their order."""

    def __init__(self, statistics):
        self.statistics = list(statistics)
        self.position = 0

    def take(self, channels):
        self.position += 1
        if self.position > len(self.statistics):
            raise ValueError(
                "`statistics` must have a pair for each normalisation of the "
                f"network. Received: {len(self.statistics)} pairs, too few"
            )
        mean, variance = self.statistics[self.position - 1]
        if mean.shape[-1] != channels or variance.shape[-1] != channels:
            raise ValueError(
                f"`statistics[{self.position - 1}]` must be those of "
                f"{channels} channels. Received: mean.shape="
                f"{tuple(mean.shape)}, variance.shape={tuple(variance.shape)}"
            )
        return (
            ops.convert_to_tensor(mean, dtype="float32"),
            ops.convert_to_tensor(variance, dtype="float32"),
        )
