"""Draws a large picture in tiles that share the statistics of the whole."""

import itertools
from typing import NamedTuple

import numpy as np
from keras import ops

from keras_comic.layers import next_moments
from keras_comic.layers import to_float
from keras_comic.models.drawing import draw_comics
from keras_comic.models.network_reach import far_pixels_matter
from keras_comic.models.network_runner import NetworkRunner
from keras_comic.models.network_statistics import NetworkStatistics
from keras_comic.models.network_statistics import from_rows
from keras_comic.models.network_statistics import to_rows
from keras_comic.models.pictures import SMALLEST_SIDE
from keras_comic.training.compiled import compiled

# Sides of what a tile adds to the comic, pixels.
CORE_SIDE = 640
# A network that looks farther, pixels, draws a picture as a whole.
LARGEST_HALO = 192


def draw_photos(generator, photos, conditions, strength, mask, keep_color):
    """Draws photos as `draw_comics` does, large ones in tiles; NumPy arrays."""
    if photos.shape[1] * photos.shape[2] > generator.largest_whole:
        comics = []
        for i, photo in enumerate(photos):
            own = {n: v[i % len(v)][None] for n, v in conditions.items()}
            runner = tiled_runner(generator, own, strength, keep_color)
            if runner is None:
                break
            share = None if mask is None else mask[i % len(mask)]
            comics.append(draw_in_tiles(runner, photo, share))
        else:
            return np.stack(comics)
    comics = draw_comics(
        generator,
        ops.convert_to_tensor(photos),
        conditions,
        strength,
        None if mask is None else ops.convert_to_tensor(mask),
        keep_color,
    )
    return np.asarray(ops.convert_to_numpy(comics))


def tiled_runner(generator, conditions, strength, keep_color):
    """Makes what draws tiles, or returns `None` if far pixels matter."""
    runner = NetworkRunner(
        generator, None, strength, keep_color, conditions=conditions
    )
    if far_pixels_matter(runner) or runner.receptive_field > LARGEST_HALO:
        return None
    return runner


def draw_in_tiles(runner, photo, mask=None, core_side=CORE_SIDE):
    """Draws a photo as the network draws the whole of it.

    Memory does not grow with the photo, but by its own pixels; a network with
    normalisations over the positions goes over the photo once for each of
    them, up to it, since each needs the ones before it.
    """
    tiles = list(_tiles(runner, photo.shape, core_side))
    statistics = _statistics_of(runner, photo, tiles)
    comic = np.empty_like(photo)
    for tile in tiles:
        part = runner.run(tile.window(photo), statistics, rounded=False)[0]
        place, part = tile.in_photo(part)
        if mask is not None:
            share = mask[place]
            part = share * part + (1.0 - share) * photo[place]
        comic[place] = np.rint(part)
    return comic


class _Span(NamedTuple):
    """One axis of a tile, in pixels of the padded picture."""

    start: int
    end: int
    core_start: int
    core_end: int
    before: int
    length: int

    def places(self):
        """Returns the photo's rows or columns; padding is a reflection."""
        places = np.abs(np.arange(self.start, self.end) - self.before)
        last = self.length - 1
        return np.where(places > last, 2 * last - places, places)

    def share(self, place):
        return (place - self.start) / (self.end - self.start)


class _Tile(NamedTuple):
    rows: _Span
    columns: _Span

    @property
    def area(self):
        """Pixels of the core."""
        rows, columns = self
        height = rows.core_end - rows.core_start
        return height * (columns.core_end - columns.core_start)

    def core(self):
        """Returns top, left, bottom and right of the core, as shares."""
        starts = [span.share(span.core_start) for span in self]
        ends = [span.share(span.core_end) for span in self]
        return np.float32([starts + ends])

    def window(self, photo):
        """Returns the photo around the core, uint8 `(1, ...)`."""
        places = np.ix_(self.rows.places(), self.columns.places())
        return photo[places][None]

    def in_photo(self, comic):
        """Returns where the core lies in the photo, and the core itself."""
        place, part = [], []
        for span in self:
            start = max(span.core_start - span.before, 0)
            end = min(span.core_end - span.before, span.length)
            place.append(slice(start, end))
            shift = span.before - span.start
            part.append(slice(start + shift, end + shift))
        return tuple(place), comic[tuple(part)]


def _tiles(runner, shape, core_side):
    """Yields tiles whose cores cover a padded picture; all are of one size."""
    step = runner.alignment
    halo = -(-runner.receptive_field // step) * step
    side = -(-core_side // step) * step
    axes = []
    for length in shape[:2]:
        more = -length % step
        padded = length + more
        size = min(padded, side + 2 * halo)
        spans = []
        for core_start in range(0, padded, side):
            start = min(max(core_start - halo, 0), padded - size)
            core_end = min(core_start + side, padded)
            ends = start + size, core_start, core_end
            spans.append(_Span(start, *ends, more // 2, length))
        axes.append(spans)
    return itertools.starmap(_Tile, itertools.product(*axes))


def _statistics_of(runner, photo, tiles):
    """Measures what the whole photo would be normalised with."""
    own = {}

    def encode(frames):
        own.update(runner.generator.photo_conditions(to_float(frames)))

    if runner.strength < 1.0:
        pairs = _pairs(*_moments_of(runner, encode, photo, tiles))
        # What was not measured in tiles needs the whole photo.
        frames = tiles[0].window(photo) if pairs else photo[None]
        next_moments(lambda: encode(ops.convert_to_tensor(frames)), pairs)
    conditions = {name: own[name] for name in sorted(own)}
    means, variances, _ = _moments_of(
        runner, lambda frames: runner.draw(frames, own=conditions), photo, tiles
    )
    rows = ops.convert_to_numpy(to_rows(conditions.values(), 1))
    return NetworkStatistics(means, variances, rows)


def _moments_of(runner, run, photo, tiles):
    """Measures all moments of a network over the cores of the tiles."""
    means = variances = np.zeros((1, 0), "float32")
    shapes = _shapes_of(run, photo[: SMALLEST_SIDE * 2, : SMALLEST_SIDE * 2])
    for count in range(len(shapes)):
        size = means.shape[1]
        function = compiled(
            runner.generator, _next_of(run, shapes[:count]), (4, size, size)
        )
        total, sums = 0, [0.0, 0.0]
        for tile in tiles:
            mean, variance = (
                ops.convert_to_numpy(moment).astype("float64")
                for moment in function(
                    tile.window(photo), tile.core(), means, variances
                )
            )
            total += tile.area
            sums[0] += tile.area * mean
            sums[1] += tile.area * (variance + mean**2)
        mean, square = (value / total for value in sums)
        variance = np.maximum(square - mean**2, 0.0)
        means = np.concatenate([means, np.float32(mean)], axis=1)
        variances = np.concatenate([variances, np.float32(variance)], axis=1)
    return means, variances, shapes


def _next_of(run, known):
    """Makes a function of the first moments to those that come next."""

    def measure(frames, core, means, variances):
        pairs = _pairs(means, variances, known)
        moments = next_moments(lambda: run(frames), pairs, core[0])
        return tuple(to_rows([moment], 1) for moment in moments)

    return measure


def _shapes_of(run, photo):
    """Returns the shapes of the moments of a network, without the batch."""
    frames, pairs = ops.convert_to_tensor(photo[None]), []
    while moments := next_moments(lambda: run(frames), pairs):
        pairs.append(moments)
    return [tuple(mean.shape[1:]) for mean, _ in pairs]


def _pairs(means, variances, shapes):
    rows = (from_rows(values, shapes) for values in (means, variances))
    return list(zip(*rows, strict=True))
