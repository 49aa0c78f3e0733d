"""Many small pictures with labels on one sheet, for a person to look over."""

import textwrap

import numpy as np
from PIL import Image
from PIL import ImageDraw
from PIL import ImageFont

from keras_comic.data.borders import check_image
from keras_comic.data.paths import whole_file

# Thumbnails in a row; their longest side, and the gap between them, pixels.
COLUMNS = 8
SIZE = 160
GAP = 8
WIDTH = GAP + COLUMNS * (SIZE + GAP)
# In pixels: the sizes of letters, and the height of a line of a label.
TITLE, HEADING, LABEL = 18, 15, 10
LABEL_HEIGHT = 13
LABEL_LINES = 4
# Letters of a label are so wide on average, pixels.
LETTER_WIDTH = 5.5
# Level of grey of the tiles.
TILE = 232


def save_contact_sheet(path, groups, title=None, max_per_group=None):
    """Saves a sheet of labelled thumbnails, group by group, as one PNG file.

    `groups` maps names to lists of `(label, image)`; an image is a uint8 array
    `(height, width, 3)`, or `None` where there is nothing to show. With
    `max_per_group`, no more are shown, and headings say how many there are.
    """
    strips = [] if title is None else [_make_line(title, TITLE)]
    for name, entries in groups.items():
        shown = list(entries)[:max_per_group]
        heading = name
        if max_per_group is not None:
            heading += f": {len(entries)}"
        if len(shown) < len(entries):
            heading += f" ({len(entries) - len(shown)} of them not shown)"
        strips.append(_make_line(heading, HEADING))
        for start in range(0, len(shown), COLUMNS):
            strips.append(_make_row(shown[start : start + COLUMNS]))
    if not groups:
        strips.append(_make_line("no pictures", HEADING))
    sheet = Image.fromarray(np.concatenate(strips))
    with whole_file(path) as partial:
        sheet.save(partial, "PNG")


def _make_line(text, size):
    """Makes a strip with a line of text."""
    strip = Image.new("RGB", (WIDTH, size + 2 * GAP), "white")
    _write(strip, (GAP, 4), size, _printable(text))
    return np.asarray(strip)


def _make_row(entries):
    """Makes a strip of thumbnails on grey tiles, with their labels."""
    height = SIZE + LABEL_LINES * LABEL_HEIGHT + GAP
    strip = Image.new("RGB", (WIDTH, height), "white")
    for number, (label, picture) in enumerate(entries):
        left = GAP + number * (SIZE + GAP)
        tile = Image.new("RGB", (SIZE, SIZE), (TILE,) * 3)
        if picture is None:
            _write(tile, (4, SIZE // 2), LABEL, "no picture")
        else:
            thumbnail = _make_thumbnail(picture)
            place = ((SIZE - side) // 2 for side in thumbnail.size)
            tile.paste(thumbnail, tuple(place))
        strip.paste(tile, (left, 0))
        lines = textwrap.wrap(_printable(label), int(SIZE / LETTER_WIDTH))
        for line, text in enumerate(lines[:LABEL_LINES]):
            top = SIZE + 4 + line * LABEL_HEIGHT
            _write(strip, (left, top), LABEL, text)
    return np.asarray(strip)


def _make_thumbnail(picture):
    """Shrinks a picture; tiny ones are enlarged by a whole factor."""
    check_image(picture)
    image = Image.fromarray(np.asarray(picture))
    factor = SIZE // max(image.size)
    if factor > 1:
        sides = [factor * side for side in image.size]
        return image.resize(sides, Image.Resampling.NEAREST)
    image.thumbnail((SIZE, SIZE))
    return image


def _write(image, place, size, text):
    font = ImageFont.load_default(size)
    ImageDraw.Draw(image).text(place, text, fill="black", font=font)


def _printable(text):
    """Replaces line ends by blanks, and what cannot be drawn by squares."""
    return "".join(
        character if character.isprintable() else "\N{WHITE SQUARE}"
        for character in " ".join(str(text).split())
    )
