"""Runs a generator on frames, with statistics that frames can share."""

import functools
import hashlib
import math
from typing import NamedTuple

import keras
import numpy as np
from keras import ops

from keras_comic.layers import collect_statistics
from keras_comic.layers import pool_statistics
from keras_comic.layers import to_float
from keras_comic.layers import use_statistics
from keras_comic.models.drawing import draw_comics
from keras_comic.models.generator import Generator
from keras_comic.models.pictures import SMALLEST_SIDE
from keras_comic.models.pictures import check_strength
from keras_comic.video.position_layers import check_positions

# The receptive field is measured on pictures of this side at first; it is
# doubled as long as the field is larger.
PROBE_SIDE = 128
PROBE_WIDTH = 64
LARGEST_PROBE = 1024
# A probe is cut at so many neighbouring positions, and at least at every one
# within a stride.
NUM_CUTS = 8
# Smaller changes of an output in [0, 255] are the noise of the arithmetic.
SMALLEST_CHANGE = 1e-3


class NetworkStatistics(NamedTuple):
    """Everything that a network takes from a whole picture.

    `mean` and `variance` are those of all normalisations, one after the
    other, float32 `(frames, size)`; `conditions` the photos' own conditions,
    likewise, `(frames, 0)` where the network does not need them.
    """

    mean: np.ndarray
    variance: np.ndarray
    conditions: np.ndarray

    def pooled(self):
        """Pools the frames.

        Returns:
            `NetworkStatistics` of one row.
        """
        [moments] = pool_statistics([(self.mean, self.variance)])
        mean, variance = map(ops.convert_to_numpy, moments)
        conditions = self.conditions.mean(axis=0, keepdims=True)
        return NetworkStatistics(mean, variance, conditions)

    def mixed(self, other, share):
        """Mixes the means and the mean squares with those of others.

        Args:
            other: `NetworkStatistics` of one row.
            share: Float in `[0, 1]`, the weight of the others.

        Returns:
            `NetworkStatistics` of one row.
        """
        mean = self.mean + share * (other.mean - self.mean)
        squares = [s.variance + s.mean**2 for s in (self, other)]
        variance = squares[0] + share * (squares[1] - squares[0]) - mean**2
        parts = self.conditions, other.conditions
        conditions = parts[0] + share * (parts[1] - parts[0])
        return NetworkStatistics(
            np.asarray(mean, "float32"),
            np.asarray(np.maximum(variance, 0.0), "float32"),
            np.asarray(conditions, "float32"),
        )

    @classmethod
    def joined(cls, rows):
        """Puts the rows of several statistics below each other.

        Args:
            rows: Iterable of `NetworkStatistics`.

        Returns:
            `NetworkStatistics`.
        """
        return cls(*map(np.concatenate, zip(*rows, strict=True)))


class NetworkRunner:
    """Turns frames into comics, with statistics of their own or shared ones.

    It is compiled once for any size (on JAX for each size that comes up).
    Every part of a padded frame (see `pad`) that begins at a multiple of the
    generator's `stride` is drawn under given statistics as in the whole frame,
    but for what comes from beyond the part's borders.

    Args:
        generator: `keras_comic.models.Generator`, built.
        style: As in `Generator.stylize`, but one for all frames. Defaults to
            `None`.
        strength: Float in `[0, 1]`, as in `Generator.stylize`. Below 1 the
            frames' own conditions are part of their statistics. Defaults to
            `1.0`.
        keep_color: Boolean, as in `Generator.stylize`. Defaults to `False`.

    Raises:
        TypeError: If `generator` is a model of another kind.
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

    def __init__(self, generator, style=None, strength=1.0, keep_color=False):
        if not isinstance(generator, Generator):
            kind = getattr(generator, "kind", None)
            raise TypeError(
                "A video is drawn by a `keras_comic.models.Generator`, which "
                "turns photos into comics. Received: a "
                f"`{type(generator).__name__}`"
                + (f", a model of the kind {kind!r}" if kind else "")
            )
        check_strength(strength)
        conditions = {
            name: np.asarray(ops.convert_to_numpy(value), "float32")
            for name, value in generator.conditions(style).items()
        }
        for value in conditions.values():
            if len(value) != 1:
                raise ValueError(
                    "`style` must be one style for all frames. "
                    f"Received: {len(value)} style images"
                )
        self.generator = generator
        self.strength = float(strength)
        self.keep_color = bool(keep_color)
        self._conditions = conditions
        # Sides that are divisible by it meet the network's strides alike.
        self.alignment = generator.stride
        self._measure_shapes()
        self._functions = {}

    @property
    def has_statistics(self):
        """Boolean, `True` if frames have statistics that they can share."""
        return any(self._sizes)

    @property
    def compiles_each_size(self):
        """Boolean, `True` if a size that is new takes seconds."""
        return keras.backend.backend() == "jax"

    def describe(self):
        """Returns all that the comics depend on, beside the frames.

        Returns:
            Dict for JSON.
        """
        conditions = {
            name: hashlib.sha256(value.tobytes()).hexdigest()
            for name, value in self._conditions.items()
        }
        return {
            "preset": self.generator.preset_name or self.generator.name,
            "version": self.generator.preset_version,
            "conditions": conditions,
            "strength": self.strength,
            "keep_color": self.keep_color,
        }

    def check_positions(self):
        """Checks that given statistics are all that frames need to share.

        Raises:
            ValueError: If a far pixel matters under given statistics; the
                layers that are to blame are named.
        """
        check_positions(self.generator, self._conditions)

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
        return self._call(self._comics, frames, statistics)

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
        if not self.has_statistics:
            empty = NetworkStatistics(*np.zeros((3, 1, 0), "float32"))
            return self.run(frames), empty
        comics, *measured = self._call(
            self._measured_comics, frames, statistics
        )
        return comics, NetworkStatistics(*measured).pooled()

    def statistics_of(self, frames):
        """Measures the statistics that frames have in common.

        Args:
            frames: uint8 array `(batch, height, width, 3)`, or an iterable of
                `(height, width, 3)`; one is in memory at a time.

        Returns:
            `NetworkStatistics` of one row.

        Raises:
            ValueError: If there is no frame.
        """
        rows = [
            NetworkStatistics(*self._call(self._statistics, frame[None]))
            for frame in frames
        ]
        if not rows:
            raise ValueError(
                "`frames` must hold at least one frame. Received: none"
            )
        return NetworkStatistics.joined(rows).pooled()

    def pad(self, frames):
        """Extends frames to sides that the network's strides divide.

        It is the same padding as the network's own, so that comics of frames
        and of padded frames agree.

        Args:
            frames: uint8 array `(batch, height, width, 3)`.

        Returns:
            uint8 array, the frames in its middle, their reflection around.
        """
        borders = self._borders(frames.shape)
        # A side of one pixel has nothing to reflect but itself.
        mode = "reflect" if min(frames.shape[1:3]) > 1 else "symmetric"
        return np.pad(frames, borders, mode) if np.any(borders) else frames

    def crop(self, comics, height, width):
        """Undoes `pad`.

        Args:
            comics: Array `(batch, padded_height, padded_width, ...)`.
            height: Integer, pixels.
            width: Integer, pixels.

        Returns:
            Array `(batch, height, width, ...)`.
        """
        _, (top, _), (left, _), _ = self._borders((1, height, width, 3))
        return comics[:, top : top + height, left : left + width]

    def _borders(self, shape):
        borders = []
        for side in shape[1:3]:
            more = -side % self.alignment
            before = more // 2
            if side < self._least_side:
                # Parts of a frame keep their place within the strides.
                before, more = 0, self._least_side - side
            borders.append((before, more - before))
        return [(0, 0), *borders, (0, 0)]

    @property
    def _least_side(self):
        step = self.alignment
        return max(-(-SMALLEST_SIDE // step), 2) * step

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
            places = np.flatnonzero(profile > SMALLEST_CHANGE)
            field = int(places[-1]) + 1 if len(places) else 0
            if field < len(profile) - self._num_cuts or side >= LARGEST_PROBE:
                return field
            side *= 2

    def reach(self, frame, statistics, tolerance):
        """Measures how far a change of a frame is seen in the comic.

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
        side = 2 * field + 8 * self._num_cuts
        step = self.alignment
        side = -(-side // step) * step
        frame = self.pad(frame[None])[0]
        top, left = (
            max(0, n - side) // 2 // step * step for n in frame.shape[:2]
        )
        part = frame[top : top + side, left : left + side]
        profile = self._influence(part, part[::-1, ::-1], statistics)
        if len(profile) < field and profile[-1] > tolerance:
            # The frame is too small to see the end of it.
            return field
        places = np.flatnonzero(profile[:field] > tolerance)
        return int(places[-1]) + 1 if len(places) else 0

    @property
    def _num_cuts(self):
        return max(NUM_CUTS, self.alignment)

    def _influence(self, one, other, statistics=None):
        """Measures the change at each distance from where pictures join."""
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
            step = 1 if exact else 3
            for cut in range(middle, middle + self._num_cuts, step):
                is_behind = np.arange(first.shape[axis]) >= cut
                is_behind = np.expand_dims(is_behind, (1 - axis, 2))
                joined = np.where(is_behind, second, first)
                change = self._values(joined, statistics) - original
                lines = np.moveaxis(np.abs(change), axis, 0)[:cut][::-1]
                lines = lines.reshape(cut, -1)
                profile = lines.max(1) if exact else (lines**2).mean(1)
                profiles.append(profile[: max(1, middle - self._num_cuts)])
        longest = min(map(len, profiles))
        profiles = [profile[:longest] for profile in profiles]
        if exact:
            return np.max(profiles, axis=0)
        return np.sqrt(np.mean(profiles, axis=0))

    def _values(self, frame, statistics):
        """Draws a comic that is not rounded, in [0, 255]."""
        comics = self._call(self._shades, frame[None], statistics)
        return comics[0].astype("float64")

    # How many numbers mean, variance and conditions are, and of which shapes.

    def _measure_shapes(self):
        probe = np.zeros((1, self._least_side, self._least_side, 3), "uint8")
        self._shapes, self._own_shapes = (), {}
        self._draw(probe)
        with collect_statistics() as moments:
            self._draw(probe)
        self._shapes = [tuple(mean.shape[1:]) for mean, _ in moments]
        own = self._own_conditions(ops.convert_to_tensor(probe))
        self._own_shapes = {
            name: tuple(value.shape[1:]) for name, value in own.items()
        }
        total = sum(map(math.prod, self._shapes))
        total_own = sum(map(math.prod, self._own_shapes.values()))
        self._sizes = total, total, total_own

    def _call(self, function, frames, statistics=None):
        """Calls a compiled function of frames and statistics."""
        is_shared = statistics is not None and self.has_statistics
        key = function.__name__, is_shared
        if key not in self._functions:
            sizes = self._sizes if is_shared else ()
            self._functions[key] = _compiled(self.generator, function, sizes)
        height, width = frames.shape[1:3]
        is_small = min(height, width) < self._least_side
        if is_small:
            # The network pads others itself.
            frames = self.pad(frames)
        result = self._functions[key](
            frames, *(statistics if is_shared else ())
        )
        is_single = not isinstance(result, (tuple, list))
        values = [
            ops.convert_to_numpy(value)
            for value in ([result] if is_single else result)
        ]
        if is_small and values[0].ndim == 4:
            values[0] = self.crop(values[0], height, width)
        return values[0] if is_single else values

    # These are compiled: tensors to tensors.

    def _comics(self, frames, *statistics):
        return self._draw(frames, statistics)

    def _shades(self, frames, *statistics):
        return self._draw(frames, statistics, rounded=False)

    def _measured_comics(self, frames, *statistics):
        own = self._own_conditions(frames)
        with collect_statistics() as moments:
            comics = self._draw(frames, statistics, own)
        return comics, *_flat(frames, moments, own)

    def _statistics(self, frames):
        own = self._own_conditions(frames)
        with collect_statistics() as moments:
            self._draw(frames, (), own)
        return _flat(frames, moments, own)

    def _own_conditions(self, frames):
        if self.strength == 1.0:
            return {}
        own = self.generator.photo_conditions(to_float(frames))
        return {name: ops.cast(own[name], "float32") for name in sorted(own)}

    def _draw(self, frames, statistics=(), own=None, rounded=True):
        def draw(own):
            return draw_comics(
                self.generator,
                ops.convert_to_tensor(frames),
                self._conditions,
                self.strength,
                keep_color=self.keep_color,
                photo_conditions=own or None,
                rounded=rounded,
            )

        if not statistics:
            return draw(own)
        mean, variance, conditions = (
            ops.convert_to_tensor(value, dtype="float32")
            for value in statistics
        )
        pairs = zip(
            _split(mean, self._shapes),
            _split(variance, self._shapes),
            strict=True,
        )
        shared = _split(conditions, self._own_shapes.values())
        with use_statistics(list(pairs)):
            return draw(dict(zip(self._own_shapes, shared, strict=True)))


def _flat(frames, moments, own):
    """Joins means, variances and conditions, each `(batch, size)`."""
    columns = [*zip(*moments, strict=True)] or [(), ()]
    rows = ops.shape(frames)[0]
    return tuple(
        ops.concatenate(
            [
                ops.zeros((rows, 0), dtype="float32"),
                *(
                    ops.reshape(ops.cast(value, "float32"), (rows, -1))
                    for value in values
                ),
            ],
            axis=-1,
        )
        for values in (*columns, own.values())
    )


def _split(rows, shapes):
    """Undoes `_flat`."""
    parts, start = [], 0
    for shape in shapes:
        end = start + math.prod(shape)
        parts.append(ops.reshape(rows[:, start:end], (-1, *shape)))
        start = end
    return parts


def _compiled(generator, function, sizes=()):
    """Compiles a function of uint8 frames and float32 matrices."""
    backend = keras.backend.backend()
    if backend == "tensorflow":
        import tensorflow as tf

        signature = [tf.TensorSpec((None, None, None, 3), tf.uint8)]
        signature += [tf.TensorSpec((None, size)) for size in sizes]
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
