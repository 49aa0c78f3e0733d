"""Bars and paper margins around a picture, to be trimmed."""

import collections

import numpy as np

# Pixels so many levels apart, in [0, 255], have one colour: JPEG noise stays
# below the first, strong grain of paper below the second.
TOLERANCES = (16, 26)
# How far the ringing of a JPEG's edge reaches, pixels.
JPEG_BLOCK = 8
# The part of a row that may differ in colour and still count as uniform.
SPECKS = 0.006
# The part of a row that must jump in colour at the end of a bar, where the
# opposite side has such a bar, and where it has none.
EDGE_OF_TWO = 0.5
EDGE_OF_ONE = 0.85
# A bar without an opposite one is at most this part of the side.
DEPTH_OF_ONE = 0.125
# Pixels over which a bar's edge may be smeared.
EDGE_WIDTH = 3
# Thinner bars are left alone, pixels.
MIN_DEPTH = 2
# Bars leave at least this part of each side (an upright video in a wide
# frame fills 0.32 of it), and margins this.
MIN_BAR_FRACTION = 0.25
MIN_MARGIN_FRACTION = 0.5
# Paper is at least so light, and at most so much redder than blue, levels.
PAPER_LEVEL = 195
PAPER_TINT = 75
# A page has margins on so many of its four sides.
NUM_MARGINS = 3
# The colour of a deep bar, and of paper, varies by so many levels along the
# side, from one of its parts to the next, measured on so many rows.
MAX_DRIFT = 7
DRIFT_PARTS = 8
DRIFT_ROWS = 16
# Bars within bars: so many times.
ROUNDS = 3


def trim_box(image):
    """Finds what is left of a picture without bars and page margins.

    *Bars* of any one colour end in a hard straight edge. One bar alone must
    be thin and its edge nearly perfect, since a flat sky above a level
    horizon looks like it; two opposite ones of one colour may be wide. *Page
    margins* are white or yellowish paper on at least three sides; what they
    surround needs no edge, but a half of each side is left around it.
    Everything else stays.
    """
    check_image(image)
    full = np.array([0, 0, *image.shape[:2]])
    box = full.copy()
    margins = True
    for _ in range(ROUNDS):
        top, left, height, width = box
        found, paper = _trim_once(
            image[top : top + height, left : left + width], margins
        )
        if found is None:
            break
        found[:2] += box[:2]
        least = MIN_MARGIN_FRACTION if paper else MIN_BAR_FRACTION
        box = _leave(found, box, full[2:], least)
        # Paper within paper would be a part of the drawing.
        margins = margins and not paper
    if not box[2:].all():
        box = full
    return tuple(int(number) for number in box)


def check_image(image):
    """Raises an error if an image is no uint8 RGB array."""
    shape = getattr(image, "shape", None)
    dtype = getattr(image, "dtype", None)
    if dtype != "uint8" or len(shape) != 3 or shape[2] != 3 or 0 in shape:
        raise ValueError(
            "`image` must be uint8 of shape (height, width, 3), with sides of "
            f"at least 1 pixel. Received: image.dtype={dtype}, "
            f"image.shape={shape}"
        )


def _leave(found, box, full, fraction):
    """Grows what was found inside a box to a part of the full sides."""
    result = found.copy()
    for axis in (0, 1):
        start, length = found[axis], found[axis + 2]
        least = min(int(np.ceil(fraction * full[axis])), box[axis + 2])
        if length < least:
            start = start - (least - length) // 2
            low, high = box[axis], box[axis] + box[axis + 2] - least
            result[axis], result[axis + 2] = np.clip(start, low, high), least
    return result


def _trim_once(image, margins):
    """Returns the box without the outermost bars, or else margins."""
    # Rows counted from each side: top, bottom, left, right.
    sides = [_measure_side(view) for view in _views(image)]
    depths = [0, 0, 0, 0]
    paper = False
    for first in (0, 2):
        pair = sides[first : first + 2]
        for place, depth in enumerate(_bar_depths(*pair), start=first):
            depths[place] = depth
    if not any(depths) and margins:
        depths = _margin_depths(sides)
        paper = any(depths)
    if not any(depths):
        return None, False
    top, bottom, left, right = depths
    height, width = image.shape[:2]
    box = [
        top,
        left,
        max(height - top - bottom, 0),
        max(width - left - right, 0),
    ]
    return np.array(box), paper


def _views(image):
    """Returns the image seen from its four sides."""
    turned = image.swapaxes(0, 1)
    return image, image[::-1], turned, turned[::-1]


# The bar or margin at one side, in rows counted from there.
_Side = collections.namedtuple(
    "_Side", "depth length color tolerance edge end drift"
)


def _measure_side(view):
    outermost = _pairs(view[:MIN_DEPTH])
    color = np.median(outermost[0], axis=0).astype("int16")
    # Three times what nine of ten keep is five standard deviations of noise.
    spread = np.percentile(np.abs(outermost - color), 90)
    tolerance = int(np.clip(3 * spread, *TOLERANCES))
    depth = _depth(view, color, tolerance, SPECKS)
    edge, end, drift = 0.0, depth, 0.0
    if MIN_DEPTH <= depth < len(view):
        edge, end = _find_edge(view, color, depth)
        drift = _drift(view, depth)
    return _Side(depth, len(view), color, tolerance, edge, end, drift)


def _find_edge(view, color, depth):
    """Returns the strongest step near a depth, and where it ends."""
    lag = min(EDGE_WIDTH, depth)
    start = depth - lag
    rows = _pairs(view[start : depth + JPEG_BLOCK + EDGE_WIDTH])
    # From row to row, not from the bar: a gradient is no edge.
    steps = _are_apart(rows[lag:], rows[: len(rows) - lag], TOLERANCES[0])
    steps = steps[: JPEG_BLOCK + 1]
    edge = float(steps.max())
    step = _first(steps >= 0.75 * edge)
    near = np.abs(rows[step : step + lag + EDGE_WIDTH] - color).max(axis=-1)
    levels = np.median(near, axis=1)
    # Where the edge is smeared, rows that are half a bar belong to it.
    return edge, start + step + _first(levels >= 0.6 * levels.max())


def _drift(view, depth):
    """Returns the levels by which the colour varies along a bar."""
    rows = view[: depth : max(depth // DRIFT_ROWS, 1)]
    parts = np.array_split(rows, min(DRIFT_PARTS, view.shape[1]), axis=1)
    medians = [np.median(part, axis=(0, 1)) for part in parts]
    return float(np.ptp(medians, axis=0).max())


def _depth(view, color, tolerance, allowed):
    """Counts the rows before the first with another colour."""
    start, size = 0, MIN_DEPTH
    while start < len(view):
        rows = _pairs(view[start : start + size])
        other = _first(_are_apart(rows, color, tolerance) > allowed)
        start += other
        if other < len(rows):
            break
        # Most pictures have no bar: few rows at first, then more.
        size *= 2
    return start


def _are_apart(rows, color, tolerance):
    """Returns the part of each row's pixels of another colour."""
    return (np.abs(rows - color).max(axis=-1) > tolerance).mean(axis=1)


def _pairs(view):
    """Averages neighbours in a row: half the data, less noise."""
    even = view.shape[1] // 2 * 2
    if not even:
        return view.astype("int16")
    return (view[:, :even:2].astype("int16") + view[:, 1:even:2]) // 2


def _first(conditions):
    """Returns the first true place, or the number of places."""
    return int(conditions.argmax()) if conditions.any() else len(conditions)


def _bar_depths(one, other):
    """Returns the depths of the bars at two opposite sides, or 0."""
    hard = [
        s.depth >= MIN_DEPTH and s.edge >= EDGE_OF_TWO for s in (one, other)
    ]
    if (
        all(hard)
        and _alike(one, other, 2 * TOLERANCES[0])
        and max(one.drift, other.drift) <= MAX_DRIFT
    ):
        return one.end, other.end
    return tuple(
        s.end
        if is_hard
        and s.edge >= EDGE_OF_ONE
        and s.end <= DEPTH_OF_ONE * s.length
        else 0
        for s, is_hard in zip((one, other), hard, strict=True)
    )


def _margin_depths(sides):
    """Returns the depth of the paper at each side, or 0."""
    deep = [s for s in sides if s.depth >= MIN_DEPTH]
    if (
        len(deep) < NUM_MARGINS
        or any(s.depth == s.length for s in deep)
        or not all(_is_paper(s.color) for s in deep)
        or max(s.drift for s in deep) > MAX_DRIFT
        or not all(_alike(s, deep[0], TOLERANCES[0]) for s in deep)
    ):
        return [0] * len(sides)
    return [s.depth if s.depth >= MIN_DEPTH else 0 for s in sides]


def _is_paper(color):
    """Tells white, light grey and yellowish colours from others."""
    red, green, blue = (int(level) for level in color)
    return (
        red >= PAPER_LEVEL
        and red + 6 >= green
        and green + 6 >= blue
        and red - blue <= PAPER_TINT
    )


def _alike(one, other, tolerance):
    return bool((np.abs(one.color - other.color) <= tolerance).all())
