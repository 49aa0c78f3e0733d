"""Many small pictures with labels on one sheet, for a person to look over."""

import functools
import os
import textwrap
from pathlib import Path

import numpy as np
from PIL import Image
from PIL import ImageDraw

from keras_comic.data.borders import check_image

# Of the sheet, pixels: the gap between tiles, the height of a line of each
# kind of text, and how many lines a label may have.
GAP = 8
LINE = {"title": 26, "heading": 24, "label": 13}
LABEL_LINES = 4
# Sizes of the letters, points; a point is so many pixels, and a letter of the
# fixed-width font so many of its sizes wide.
POINTS = {"title": 13, "heading": 11, "label": 7}
PIXELS_PER_POINT = 100 / 72
LETTER_WIDTH = 0.61
# Levels of grey.
PAPER = 255
TILE = 232
# Matplotlib draws at most 65,536 pixels in height at once.
MAX_STRIPS_HEIGHT = 16384
UNREADABLE = "cannot be read"
# What stands for a letter that the font has not.
MISSING = "\N{WHITE SQUARE}"
CLIPPED = "\N{HORIZONTAL ELLIPSIS}"


def save_contact_sheet(
    path,
    groups,
    columns=8,
    thumbnail_size=160,
    title=None,
    max_per_group=48,
):
    """Saves a sheet of labelled thumbnails, group by group, as one PNG file.

    Each group has a heading with its name and how many pictures it holds;
    of a large group the first are shown, and the heading says how many are
    not. Labels longer than four lines lose their middle; letters that the
    font does not have become squares. The file is written beside its name
    and renamed, so that it is there whole or not at all.

    Args:
        path: String or path of the file; its folder must exist.
        groups: Dict of the groups' names to lists of `(label, image)`: a
            string, and a uint8 array `(height, width, 3)`, RGB in
            `[0, 255]`, or `None` for a file that cannot be read.
        columns: Integer > 0. Thumbnails in a row. Defaults to `8`.
        thumbnail_size: Integer >= 32. Longest side of a thumbnail, pixels.
            Defaults to `160`.
        title: String or `None`, the first line of the sheet. Defaults to
            `None`.
        max_per_group: Integer > 0 or `None`. The most pictures of a group
            that are shown; `None` shows all. Defaults to `48`.

    Raises:
        ValueError: If a picture is no such array, or a number out of its
            range.

    Example:

    >>> noise = np.random.randint(256, size=(32, 32, 3)).astype("uint8")
    >>> groups = {"blurred": [("a.png: 3.1", noise), ("b.png", None)]}
    >>> keras_comic.data.save_contact_sheet("sheet.png", groups)
    """
    sheet = draw_contact_sheet(
        groups, columns, thumbnail_size, title, max_per_group
    )
    path = Path(path)
    partial = path.with_name(f".partial.{path.name}")
    try:
        Image.fromarray(sheet).save(partial, "PNG")
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)


def draw_contact_sheet(groups, columns, thumbnail_size, title, max_per_group):
    """Draws the sheet of `save_contact_sheet`."""
    _check(columns, thumbnail_size, max_per_group)
    width = GAP + columns * (thumbnail_size + GAP)
    # The sheet from top to bottom: strips of text, and rows of pictures.
    parts = []
    if title is not None:
        parts.append(_strip("title", [(GAP, title)], width))
    for name, entries in groups.items():
        entries = list(entries)
        shown = entries[:max_per_group]
        parts.append(
            _strip("heading", [(GAP, _heading(name, entries, shown))], width)
        )
        for start in range(0, len(shown), columns):
            row = shown[start : start + columns]
            lefts = [
                GAP + number * (thumbnail_size + GAP)
                for number in range(len(row))
            ]
            pictures = [image for _, image in row]
            parts.append(_draw_row(pictures, lefts, thumbnail_size, width))
            labels = [
                (left, label)
                for left, (label, _) in zip(lefts, row, strict=True)
            ]
            parts.append(_strip("label", labels, width, thumbnail_size))
    if not groups:
        parts.append(_strip("heading", [(GAP, "no pictures")], width))
    texts = _draw_strips([part for part in parts if isinstance(part, dict)])
    rows = [next(texts) if isinstance(part, dict) else part for part in parts]
    blank = np.full((GAP, width, 3), PAPER, "uint8")
    return np.concatenate([blank, *rows, blank])


def _check(columns, thumbnail_size, max_per_group):
    for name, value, least in (
        ("columns", columns, 1),
        ("thumbnail_size", thumbnail_size, 32),
        ("max_per_group", max_per_group, 1),
    ):
        if value is None and name == "max_per_group":
            continue
        if value is None or not value >= least:
            raise ValueError(
                f"`{name}` must be an integer >= {least}. "
                f"Received: {name}={value}"
            )


def _heading(name, entries, shown):
    heading = f"{name}: {len(entries)}"
    if len(shown) < len(entries):
        heading += f" ({len(entries) - len(shown)} of them not shown)"
    return heading


def _draw_row(pictures, lefts, size, width):
    """Thumbnails in the middle of grey tiles."""
    row = np.full((size, width, 3), PAPER, "uint8")
    for picture, left in zip(pictures, lefts, strict=True):
        tile = row[:, left : left + size]
        tile[:] = TILE
        if picture is None:
            tile[:] = _unreadable_tile(size)
            continue
        thumbnail = _make_thumbnail(picture, size)
        height, wide = thumbnail.shape[:2]
        y, x = (size - height) // 2, (size - wide) // 2
        tile[y : y + height, x : x + wide] = thumbnail
    return row


def _make_thumbnail(picture, size):
    """The picture at most as large; tiny ones enlarged by a whole factor."""
    check_image(picture)
    image = Image.fromarray(picture)
    factor = size // max(image.size)
    if factor > 1:
        wide, height = (factor * side for side in image.size)
        image = image.resize((wide, height), Image.Resampling.NEAREST)
    else:
        image.thumbnail((size, size))
    return np.asarray(image)


@functools.lru_cache(maxsize=4)
def _unreadable_tile(size):
    """A tile that says so, crossed out."""
    tile = Image.new("RGB", (size, size), (TILE,) * 3)
    draw = ImageDraw.Draw(tile)
    for corners in ((0, 0, size, size), (0, size, size, 0)):
        draw.line(corners, (210, 120, 120), 1)
    text = {
        "kind": "label",
        "height": 2 * LINE["label"],
        "width": size,
        "texts": [
            (
                max(size - int(len(UNREADABLE) * _letter("label")), 0) // 2,
                UNREADABLE,
            )
        ],
    }
    strip = next(_draw_strips([text]))[: LINE["label"] + 4]
    top = (size - len(strip)) // 2
    pixels = np.array(tile)
    pixels[top : top + len(strip)] = np.minimum(strip, TILE)
    return pixels


def _letter(kind):
    """The width of a letter, pixels."""
    return POINTS[kind] * PIXELS_PER_POINT * LETTER_WIDTH


def _strip(kind, texts, width, room=None):
    """A strip of the sheet that holds texts of one kind."""
    lines = LABEL_LINES if kind == "label" else 1
    return {
        "kind": kind,
        "height": lines * LINE[kind] + GAP,
        "width": width,
        "texts": [
            (
                left,
                _fit(text, int((room or width - left) / _letter(kind)), lines),
            )
            for left, text in texts
        ],
    }


def _fit(text, length, lines):
    """Breaks a text into lines of a length; a longer one loses its middle."""
    text = "".join(_printable(character) for character in str(text))
    broken = textwrap.wrap(text, length)
    if len(broken) <= lines:
        return "\n".join(broken)
    most = length * lines
    if len(text) > most:
        tail = (most - 1) * 2 // 3
        text = f"{text[: most - 1 - tail]}{CLIPPED}{text[len(text) - tail :]}"
    return "\n".join(
        text[start : start + length] for start in range(0, len(text), length)
    )


def _printable(character):
    """The character, if the font has it."""
    if character.isspace():
        return " "
    if not character.isprintable():
        return MISSING
    return character if _font().get_char_index(ord(character)) else MISSING


def _font():
    from matplotlib.font_manager import findfont
    from matplotlib.font_manager import get_font

    return get_font(findfont("DejaVu Sans Mono"))


def _draw_strips(strips):
    """Draws strips of text, many of them at once."""
    start = 0
    while start < len(strips):
        end, height = start, 0
        while end < len(strips) and (
            end == start or height + strips[end]["height"] <= MAX_STRIPS_HEIGHT
        ):
            height += strips[end]["height"]
            end += 1
        pixels = _draw_texts(strips[start:end], height)
        top = 0
        for strip in strips[start:end]:
            yield pixels[top : top + strip["height"]]
            top += strip["height"]
        start = end


def _draw_texts(strips, height):
    """White pixels with the texts of strips, one below the other."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    dpi = 72 * PIXELS_PER_POINT
    width = strips[0]["width"]
    figure = Figure((width / dpi, height / dpi), dpi)
    canvas = FigureCanvasAgg(figure)
    top = 0
    for strip in strips:
        kind = strip["kind"]
        for left, text in strip["texts"]:
            figure.text(
                left / width,
                1.0 - (top + 4) / height,
                text,
                size=POINTS[kind],
                weight="normal" if kind == "label" else "bold",
                family="DejaVu Sans Mono",
                va="top",
                linespacing=1.1,
                parse_math=False,
            )
        top += strip["height"]
    canvas.draw()
    return np.array(canvas.buffer_rgba())[..., :3]
