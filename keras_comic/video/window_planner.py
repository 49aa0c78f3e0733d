"""Rectangles of a frame that cover what is to be computed at least cost."""

import numpy as np


class WindowPlanner:
    """Covers marked tiles of a frame with windows.

    A window costs its area, with a halo around it that is computed and thrown
    away, and a constant. Windows are split and merged greedily as long as
    that lowers the cost.

    Args:
        height: Integer > 0. Rows of the frame, pixels, divisible by
            `alignment`.
        width: Integer > 0. Columns of the frame, likewise.
        tile: Integer > 0, pixels, divisible by `alignment`.
        halo: Integer >= 0, pixels, divisible by `alignment`.
        overhead: Number >= 0. The cost of a window besides its area, pixels.
        sizes: Sequence of integers, increasing, divisible by `alignment`: the
            sides, pixels, that windows may have besides those of the frame.
            Defaults to `None`, all.
        alignment: Integer > 0, pixels: where windows may begin. Defaults to
            `8`.
    """

    def __init__(
        self, height, width, tile, halo, overhead, sizes=None, alignment=8
    ):
        self.height = height
        self.width = width
        self.tile = tile
        self.halo = halo
        self.overhead = overhead
        self.sizes = sizes
        self.alignment = alignment

    def plan(self, marked):
        """Windows for one frame.

        Args:
            marked: Boolean array `(rows, columns)` of tiles.

        Returns:
            List of `(inner, outer)`, two boxes `(top, left, bottom, right)`,
            pixels: what a window is to give, and what it has to see for that;
            one window, the frame, if others together cost as much.
        """
        boxes = self._split(marked, _bounds(marked, (0, 0)))
        boxes = self._merge(boxes)
        windows = [(self._pixels(box), self._outer(box)) for box in boxes]
        whole = (0, 0, self.height, self.width)
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
        start = max(0, start - self.halo)
        end = min(length, end + self.halo)
        side = end - start
        if self.sizes is not None:
            side = next((s for s in self.sizes if s >= side), length)
            side = min(side, length)
        start = min(start, length - side)
        return start, start + side

    def _cost(self, box):
        top, left, bottom, right = self._outer(box)
        return (bottom - top) * (right - left) + self.overhead

    def _split(self, marked, box):
        """Boxes of tiles that cost less than one around all of them."""
        if box is None:
            return []
        top, left, bottom, right = box
        best, parts = self._cost(box), None
        for axis, start, end in ((0, top, bottom), (1, left, right)):
            for cut in range(start + 1, end):
                if axis == 0:
                    halves = (
                        (top, left, cut, right),
                        (cut, left, bottom, right),
                    )
                else:
                    halves = (
                        (top, left, bottom, cut),
                        (top, cut, bottom, right),
                    )
                tight = [
                    _bounds(marked[h[0] : h[2], h[1] : h[3]], h) for h in halves
                ]
                cost = sum(self._cost(b) for b in tight if b is not None)
                if cost < best:
                    best, parts = cost, tight
        if parts is None:
            return [box]
        return [b for part in parts for b in self._split(marked, part)]

    def _merge(self, boxes):
        """Two by two, the pair first that saves most."""
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


def _bounds(marked, corner):
    """The box around what is marked, or `None`."""
    rows = np.flatnonzero(marked.any(axis=1))
    if not len(rows):
        return None
    columns = np.flatnonzero(marked.any(axis=0))
    return (
        corner[0] + int(rows[0]),
        corner[1] + int(columns[0]),
        corner[0] + int(rows[-1]) + 1,
        corner[1] + int(columns[-1]) + 1,
    )


def _joined(one, other):
    return (
        min(one[0], other[0]),
        min(one[1], other[1]),
        max(one[2], other[2]),
        max(one[3], other[3]),
    )
