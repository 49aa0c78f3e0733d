"""Covers the changed parts of a frame with rectangles, at least cost."""

import functools

import numpy as np

# With a larger share of marked tiles, no windows are looked for.
LARGEST_SHARE = 0.8
# A window costs as much as so many pixels, besides its own.
WINDOW_OVERHEAD = 64 * 64
# Sides of windows are multiples of it (and of the alignment), so that windows
# of equal sizes can be run together; or they are among these, where each size
# is compiled.
SIZE_STEP = 8
COMPILED_SIZES = (96, 128, 160, 208, 256, 320, 416, 512, 640, 832, 1024, 1280)


@functools.lru_cache(maxsize=8)
def make_planner(shape, tile, margin, alignment, compiles_each_size=False):
    """Makes a planner whose windows have at least a margin around them."""
    halo = -(-margin // alignment) * alignment
    step = int(np.lcm(SIZE_STEP, alignment))
    sizes = range(step, max(shape) + step, step)
    if compiles_each_size:
        sizes = [side for side in COMPILED_SIZES if side % alignment == 0]
    return WindowPlanner(shape, tile, halo, WINDOW_OVERHEAD, tuple(sizes))


class WindowPlanner:
    """Covers marked tiles of a frame with windows.

    A window is an inner box of tiles and an outer box with a halo, both
    `(top, left, bottom, right)` in pixels.
    """

    def __init__(self, shape, tile, halo, overhead, sizes):
        self.height, self.width = shape
        self.tile = tile
        self.halo = halo
        self.overhead = overhead
        self.sizes = sizes

    def plan(self, marked):
        """Returns windows for one frame."""
        whole = (0, 0, self.height, self.width)
        if marked.mean() > LARGEST_SHARE:
            return [(whole, whole)]
        bounds = _bounds(marked, (0, 0, *marked.shape))
        if bounds is None:
            return []
        boxes = self._merge(self._split(marked, bounds))
        windows = [(self._pixels(box), self._outer(box)) for box in boxes]
        cost = sum(map(self._cost, boxes))
        if cost >= self.height * self.width + self.overhead:
            return [(whole, whole)]
        return windows

    def _pixels(self, box):
        top, left, bottom, right = (self.tile * side for side in box)
        return top, left, min(bottom, self.height), min(right, self.width)

    def _outer(self, box):
        top, left, bottom, right = self._pixels(box)
        rows = self._stretch(top, bottom, self.height)
        columns = self._stretch(left, right, self.width)
        return rows[0], columns[0], rows[1], columns[1]

    def _stretch(self, start, end, length):
        side = self._side(start, end, length)
        start = min(max(0, start - self.halo), length - side)
        return start, start + side

    def _side(self, start, end, length):
        side = min(length, end + self.halo) - max(0, start - self.halo)
        side = next((s for s in self.sizes if s >= side), length)
        return min(side, length)

    def _cost(self, box):
        top, left, bottom, right = self._pixels(box)
        height = self._side(top, bottom, self.height)
        width = self._side(left, right, self.width)
        return height * width + self.overhead

    def _split(self, marked, box):
        """Splits a box at one place after the other, while that saves most."""
        best, halves = self._cost(box), None
        for axis in (0, 1):
            for cut in range(box[axis] + 1, box[axis + 2]):
                parts = [list(box), list(box)]
                parts[0][axis + 2] = parts[1][axis] = cut
                parts = [_bounds(marked, part) for part in parts]
                cost = sum(self._cost(part) for part in parts)
                if cost < best:
                    best, halves = cost, parts
        if halves is None:
            return [box]
        return [b for half in halves for b in self._split(marked, half)]

    def _merge(self, boxes):
        """Joins boxes two by two, the pair first that saves most."""
        boxes = list(boxes)
        costs = [self._cost(box) for box in boxes]
        while len(boxes) > 1:
            best, pair = 0, None
            for i in range(len(boxes)):
                for j in range(i):
                    joined = _joined(boxes[i], boxes[j])
                    saved = costs[i] + costs[j] - self._cost(joined)
                    if saved > best:
                        best, pair = saved, (i, j, joined)
            if pair is None:
                break
            i, j, joined = pair
            for index in (i, j):
                del boxes[index], costs[index]
            boxes.append(joined)
            costs.append(self._cost(joined))
        return boxes


def _bounds(marked, box):
    """Returns the box around the marked tiles of a box, or `None`."""
    top, left, bottom, right = box
    part = marked[top:bottom, left:right]
    rows = part.any(axis=1).nonzero()[0]
    if not len(rows):
        return None
    columns = part.any(axis=0).nonzero()[0]
    return (
        top + int(rows[0]),
        left + int(columns[0]),
        top + int(rows[-1]) + 1,
        left + int(columns[-1]) + 1,
    )


def _joined(one, other):
    return (
        min(one[0], other[0]),
        min(one[1], other[1]),
        max(one[2], other[2]),
        max(one[3], other[3]),
    )
