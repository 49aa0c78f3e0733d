"""Runs a generator on frames, with statistics that frames can share."""

import functools
import hashlib
import math

import keras
import numpy as np
from keras import ops

from keras_comic.layers import collect_statistics
from keras_comic.layers import to_float
from keras_comic.layers import use_statistics
from keras_comic.models import network_reach
from keras_comic.models.drawing import draw_comics
from keras_comic.models.network_statistics import NetworkStatistics
from keras_comic.models.network_statistics import from_rows
from keras_comic.models.network_statistics import to_rows
from keras_comic.models.pictures import SMALLEST_SIDE
from keras_comic.models.pictures import check_strength
from keras_comic.training.compiled import compiled


class NetworkRunner:
    """Turns frames into comics, with statistics of their own or shared ones.

    It is compiled once for any size (on JAX for each size that comes up). A
    part of a padded frame (see `pad`) that begins at a multiple of the stride
    is drawn under given statistics as in the whole frame, but for what comes
    from beyond its borders. Below a strength of 1 the frames' own conditions
    are part of their statistics.
    """

    def __init__(
        self,
        generator,
        style=None,
        strength=1.0,
        keep_color=False,
        conditions=None,
    ):
        kind = getattr(generator, "kind", None)
        if kind not in ("generator", "style_generator"):
            raise TypeError(
                "A video is drawn by a `keras_comic.models.Generator`, which "
                "turns photos into comics. Received: a "
                f"`{type(generator).__name__}`"
                + (f", a model of the kind {kind!r}" if kind else "")
            )
        check_strength(strength)
        if conditions is None:
            conditions = generator.conditions(style)
        self._conditions = {
            name: np.asarray(ops.convert_to_numpy(value), "float32")
            for name, value in conditions.items()
        }
        for value in self._conditions.values():
            if len(value) != 1:
                raise ValueError(
                    "`style` must be one style for all frames. "
                    f"Received: {len(value)} style images"
                )
        self.generator = generator
        self.strength = float(strength)
        self.keep_color = bool(keep_color)
        self.alignment = generator.stride
        self.compiles_each_size = keras.backend.backend() == "jax"
        self._functions = {}
        # Shapes of the statistics, from a run on a small picture.
        probe = np.zeros((1, self._least_side, self._least_side, 3), "uint8")
        self.draw(probe)
        with collect_statistics() as moments:
            self.draw(probe)
        own = self._own_conditions(ops.convert_to_tensor(probe))
        self._shapes = [tuple(mean.shape[1:]) for mean, _ in moments]
        self._own_shapes = {n: tuple(v.shape[1:]) for n, v in own.items()}
        size = sum(map(math.prod, self._shapes))
        own_size = sum(map(math.prod, self._own_shapes.values()))
        self._sizes = size, size, own_size
        self.has_statistics = any(self._sizes)

    @functools.cached_property
    def receptive_field(self):
        """How far a pixel reaches under given statistics, pixels."""
        return network_reach.receptive_field(self)

    def describe(self):
        """Returns all that the comics depend on, beside the frames."""
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

    def run(self, frames, statistics=None, rounded=True):
        """Draws uint8 frames, with one row of statistics or their own."""
        function = self._comics if rounded else self._shades
        return self._call(function, frames, statistics)

    def run_and_measure(self, frames, statistics=None):
        """Draws frames, and returns their own statistics, pooled, as well."""
        if not self.has_statistics:
            empty = NetworkStatistics(*np.zeros((3, 1, 0), "float32"))
            return self.run(frames), empty
        comics, *rows = self._call(self._measured_comics, frames, statistics)
        return comics, NetworkStatistics(*rows).pooled()

    def statistics_of(self, frames):
        """Measures what frames have in common; one is in memory at a time."""
        rows = [
            NetworkStatistics(*self._call(self._statistics, frame[None]))
            for frame in frames
        ]
        return NetworkStatistics.joined(rows).pooled()

    def pad(self, frames):
        """Extends frames by reflection to sides that the strides divide."""
        borders = self._borders(frames.shape)
        # A side of one pixel has nothing to reflect but itself.
        mode = "reflect" if min(frames.shape[1:3]) > 1 else "symmetric"
        return np.pad(frames, borders, mode) if np.any(borders) else frames

    def crop(self, comics, height, width):
        """Undoes `pad`."""
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

    def _call(self, function, frames, statistics=None):
        """Calls a compiled function of frames and statistics."""
        is_shared = statistics is not None and self.has_statistics
        key = function.__name__, is_shared
        if key not in self._functions:
            sizes = self._sizes if is_shared else ()
            self._functions[key] = compiled(self.generator, function, sizes)
        height, width = frames.shape[1:3]
        # The network itself pads larger ones.
        is_small = min(height, width) < self._least_side
        result = self._functions[key](
            self.pad(frames) if is_small else frames,
            *(statistics if is_shared else ()),
        )
        is_single = not isinstance(result, (tuple, list))
        values = [result] if is_single else result
        values = [ops.convert_to_numpy(value) for value in values]
        if is_small and values[0].ndim == 4:
            values[0] = self.crop(values[0], height, width)
        return values[0] if is_single else values

    # These are compiled: tensors to tensors.

    def _comics(self, frames, *statistics):
        return self.draw(frames, statistics)

    def _shades(self, frames, *statistics):
        return self.draw(frames, statistics, rounded=False)

    def _measured_comics(self, frames, *statistics):
        own = self._own_conditions(frames)
        with collect_statistics() as moments:
            comics = self.draw(frames, statistics, own)
        columns = [*zip(*moments, strict=True)] or [(), ()]
        batch = ops.shape(frames)[0]
        rows = (to_rows(values, batch) for values in (*columns, own.values()))
        return comics, *rows

    def _statistics(self, frames):
        _, *rows = self._measured_comics(frames)
        return tuple(rows)

    def _own_conditions(self, frames):
        if self.strength == 1.0:
            return {}
        own = self.generator.photo_conditions(to_float(frames))
        return {name: own[name] for name in sorted(own)}

    def draw(self, frames, statistics=(), own=None, rounded=True):
        """Draws tensors, with rows of statistics or the frames' own."""

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
        mean, variance, conditions = statistics
        means, variances = (
            from_rows(rows, self._shapes) for rows in (mean, variance)
        )
        shared = from_rows(conditions, self._own_shapes.values())
        with use_statistics(list(zip(means, variances, strict=True))):
            return draw(dict(zip(self._own_shapes, shared, strict=True)))
