"""The panels of comic pages."""

import numpy as np

from keras_comic.data.borders import check_image
from keras_comic.data.borders import reduce_image

# Pages are cut on a copy whose long side has at most so many pixels.
MEASURED_SIDE = 800
# So many levels around its colour are the page: grain, shading, JPEG noise.
TOLERANCE = 28
# The page's colour covers this part of the outermost pixels.
BORDER_SHARE = 0.35
# A gutter is at least this part of the page's short side wide, and at most
# that part where it tells the colour of a page without margins.
MIN_GUTTER = 0.004
MAX_GUTTER = 0.06
# Along a gutter: the part that has the page's colour, and the part that is
# connected with the margins, which is tried in turn (a balloon may hang
# across).
PAGE_ALONG = 0.92
OUTSIDE_ALONG = (0.92, 0.55)
# The part of a gutter, on one side at least (on both of a doubtful one), along
# which a panel's edge runs smoothly, within so much of the page's short side.
EDGE_ALONG = 0.6
EDGE_BAND = 0.03
# The part of a row or column that ink outside of panels may cover, as dust
# and page numbers do.
DUST = 0.01
# A panel's edge is looked for in this part of the page's short side; so much
# of a row is printed there.
EDGE_WINDOW = 0.02
PRINTED = 0.9
# Where there is no level gutter: slopes of slanted ones, for pieces of at
# least that part of the page.
SLOPES = tuple(np.tan(np.radians([0.5, -0.5, 1, -1, 1.5, -1.5, 2, -2])))
MIN_SLANTED = 0.1
# What no straight gutter parts: the part of its convex hull that a panel
# covers at least, and so many levels of it are taken apart.
MIN_SOLIDITY = 0.85
MAX_DEPTH = 12
# Pieces have sides of at least this part of the page's.
MIN_SIDE = 0.06
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
    cross it from side to side: white, black or any other. The page is cut
    along straight gutters, rows first, then columns, and so on (a recursive
    XY-cut); what no straight gutter parts is taken apart into connected
    pieces, so that gutters may be slanted or curved, and scans hang by a
    degree or two. Speech bubbles may lie across a gutter. White panels
    count, if they have a frame.

    A gap counts as a gutter if a panel's edge runs along it: figures that
    stand apart on white paper are no panels. On 8 painted pages,
    one of them with curved and slanted gutters, all 34 panels were found;
    of 768 drawings that are no pages 3 were cut, of 1788 photos 19. A page
    of 1400 pixels takes 40 ms, a picture of 320 pixels 12 ms.

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
    small, factor = reduce_image(image, MEASURED_SIDE)
    best, margin = [], None
    for color in _page_colors(small):
        found = _Page(small, color, min_fraction).panels()
        if len(found) > len(best):
            best, margin = found, color
    if not best:
        return [(0, 0, *image.shape[:2])]
    return [_refine(image, box, factor, margin) for box in best]


def _page_colors(image):
    """Colours that the page around the panels may have, likeliest first."""
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
    """Colours of stripes from side to side with hard edges."""
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
    """Pairs of start and end of the runs of true values."""
    steps = np.diff(conditions.astype("int8"), prepend=0, append=0)
    return list(zip(*(np.flatnonzero(steps == s).tolist() for s in (1, -1))))


class _Page:
    """A page, and what of it has the page's colour."""

    def __init__(self, image, color, min_fraction):
        self.shape = image.shape[:2]
        self.side = min(self.shape)
        self.min_area = min_fraction * self.shape[0] * self.shape[1]
        self.min_gutter = max(round(MIN_GUTTER * self.side), 2)
        self.band = max(round(EDGE_BAND * self.side), 4)
        self.page = _is_near(image, color)
        # Whether pieces come in reading order.
        self.is_ordered = True
        self.outside = _connected_with_border(self.page)

    def panels(self):
        """Boxes of the panels, in reading order, on the small page."""
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
        massive = [solidity(mask) >= MIN_SOLIDITY for _, mask in pieces]
        if (
            len(pieces) < 2
            or sum(covered) < MIN_COVERED * content[2] * content[3]
            or np.dot(covered, massive) < MIN_MASSIVE * sum(covered)
        ):
            return [content]
        if not self.is_ordered:
            parts = [(*box[:2], mask, ~mask) for box, mask in pieces]
            parts = _in_reading_order(parts)
            return [(*part[:2], *part[2].shape) for part in parts]
        return [box for box, _ in pieces]

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
        if parts is None:
            return [(whole, ~outside)]
        return [
            panel
            for y, x, part, around in parts
            for panel in self._split(part, around, top + y, left + x, depth + 1)
        ]

    def _divide(self, page, outside):
        """Parts in reading order, or `None` where there is only one."""
        for along in OUTSIDE_ALONG:
            for transposed in (False, True):
                parts = self._cut(page, outside, 0.0, along, transposed)
                if parts is not None:
                    return parts
        parts = self._take_apart(page, outside)
        self.is_ordered &= parts is None
        if parts is None and page.size >= MIN_SLANTED * self.page.size:
            for slope in SLOPES:
                for transposed in (False, True):
                    parts = self._cut(
                        page, outside, slope, OUTSIDE_ALONG[-1], transposed
                    )
                    if parts is not None:
                        return parts
        return parts

    def _cut(self, page, outside, slope, along, transposed):
        """Parts above and below gutters, or left and right, or `None`."""
        if transposed:
            page, outside = page.T, outside.T
        shift = np.round(slope * np.arange(page.shape[1])).astype("int64")
        shift -= shift.min()
        # Where the gutters are level: row 0 is the highest that is whole.
        length = len(page) - shift.max()
        if length < 3 * self.min_gutter:
            return None
        level_page = _shear(page, shift, length)
        level_outside = _shear(outside, shift, length)
        gutters = (level_page.mean(axis=1) >= PAGE_ALONG) & (
            level_outside.mean(axis=1) >= along
        )
        # A doubtful gutter has a panel on both sides.
        edges = max if along == OUTSIDE_ALONG[0] and not slope else min
        runs = [
            (start, end)
            for start, end in _runs(gutters)
            if end - start >= self.min_gutter
            and 0 < start
            and end < length
            and edges(
                (
                    self._edge(level_outside[:start][::-1]),
                    self._edge(level_outside[end:]),
                )
            )
            >= EDGE_ALONG
        ]
        if not runs:
            return None
        parts = []
        depth = int(shift.max())
        starts = [-depth, *(end for _, end in runs)]
        ends = [*(start for start, _ in runs), len(page)]
        for start, end in zip(starts, ends, strict=True):
            first, last = max(start, 0), min(end + depth, len(page))
            part, around = page[first:last], outside[first:last]
            if depth:
                rows = np.arange(first, last)[:, None] - shift
                beyond = (rows < start) | (rows >= end)
                part, around = part | beyond, around | beyond
            parts.append((first, 0, part, around))
        if transposed:
            parts = [(x, y, part.T, around.T) for y, x, part, around in parts]
        return parts

    def _edge(self, outside):
        """The part of the columns along which a smooth edge is near."""
        if outside.shape[1] < 2:
            return 0.0
        inside = ~outside[: self.band]
        near = inside.any(axis=0)
        steps = np.abs(np.diff(inside.argmax(axis=0)))
        return float((near[1:] & near[:-1] & (steps <= 1)).mean())

    def _take_apart(self, page, outside):
        """Connected pieces that are as massive as panels, or `None`."""
        from scipy import ndimage

        labels, count = ndimage.label(~outside)
        if count < 2:
            return None
        parts, num_massive = [], 0
        for number, place in enumerate(ndimage.find_objects(labels), start=1):
            mask = labels[place] == number
            if mask.sum() < self.min_area / 2:
                continue
            num_massive += solidity(mask) >= MIN_SOLIDITY
            # Other pieces are part of the page now.
            part = page[place] | ~mask
            parts.append((place[0].start, place[1].start, part, ~mask))
        if num_massive < 2:
            return None
        return _in_reading_order(parts)


def _shear(mask, shift, length):
    """Every other column of a mask, shifted up."""
    if not shift.any():
        return mask
    columns = np.arange(0, mask.shape[1], 2)
    rows = np.arange(length)[:, None] + shift[columns]
    return mask[rows, columns]


def _connected_with_border(mask):
    """What of a mask is connected with the outside of the picture."""
    from scipy import ndimage

    labels, _ = ndimage.label(np.pad(mask, 1, constant_values=True))
    return (labels == labels[0, 0])[1:-1, 1:-1]


def _content_box(outside):
    """The box of what is not outside, or `None` if everything is."""
    spans = []
    for axis in (1, 0):
        share = (~outside).mean(axis=axis)
        places = np.flatnonzero(share > DUST)
        if not len(places):
            return None
        spans.append((places[0], places[-1] + 1))
    (top, bottom), (left, right) = spans
    return int(top), int(left), int(bottom - top), int(right - left)


def solidity(mask):
    """The part of its convex hull that a connected piece covers."""
    from scipy.spatial import ConvexHull

    rows = np.arange(len(mask))
    lefts = mask.argmax(axis=1)
    rights = mask.shape[1] - mask[:, ::-1].argmax(axis=1)
    corners = np.concatenate(
        [
            np.stack([y, x], axis=1)
            for y in (rows, rows + 1)
            for x in (lefts, rights)
        ]
    )
    return float(mask.sum() / ConvexHull(corners).volume)


def _in_reading_order(parts):
    """Sorts parts of any shape: above before below, left before right."""
    rest, result = list(parts), []
    while rest:
        free = [
            part
            for part in rest
            if not any(_is_above(other, part) for other in rest)
        ]
        free = free or rest
        first = next(
            (
                part
                for part in free
                if not any(_is_before(other, part) for other in free)
            ),
            free[0],
        )
        result.append(first)
        rest = [part for part in rest if part is not first]
    return result


def _is_above(one, other):
    """Whether a part lies above another where both have columns."""
    if one is other:
        return False
    start = max(one[1], other[1])
    end = min(one[1] + one[3].shape[1], other[1] + other[3].shape[1])
    widths = one[3].shape[1], other[3].shape[1]
    if end - start < SHARED_COLUMNS * min(widths):
        return False
    middles = []
    for top, left, _, outside in (one, other):
        rows = np.flatnonzero((~outside[:, start - left : end - left]).any(1))
        middles.append(top + (rows[0] + rows[-1]) / 2 if len(rows) else top)
    return bool(middles[0] < middles[1])


def _is_before(one, other):
    """Whether a part is left of another in one row, or in a row above."""
    if one is other:
        return False
    top = max(one[0], other[0])
    bottom = min(one[0] + len(one[3]), other[0] + len(other[3]))
    if bottom - top >= min(len(one[3]), len(other[3])) / 2:
        return one[1] < other[1]
    return one[0] < other[0]


def _refine(image, box, factor, color):
    """The box on the whole image, without the page's colour around."""
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
