"""Statistics of normalisations, taken once for several pictures."""

import contextlib
import contextvars

from keras import ops

_COLLECTED = contextvars.ContextVar("collected", default=None)
_GIVEN = contextvars.ContextVar("given", default=None)


def position_moments(features, axes=(1, 2)):
    """Returns the mean and the variance that a normalisation is to use.

    They are those of the features, or those that `use_statistics` gives;
    `collect_statistics` takes note of what is measured. Every normalisation
    over the positions of a picture takes its moments from here, so that the
    frames of a video and the tiles of a picture can share them.

    Args:
        features: Float `(batch, height, width, channels)`, any range.
        axes: Tuple of integers, the axes to average over, which are kept with
            a length of 1. Defaults to `(1, 2)`, the positions of a channel.

    Returns:
        Two float32 tensors that broadcast against the features, of shape
        `(batch, 1, 1, channels)` by default: mean and population variance.

    Example:

    >>> features = np.random.normal(size=(2, 32, 32, 4)).astype("float32")
    >>> moments = keras_comic.layers.position_moments(features, (1, 2, 3))
    >>> [tuple(moment.shape) for moment in moments]
    [(2, 1, 1, 1), (2, 1, 1, 1)]
    """
    collected, given = _COLLECTED.get(), _GIVEN.get()
    moments = None
    if collected is not None or given is None:
        moments = _measured(features, axes)
    if collected is not None:
        collected.append(moments)
    if given is not None:
        moments = given.take(features, axes)
    return moments


def picture_moments(features):
    """Returns the moments of each channel, which `next_moments` sees as well.

    What takes in a whole picture, such as an encoder of styles, is not shared
    by frames, but tiles must share it.
    """
    given = _GIVEN.get()
    if given is not None and given.stops:
        return given.take(features, (1, 2))
    return _measured(features, (1, 2))


def next_moments(run, statistics, core=None):
    """Runs a network up to the first normalisation after those given.

    The statistics of a picture that comes in tiles are found so, one
    normalisation after the other: each needs those before it.

    Args:
        run: Function without arguments that calls the network.
        statistics: List as for `use_statistics`, of the first normalisations.
        core: Float32 tensor `(4,)`, top, left, bottom and right of the part
            to measure, as shares of the sides; or `None`, everywhere.
            Defaults to `None`.

    Returns:
        The pair of moments, as in `position_moments`; `None` if the network
        has no more normalisations.

    Example:

    >>> block = keras_comic.layers.ConvBlock(4)
    >>> photo = np.random.normal(size=(1, 32, 48, 3)).astype("float32")
    >>> block.build(photo.shape)
    >>> mean, _ = keras_comic.layers.next_moments(lambda: block(photo), [])
    >>> tuple(mean.shape)
    (1, 1, 1, 4)
    """
    token = _GIVEN.set(_Given(statistics, core, stops=True))
    try:
        run()
    except _Reached as reached:
        return reached.moments
    finally:
        _GIVEN.reset(token)
    return None


@contextlib.contextmanager
def collect_statistics():
    """Takes note of the statistics that a network normalises with.

    Within it, every normalisation over the positions of a picture (a
    `PositionNormalization`, or whatever calls `position_moments`) adds what it
    measures to a list, in the order of the calls. The network must be built;
    its outputs do not change. Within `use_statistics` as well, the given
    statistics are used, and the pictures' own are noted.

    Yields:
        List, empty at first, of a pair for each call: mean and variance, both
        float32 with the axes of the features, those averaged over of length 1,
        such as `(batch, 1, 1, channels)`.

    Example:

    >>> block = keras_comic.layers.ConvBlock(4)
    >>> frames = np.random.normal(size=(2, 32, 32, 3)).astype("float32")
    >>> block.build(frames.shape)
    >>> with keras_comic.layers.collect_statistics() as statistics:
    ...     comics = block(frames)
    >>> [(tuple(m.shape), tuple(v.shape)) for m, v in statistics]
    [((2, 1, 1, 4), (2, 1, 1, 4))]
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
            float32 in the shape that was collected, with one row or a row for
            each picture.

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
    """Pools the statistics of the pictures of a batch, as if they were one.

    Args:
        statistics: List of pairs from `collect_statistics`.

    Returns:
        List of pairs of the same shapes but for a first axis of 1, for
        `use_statistics`.

    Example:

    >>> mean, variance = np.float32([[0.0], [2.0]]), np.float32([[1.0], [1.0]])
    >>> pairs = keras_comic.layers.pool_statistics([(mean, variance)])
    >>> [float(moment[0, 0]) for moment in pairs[0]]
    [1.0, 2.0]
    """
    pooled = []
    for means, variances in statistics:
        means = ops.convert_to_tensor(means, dtype="float32")
        variances = ops.convert_to_tensor(variances, dtype="float32")
        mean = ops.mean(means, axis=0, keepdims=True)
        # As the mean of squares less a square, without its rounding errors.
        variance = variances + ops.square(means - mean)
        pooled.append((mean, ops.mean(variance, axis=0, keepdims=True)))
    return pooled


class _Reached(BaseException):
    """Ends a run in which the moments wanted have been measured.

    Keras adds what it knows of a call to each `Exception`.
    """

    def __init__(self, moments):
        super().__init__()
        self.moments = moments


class _Given:
    """Statistics, handed out in their order."""

    def __init__(self, statistics, core=None, stops=False):
        self.statistics = list(statistics)
        self.core = core
        self.stops = stops
        self.position = 0

    def take(self, features, axes):
        self.position += 1
        if self.position > len(self.statistics):
            if self.stops:
                raise _Reached(_measured(features, axes, self.core))
            raise ValueError(
                "`statistics` must have a pair for each normalisation of the "
                f"network. Received: {len(self.statistics)} pairs, too few"
            )
        mean, variance = self.statistics[self.position - 1]
        expected = tuple(
            1 if axis in axes else side
            for axis, side in enumerate(features.shape)
        )
        if not all(_fits(value.shape, expected) for value in (mean, variance)):
            raise ValueError(
                f"`statistics[{self.position - 1}]` must be two arrays of "
                f"shape {('batch', *expected[1:])}. Received: mean.shape="
                f"{tuple(mean.shape)}, variance.shape={tuple(variance.shape)}"
            )
        return (
            ops.convert_to_tensor(mean, dtype="float32"),
            ops.convert_to_tensor(variance, dtype="float32"),
        )


def _fits(shape, expected):
    """Compares the sides that are known, all but the batch's."""
    return len(shape) == len(expected) and all(
        None in pair or pair[0] == pair[1]
        for pair in zip(shape[1:], expected[1:], strict=True)
    )


def _measured(features, axes, core=None):
    """Returns float32 mean and variance over axes, which are kept as 1."""
    features = ops.cast(features, "float32")
    if core is None:
        mean = _mean(features, axes)
        return mean, _mean(ops.square(features - mean), axes)
    height, width = ops.shape(features)[1:3]
    rows = _within(core[0], core[2], height)[None, :, None, None]
    inside = rows * _within(core[1], core[3], width)[None, None, :, None]
    share = _mean(inside, axes)
    mean = _mean(inside * features, axes) / share
    return mean, _mean(inside * ops.square(features - mean), axes) / share


def _within(start, end, size):
    """Marks the positions between two shares of a side."""
    places = ops.arange(size, dtype="float32") + 0.5
    size = ops.cast(size, "float32")
    inside = ops.logical_and(places > start * size, places < end * size)
    return ops.cast(inside, "float32")


def _mean(features, axes):
    # One axis after the other, the last first: the sums stay short, and exact.
    for axis in sorted(axes, reverse=True):
        features = ops.mean(features, axis=axis, keepdims=True)
    return features
