"""The panels of comic pages."""

import numpy as np
from PIL import Image

from keras_comic.data.borders import check_image

# Pages are cut on a copy with a long side of at most so many pixels.
MEASURED_SIDE = 800
# Levels around its colour that are the page: grain, shading, JPEG noise.
TOLERANCE = 28
# The part of the outermost pixels that has the page's colour.
BORDER_SHARE = 0.35
# Parts of the page's short side: the width of gutters, how far a panel's edge
# is from one, where the edge is looked for in the whole page, least side.
MIN_GUTTER, MAX_GUTTER = 0.004, 0.06
EDGE_BAND = 0.03
EDGE_WINDOW = 0.02
MIN_SIDE = 0.06
# Along a gutter: the part that has the page's colour; the part connected with
# the margins, tried in turn (a balloon may hang across); and the part, on one
# side at least, on both of a doubtful one, along which an edge runs smoothly.
PAGE_ALONG = 0.92
OUTSIDE_ALONG = (0.92, 0.55)
EDGE_ALONG = 0.6
# The part of a row that dust and page numbers may cover, and a panel covers.
DUST = 0.01
PRINTED = 0.9
# The part of its convex hull that a massive piece covers; levels of cuts.
MIN_SOLIDITY = 0.85
MAX_DEPTH = 12
# Pieces make up a page if they cover this part of what is printed, and if
# this part of them is massive.
MIN_COVERED = 0.7
MIN_MASSIVE = 0.8
# Pieces that share this part of the narrower one's columns lie one above the
# other.
SHARED_COLUMNS = 0.5


def find_panels(image, min_fraction=0.02):
    """Finds the panels of a comic page, in reading order.

    The page's colour is that of its margins, or else of the gutters that
    cross it from side to side. The page is cut along straight gutters, rows
    first, then columns, and so on (a recursive XY-cut); what no straight
    gutter parts is taken apart into connected pieces, so that gutters may be
    slanted or curved. Speech bubbles may lie across a gutter. White panels
    count, if they have a frame.

    A gap counts as a gutter if a panel's edge runs along it: figures that
    stand apart on white paper are no panels.

    Args:
        image: Uint8 array `(height, width, 3)`, RGB in `[0, 255]`.
        min_fraction: Float in `(0, 1]`. Smaller pieces, as a part of the
            page's area, are left out: captions, page numbers. Defaults to
            `0.02`.

    Returns:
        List of tuples of integers `(top, left, height, width)`, pixels, left
        to right and top to bottom; at least one. Boxes of slanted panels
        overlap. A picture without gutters gives one box, the whole picture,
        or what is left of it without the page around.

    Raises:
        ValueError: If `image` is no such array, or `min_fraction` out of
            its range.

    Example:

    >>> page = np.full((96, 64, 3), 255, "uint8")
    >>> page[4:44, 4:60] = (200, 80, 40)
    >>> page[50:92, 4:30] = page[50:92, 36:60] = (40, 80, 200)
    >>> keras_comic.comic.find_panels(page)
    [(4, 4, 40, 56), (50, 4, 42, 26), (50, 36, 42, 24)]

    Reference:
        - Nagy and Seth, "Hierarchical representation of optically scanned
          documents", ICPR 1984; differs from it in: edges along the cuts,
          connected pieces where there is no cut.
    """
    check_image(image)
    if not 0 < min_fraction <= 1:
        raise ValueError(
            "`min_fraction` must lie in (0, 1]. "
            f"Received: min_fraction={min_fraction}"
        )
    factor = -(-max(image.shape[:2]) // MEASURED_SIDE)
    small = np.asarray(Image.fromarray(image).reduce(factor))
    best, margin = [], None
    for color in _page_colors(small):
        found = _Page(small, color, min_fraction).panels()
        if len(found) > len(best):
            best, margin = found, color
    if not best:
        return [(0, 0, *image.shape[:2])]
    return [_refine(image, box, factor, margin) for box in best]


def _page_colors(image):
    """Lists colours that the page may have, likeliest first."""
    sides = (image[:2], image[-2:], image[:, :2], image[:, -2:])
    border = np.concatenate([side.reshape(-1, 3) for side in sides])
    candidates = [
        *_gutter_colors(image, min(image.shape[:2])),
        *_gutter_colors(image.swapaxes(0, 1), min(image.shape[:2])),
    ]
    color = _frequent_color(border)
    if _is_near(border, color).mean() >= BORDER_SHARE:
        candidates.append(color)
    colors = []
    for color in candidates:
        if all(np.abs(color - other).max() > TOLERANCE for other in colors):
            colors.append(color)
    return colors


def _frequent_color(pixels):
    bins = pixels.astype("int32") // 32 @ np.array([64, 8, 1])
    frequent = pixels[bins == np.bincount(bins).argmax()]
    return np.median(frequent, axis=0).astype("int16")


def _is_near(pixels, color):
    return (np.abs(pixels - color) <= TOLERANCE).all(axis=-1)


def _gutter_colors(view, side):
    """Lists the colours of stripes from side to side with hard edges."""
    pixels = view[:, ::2].astype("int16")
    medians = np.median(pixels, axis=1, keepdims=True).astype("int16")
    apart = np.abs(pixels - medians).max(axis=-1) > TOLERANCE
    uniform = apart.mean(axis=1) < 1 - PAGE_ALONG
    colors = []
    for start, end in _runs(uniform):
        thick = end - start
        if (
            start >= 3
            and end + 3 <= len(view)
            and max(MIN_GUTTER * side, 2) <= thick <= MAX_GUTTER * side
        ):
            color = medians[(start + end) // 2, 0]
            edges = [pixels[start - 3], pixels[end + 2]]
            if min((~_is_near(e, color)).mean() for e in edges) > EDGE_ALONG:
                colors.append(color)
    return colors


def _runs(conditions):
    """Returns the starts and ends of the runs of true values."""
    steps = np.diff(conditions.astype("int8"), prepend=0, append=0)
    return list(zip(*(np.flatnonzero(steps == s).tolist() for s in (1, -1))))


class _Page:
    """A page, and what of it has the page's colour."""

    def __init__(self, image, color, min_fraction):
        from scipy import ndimage

        self.shape = image.shape[:2]
        self.side = min(self.shape)
        self.min_area = min_fraction * self.shape[0] * self.shape[1]
        self.min_gutter = max(round(MIN_GUTTER * self.side), 2)
        self.band = max(round(EDGE_BAND * self.side), 4)
        self.page = _is_near(image, color)
        # What is connected with the outside of the picture.
        padded = np.pad(self.page, 1, constant_values=True)
        labels, _ = ndimage.label(padded)
        self.outside = (labels == labels[0, 0])[1:-1, 1:-1]

    def panels(self):
        """Returns the boxes of the panels on the small page, in order."""
        content = _content_box(self.outside)
        if content is None:
            return []
        pieces = [
            (box, mask)
            for box, mask in self._split(self.page, self.outside, 0, 0, 0)
            if box[2] * box[3] >= self.min_area
            and box[2] >= MIN_SIDE * self.shape[0]
            and box[3] >= MIN_SIDE * self.shape[1]
        ]
        covered = [mask.sum() for _, mask in pieces]
        massive = [_solidity(mask) >= MIN_SOLIDITY for _, mask in pieces]
        if (
            len(pieces) < 2
            or sum(covered) < MIN_COVERED * content[2] * content[3]
            or np.dot(covered, massive) < MIN_MASSIVE * sum(covered)
        ):
            return [content]
        return _in_reading_order(pieces)

    def _split(self, page, outside, top, left, depth):
        box = _content_box(outside)
        if box is None:
            return []
        y, x, height, width = box
        inside = np.s_[y : y + height, x : x + width]
        page, outside = page[inside], outside[inside]
        top, left = top + y, left + x
        whole = (top, left, height, width)
        if (
            height * width < 2 * self.min_area
            or depth == MAX_DEPTH
            # No room for a gutter.
            or outside.mean() < MIN_GUTTER / 2
        ):
            return [(whole, ~outside)]
        parts = self._divide(page, outside)
        return (
            [(whole, ~outside)]
            if parts is None
            else [
                panel
                for y, x, part, around in parts
                for panel in self._split(
                    part, around, top + y, left + x, depth + 1
                )
            ]
        )

    def _divide(self, page, outside):
        """Returns parts in reading order, or `None` if there is only one."""
        for along in OUTSIDE_ALONG:
            parts = self._cut(page, outside, along)
            if parts is not None:
                return parts
            parts = self._cut(page.T, outside.T, along)
            if parts is not None:
                return [(x, y, p.T, around.T) for y, x, p, around in parts]
        return self._take_apart(page, outside)

    def _cut(self, page, outside, along):
        """Returns the parts above and below gutters, or `None`."""
        gutters = (page.mean(axis=1) >= PAGE_ALONG) & (
            outside.mean(axis=1) >= along
        )
        # A doubtful gutter has a panel on both sides.
        edges = max if along == OUTSIDE_ALONG[0] else min
        runs = [
            (start, end)
            for start, end in _runs(gutters)
            if end - start >= self.min_gutter
            and 0 < start
            and end < len(page)
            and edges(
                self._edge(outside[:start][::-1]), self._edge(outside[end:])
            )
            >= EDGE_ALONG
        ]
        if not runs:
            return None
        starts = [0, *(end for _, end in runs)]
        ends = [*(start for start, _ in runs), len(page)]
        return [
            (start, 0, page[start:end], outside[start:end])
            for start, end in zip(starts, ends, strict=True)
        ]

    def _edge(self, outside):
        """Returns the part of the columns along which a smooth edge is near."""
        if outside.shape[1] < 2:
            return 0.0
        inside = ~outside[: self.band]
        near = inside.any(axis=0)
        steps = np.abs(np.diff(inside.argmax(axis=0)))
        return float((near[1:] & near[:-1] & (steps <= 1)).mean())

    def _take_apart(self, page, outside):
        """Returns connected pieces as massive as panels, or `None`."""
        from scipy import ndimage

        labels, count = ndimage.label(~outside)
        if count < 2:
            return None
        parts, num_massive = [], 0
        for number, place in enumerate(ndimage.find_objects(labels), start=1):
            mask = labels[place] == number
            if mask.sum() < self.min_area / 2:
                continue
            num_massive += _solidity(mask) >= MIN_SOLIDITY
            # Other pieces are part of the page now.
            part = page[place] | ~mask
            parts.append((place[0].start, place[1].start, part, ~mask))
        return parts if num_massive >= 2 else None


def _content_box(outside):
    """Returns the box of what is not outside, or `None`."""
    spans = []
    for axis in (1, 0):
        share = (~outside).mean(axis=axis)
        places = np.flatnonzero(share > DUST)
        if not len(places):
            return None
        spans.append((places[0], places[-1] + 1))
    (top, bottom), (left, right) = spans
    return int(top), int(left), int(bottom - top), int(right - left)


def _solidity(mask):
    """Returns the part of its convex hull that a connected piece covers."""
    from skimage.measure import regionprops

    return float(regionprops(mask.astype("uint8"))[0].solidity)


def _in_reading_order(pieces):
    """Sorts boxes with masks: above before below, left before right."""
    rest, boxes = list(pieces), []
    while rest:
        free = [
            piece
            for piece in rest
            if not any(_is_above(other, piece) for other in rest)
        ]
        free = free or rest
        first = [
            piece
            for piece in free
            if not any(_is_before(other[0], piece[0]) for other in free)
        ]
        piece = (first or free)[0]
        boxes.append(piece[0])
        rest = [other for other in rest if other is not piece]
    return boxes


def _is_above(one, other):
    """Tells whether a piece is above another where both have columns."""
    if one is other:
        return False
    boxes = one[0], other[0]
    start = max(left for _, left, _, _ in boxes)
    end = min(left + width for _, left, _, width in boxes)
    if end - start < SHARED_COLUMNS * min(width for *_, width in boxes):
        return False
    middles = []
    for (top, left, _, _), mask in (one, other):
        rows = np.flatnonzero(mask[:, start - left : end - left].any(axis=1))
        middles.append(top + (rows[0] + rows[-1]) / 2 if len(rows) else top)
    return bool(middles[0] < middles[1])


def _is_before(one, other):
    """Tells whether a box is left of another in its row, or in a row above."""
    top = max(one[0], other[0])
    bottom = min(one[0] + one[2], other[0] + other[2])
    if bottom - top >= min(one[2], other[2]) / 2:
        return one[1] < other[1]
    return one[0] < other[0]


def _refine(image, box, factor, color):
    """Returns the box on the whole image, without the page around."""
    top, left, height, width = (factor * number for number in box)
    top, left = max(top - factor, 0), max(left - factor, 0)
    bottom = min(top + height + 2 * factor, image.shape[0])
    right = min(left + width + 2 * factor, image.shape[1])
    inner = image[top:bottom, left:right]
    turned = inner.swapaxes(0, 1)
    window = max(round(EDGE_WINDOW * min(image.shape[:2])), 3 * factor)
    cuts = []
    for view in (inner, inner[::-1], turned, turned[::-1]):
        printed = 1 - _is_near(view[:window].astype("int16"), color).mean(1)
        edge = int((printed > PRINTED).argmax())
        # A straight edge behind what is mostly page, or else the first ink.
        if printed[edge] <= PRINTED or printed[:edge].sum() > edge / 2:
            edge = int((printed > DUST).argmax())
        cuts.append(edge)
    return (
        int(top + cuts[0]),
        int(left + cuts[2]),
        int(bottom - top - cuts[0] - cuts[1]),
        int(right - left - cuts[2] - cuts[3]),
    )
