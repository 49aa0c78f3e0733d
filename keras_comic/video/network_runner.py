"""Runs a generator on frames, with statistics that frames can share."""

import functools
from typing import NamedTuple

import keras
import numpy as np
from keras import ops

from keras_comic.layers import collect_statistics
from keras_comic.layers import use_statistics
from keras_comic.models.pictures import SMALLEST_SIDE
from keras_comic.models.style_generator import BLEND_BELOW

# What the receptive field is looked for in, at first; it is doubled as long as
# the field is larger.
PROBE_SIDE = 128
PROBE_WIDTH = 64
LARGEST_PROBE = 1024
# Where a probe is cut: at every position within a stride.
NUM_CUTS = 8
# Of an output in [0, 255]: less is the noise of the arithmetic.
SMALLEST_CHANGE = 1e-3


class NetworkStatistics(NamedTuple):
    """What a network takes from a whole picture.

    `mean` and `variance` are those of all normalisations, one after the other,
    float32 `(frames, channels)`; `style` the frames' own style vectors, float32
    `(frames, style_dim)`, `(frames, 0)` where the network does not need them.
    """

    mean: np.ndarray
    variance: np.ndarray
    style: np.ndarray

    def pooled(self):
        """Those of all the frames together.

        Returns:
            `NetworkStatistics` of one row.
        """
        mean = self.mean.mean(axis=0, keepdims=True)
        variance = self.variance + (self.mean - mean) ** 2
        return NetworkStatistics(
            mean,
            variance.mean(axis=0, keepdims=True),
            self.style.mean(axis=0, keepdims=True),
        )

    def mixed(self, other, share):
        """A mix with others.

        Args:
            other: `NetworkStatistics` of one row.
            share: Float in `[0, 1]`, the weight of the others.

        Returns:
            `NetworkStatistics` of one row: the means and the mean squares are
            mixed.
        """
        mean = self.mean + share * (other.mean - self.mean)
        squares = [s.variance + s.mean**2 for s in (self, other)]
        variance = squares[0] + share * (squares[1] - squares[0]) - mean**2
        return NetworkStatistics(
            *(
                np.asarray(value, "float32")
                for value in (
                    mean,
                    np.maximum(variance, 0.0),
                    self.style + share * (other.style - self.style),
                )
            )
        )


class NetworkRunner:
    """Turns frames into comics, with statistics of their own or shared ones.

    It is compiled once for any size (on JAX for each size that comes up).
    Frames are extended at the bottom and at the right, by reflection, to sides
    divisible by `alignment`, so that every part of a frame that begins at a
    multiple of `alignment` meets the network's strides as the whole does.

    Args:
        generator: `keras_comic.models.Generator`, built.
        style: As in `Generator.stylize`, but one for all frames. Defaults to
            `None`, the first named style.
        strength: Float in `[0, 1]`, as in `Generator.stylize`. Below 1 the
            frames' own style vector is part of their statistics. Defaults to
            `1.0`.

    Raises:
        ValueError: If an argument is out of its range.

    Example:

    >>> generator = keras_comic.AdaINGenerator.light((4, 8, 4, 4), 1, 8)
    >>> drawing = np.random.randint(0, 256, (32, 40, 3), dtype="uint8")
    >>> runner = keras_comic.video.NetworkRunner(generator, drawing)
    >>> frames = np.random.randint(0, 256, (4, 40, 48, 3), dtype="uint8")
    >>> statistics = runner.statistics_of(frames)
    >>> runner.run(frames, statistics).shape
    (4, 40, 48, 3)
    """

    # Divisible by the strides of the networks, pixels.
    alignment = 8

    def __init__(self, generator, style=None, strength=1.0):
        if not 0 <= strength <= 1:
            raise ValueError(
                "`strength` must be a number in [0, 1]. "
                f"Received: strength={strength!r}"
            )
        vector = ops.convert_to_numpy(generator.style_vector(style))
        if len(vector) != 1:
            raise ValueError(
                "`style` must be one style for all frames. "
                f"Received: {len(vector)} style images"
            )
        self.generator = generator
        self.strength = float(strength)
        self._vector = np.asarray(vector, "float32")
        probe = np.zeros((1, SMALLEST_SIDE, SMALLEST_SIDE, 3), "float32")
        with collect_statistics() as statistics:
            generator(self._inputs(ops.convert_to_tensor(probe)))
        self._channels = [int(mean.shape[-1]) for mean, _ in statistics]
        total = sum(self._channels)
        style_dim = vector.shape[-1] if strength < 1 else 0
        widths = (total, total, style_dim)
        self._run_own = _compiled(generator, self._comics)
        self._run_shared = _compiled(generator, self._comics, widths)
        self._run_values = _compiled(generator, self._shades, widths)
        self._run_and_measure = _compiled(
            generator, self._measured_comics, widths
        )
        self._run_own_and_measure = _compiled(generator, self._measured_comics)
        self._measure = _compiled(generator, self._statistics)

    @property
    def compiles_each_size(self):
        """Whether a size that was not there before takes seconds."""
        return keras.backend.backend() == "jax"

    def run(self, frames, statistics=None):
        """Makes comics of frames.

        Args:
            frames: uint8 array `(batch, height, width, 3)`, RGB in
                `[0, 255]`, of any size.
            statistics: `NetworkStatistics` of one row, to normalise all frames
                with. Defaults to `None`, each frame's own.

        Returns:
            uint8 array of the shape of `frames`.
        """
        padded = self.pad(frames)
        if statistics is None:
            comics = self._run_own(padded)
        else:
            comics = self._run_shared(padded, *statistics)
        return _crop(ops.convert_to_numpy(comics), frames)

    def run_and_measure(self, frames, statistics=None):
        """Makes comics of frames, and measures them meanwhile.

        Args:
            frames: As in `run`.
            statistics: As in `run`, to normalise with. Defaults to `None`,
                each frame's own.

        Returns:
            uint8 array of the shape of `frames`; and the frames' own
            `NetworkStatistics`, pooled.
        """
        padded = self.pad(frames)
        if statistics is None:
            comics, *measured = self._run_own_and_measure(padded)
        else:
            comics, *measured = self._run_and_measure(padded, *statistics)
        measured = NetworkStatistics(*map(ops.convert_to_numpy, measured))
        return _crop(ops.convert_to_numpy(comics), frames), measured.pooled()

    def statistics_of(self, frames):
        """The statistics that frames have in common.

        Args:
            frames: uint8 array `(batch, height, width, 3)`, or an iterable of
                `(height, width, 3)`; one is in memory at a time.

        Returns:
            `NetworkStatistics` of one row.

        Raises:
            ValueError: If there is no frame.
        """
        found = []
        for frame in frames:
            measured = self._measure(self.pad(frame[None]))
            found.append([ops.convert_to_numpy(value) for value in measured])
        if not found:
            raise ValueError(
                "`frames` must hold at least one frame. Received: none"
            )
        rows = [np.concatenate(values) for values in zip(*found, strict=True)]
        return NetworkStatistics(*rows).pooled()

    def pad(self, frames):
        """Frames of sides that the network's strides divide.

        Args:
            frames: uint8 array `(batch, height, width, 3)`.

        Returns:
            uint8 array, the frames in its upper left corner, the rest
            reflected.
        """
        sides = [
            max(-(-side // self.alignment) * self.alignment, SMALLEST_SIDE)
            for side in frames.shape[1:3]
        ]
        rows, columns = (
            new - old for new, old in zip(sides, frames.shape[1:3], strict=True)
        )
        if not rows and not columns:
            return frames
        borders = ((0, 0), (0, rows), (0, columns), (0, 0))
        # A side of one pixel has nothing to reflect but itself.
        mode = "reflect" if min(frames.shape[1:3]) > 1 else "symmetric"
        return np.pad(frames, borders, mode=mode)

    @functools.cached_property
    def receptive_field(self):
        """How far a pixel reaches in the comic, under fixed statistics, pixels.

        Measured: half of a picture of noise is replaced, and the farthest
        change in the other half counts. It is the largest distance at every
        position within the strides.
        """
        side = PROBE_SIDE
        while True:
            random = np.random.default_rng(0)
            one, other = random.integers(0, 256, (2, side, side, 3), "uint8")
            profile = self._influence(one, other)
            reaches = np.flatnonzero(profile > SMALLEST_CHANGE)
            field = int(reaches[-1]) + 1 if len(reaches) else 0
            if field < len(profile) - NUM_CUTS or side >= LARGEST_PROBE:
                return field
            side *= 2

    def reach(self, frame, statistics, tolerance):
        """How far a change of a frame is seen in the comic.

        Less than `receptive_field`, since hardly anything comes from its rim:
        half of the frame is replaced by its mirror image, and the root mean
        square of the change of the other half is measured at each distance.

        Args:
            frame: uint8 array `(height, width, 3)`.
            statistics: `NetworkStatistics` of one row.
            tolerance: Float > 0. Changes up to it do not count, in units of
                1/255 of the range.

        Returns:
            Integer, pixels: the distance beyond which changes are within the
            tolerance, at most `receptive_field`.
        """
        field = self.receptive_field
        side = 2 * field + 8 * NUM_CUTS
        frame = self.pad(frame[None])[0]
        top, left = (max(0, n - side) // 2 // 8 * 8 for n in frame.shape[:2])
        part = frame[top : top + side, left : left + side]
        profile = self._influence(part, part[::-1, ::-1], statistics)
        reaches = np.flatnonzero(profile[:field] > tolerance)
        return int(reaches[-1]) + 1 if len(reaches) else 0

    def _influence(self, one, other, statistics=None):
        """How much changes at each distance from where pictures are joined."""
        exact = statistics is None
        if exact:
            statistics = self.statistics_of(one[None])
        profiles = []
        for axis in (0, 1):
            # A strip across is enough.
            strip = np.s_[:, :PROBE_WIDTH] if axis == 0 else np.s_[:PROBE_WIDTH]
            first, second = one[strip], other[strip]
            original = self._values(first, statistics)
            middle = first.shape[axis] // 2
            for cut in range(middle, middle + NUM_CUTS, 1 if exact else 3):
                mixed = _at_least(cut, first.shape, axis)
                joined = np.where(mixed, second, first)
                change = self._values(joined, statistics) - original
                lines = np.moveaxis(np.abs(change), axis, 0)[:cut][::-1]
                lines = lines.reshape(cut, -1)
                profile = lines.max(1) if exact else (lines**2).mean(1)
                profiles.append(profile[: middle - NUM_CUTS])
        if exact:
            return np.max(profiles, axis=0)
        longest = min(map(len, profiles))
        profiles = [profile[:longest] for profile in profiles]
        return np.sqrt(np.mean(profiles, axis=0))

    def _values(self, frame, statistics):
        """A comic before it is rounded, in [0, 255]."""
        comics = self._run_values(frame[None], *statistics)
        return ops.convert_to_numpy(comics)[0].astype("float64")

    # What is compiled: tensors to tensors.

    def _shades(self, frames, *statistics):
        photos = ops.cast(frames, "float32") / 127.5 - 1.0
        return (self._network(photos, statistics) + 1.0) * 127.5

    def _comics(self, frames, *statistics):
        comics = ops.clip(self._shades(frames, *statistics), 0.0, 255.0)
        if self.strength < BLEND_BELOW:
            share = self.strength / BLEND_BELOW
            comics = share * comics + (1.0 - share) * ops.cast(
                frames, "float32"
            )
        return ops.cast(ops.round(comics), "uint8")

    def _measured_comics(self, frames, *statistics):
        with collect_statistics() as found:
            comics = self._comics(frames, *statistics)
        photos = ops.cast(frames, "float32") / 127.5 - 1.0
        return comics, *_joined(found), self._own_style(photos)

    def _statistics(self, frames):
        photos = ops.cast(frames, "float32") / 127.5 - 1.0
        with collect_statistics() as found:
            self._network(photos, ())
        return *_joined(found), self._own_style(photos)

    def _network(self, photos, statistics):
        if not statistics:
            return self.generator(self._inputs(photos), training=False)
        mean, variance, style = (
            ops.convert_to_tensor(value, dtype="float32")
            for value in statistics
        )
        pairs, start = [], 0
        for channels in self._channels:
            end = start + channels
            pairs.append(
                [v[:, None, None, start:end] for v in (mean, variance)]
            )
            start = end
        with use_statistics(pairs):
            return self.generator(self._inputs(photos, style), training=False)

    def _inputs(self, photos, own_style=None):
        style = ops.convert_to_tensor(self._vector)
        if self.strength < 1.0:
            if own_style is None:
                own_style = self._own_style(photos)
            style = own_style + self.strength * (style - own_style)
        batch = ops.shape(photos)[0]
        style = ops.broadcast_to(style, (batch, self._vector.shape[-1]))
        return {"photos": photos, "style": style}

    def _own_style(self, photos):
        if self.strength < 1.0:
            return ops.cast(self.generator.encode_style(photos), "float32")
        return ops.zeros((ops.shape(photos)[0], 0), dtype="float32")


def _joined(statistics):
    """Means and variances of all normalisations, one after the other."""
    if not statistics:
        empty = ops.zeros((1, 0), dtype="float32")
        return empty, empty
    means, variances = (
        [value[:, 0, 0] for value in values]
        for values in zip(*statistics, strict=True)
    )
    return ops.concatenate(means, axis=-1), ops.concatenate(variances, axis=-1)


def _compiled(generator, function, widths=()):
    """A function of uint8 frames and float32 matrices, as a graph."""
    backend = keras.backend.backend()
    if backend == "tensorflow":
        import tensorflow as tf

        signature = [tf.TensorSpec((None, None, None, 3), tf.uint8)]
        signature += [tf.TensorSpec((None, width)) for width in widths]
        return tf.function(function, signature, autograph=False)
    if backend == "jax":
        import jax

        @jax.jit
        def run(values, *arguments):
            mapping = list(zip(generator.variables, values, strict=True))
            with keras.StatelessScope(state_mapping=mapping):
                return function(*arguments)

        return lambda *arguments: run(
            [variable.value for variable in generator.variables], *arguments
        )

    if backend == "torch":
        import torch

        function = torch.no_grad()(function)
    return lambda *arguments: function(*map(ops.convert_to_tensor, arguments))


def _crop(comics, frames):
    height, width = frames.shape[1:3]
    return comics[:, :height, :width]


def _at_least(cut, shape, axis):
    """Boolean array, true from a position on along an axis."""
    positions = np.arange(shape[axis]) >= cut
    return positions[:, None, None] if axis == 0 else positions[None, :, None]
