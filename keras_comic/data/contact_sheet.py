"""Many small pictures with labels on one sheet, for a person to look over."""

import textwrap

import numpy as np
from PIL import Image
from PIL import ImageDraw
from PIL import ImageFont

from keras_comic.data.borders import check_image
from keras_comic.data.paths import whole_file

# In pixels: the gap between tiles, the height of a line of each kind of text,
# and the size of its letters.
GAP = 8
LINES = {"title": 26, "heading": 24, "label": 13}
LETTERS = {"title": 18, "heading": 15, "label": 10}
LABEL_LINES = 4
# Letters of a label are so wide on average, pixels.
LETTER_WIDTH = 5.5
# Levels of grey.
TILE = 232
UNREADABLE = "cannot be read"


def save_contact_sheet(
    path,
    groups,
    columns=8,
    thumbnail_size=160,
    title=None,
    max_per_group=48,
):
    """Saves a sheet of labelled thumbnails, group by group, as one PNG file.

    `groups` maps names to lists of `(label, image)`; an image is a uint8 array
    `(height, width, 3)`, or `None` for a file that cannot be read.
    """
    _check(columns, thumbnail_size, max_per_group)
    sheet = _Sheet(columns, thumbnail_size)
    if title is not None:
        sheet.add_text("title", title)
    for name, entries in groups.items():
        shown = list(entries)[:max_per_group]
        heading = f"{name}: {len(entries)}"
        if len(shown) < len(entries):
            heading += f" ({len(entries) - len(shown)} of them not shown)"
        sheet.add_text("heading", heading)
        for start in range(0, len(shown), columns):
            sheet.add_row(shown[start : start + columns])
    if not groups:
        sheet.add_text("heading", "no pictures")
    with whole_file(path) as partial:
        sheet.image().save(partial, "PNG")


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


class _Sheet:
    """A sheet that is put together from strips, from top to bottom."""

    def __init__(self, columns, size):
        self.size = size
        self.width = GAP + columns * (size + GAP)
        self.strips = []
        self.fonts = {
            kind: ImageFont.load_default(points)
            for kind, points in LETTERS.items()
        }

    def add_text(self, kind, text):
        """Adds a line across the sheet."""
        strip = Image.new("RGB", (self.width, LINES[kind] + GAP), "white")
        self._write(strip, (GAP, 4), kind, _printable(text))
        self.strips.append(strip)

    def add_row(self, entries):
        """Adds thumbnails in the middle of grey tiles, with their labels."""
        height = self.size + LABEL_LINES * LINES["label"] + GAP
        strip = Image.new("RGB", (self.width, height), "white")
        for number, (label, picture) in enumerate(entries):
            left = GAP + number * (self.size + GAP)
            tile = Image.new("RGB", (self.size, self.size), (TILE,) * 3)
            if picture is None:
                self._write(tile, (4, self.size // 2), "label", UNREADABLE)
            else:
                thumbnail = _make_thumbnail(picture, self.size)
                place = ((self.size - side) // 2 for side in thumbnail.size)
                tile.paste(thumbnail, tuple(place))
            strip.paste(tile, (left, 0))
            lines = textwrap.wrap(
                _printable(label), int(self.size / LETTER_WIDTH)
            )
            for line, text in enumerate(lines[:LABEL_LINES]):
                top = self.size + 4 + line * LINES["label"]
                self._write(strip, (left, top), "label", text)
        self.strips.append(strip)

    def image(self):
        """Returns the sheet as it is by now."""
        height = 2 * GAP + sum(strip.height for strip in self.strips)
        sheet = Image.new("RGB", (self.width, height), "white")
        top = GAP
        for strip in self.strips:
            sheet.paste(strip, (0, top))
            top += strip.height
        return sheet

    def _write(self, image, place, kind, text):
        draw = ImageDraw.Draw(image)
        draw.text(place, text, fill="black", font=self.fonts[kind])


def _make_thumbnail(picture, size):
    """Shrinks a picture; tiny ones are enlarged by a whole factor."""
    check_image(picture)
    image = Image.fromarray(np.asarray(picture))
    factor = size // max(image.size)
    if factor > 1:
        sides = [factor * side for side in image.size]
        return image.resize(sides, Image.Resampling.NEAREST)
    image.thumbnail((size, size))
    return image


def _printable(text):
    """Replaces line ends by blanks, and what cannot be drawn by squares."""
    return "".join(
        character if character.isprintable() else "\N{WHITE SQUARE}"
        for character in " ".join(str(text).split())
    )
