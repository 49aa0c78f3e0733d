"""Drawings, comic pages and pages of text, for the tests of this folder."""

import functools

import numpy as np
from PIL import Image
from PIL import ImageDraw
from PIL import ImageFont

TEXT = (
    "It was a dark and stormy night; the rain fell in torrents, except at "
    "occasional intervals, when it was checked by a violent gust of wind "
    "which swept up the streets, rattling along the housetops, and fiercely "
    "agitating the scanty flame of the lamps that struggled against the "
    "darkness. "
)


@functools.cache
def draw_scene(height, width, seed=0, light=False):
    """A busy picture: a blotchy sky, shapes of flat colour, ink, hatching."""
    random = np.random.default_rng(seed)
    coarse = random.integers(40, 180, (7, 9, 3)).astype("uint8")
    image = Image.fromarray(coarse).resize((width, height), 3)
    draw = ImageDraw.Draw(image)
    low, high = (150, 250) if light else (20, 235)
    for _ in range(25):
        x, y = random.integers(-20, (width, height))
        w, h = random.integers(6, (width // 3 + 7, height // 3 + 7))
        color = tuple(int(c) for c in random.integers(low, high, 3))
        shape = draw.ellipse if random.random() < 0.6 else draw.rectangle
        shape((x, y, x + w, y + h), color, (20, 15, 10), width=2)
    for _ in range(40):
        x, y = (int(n) for n in random.integers(0, (width, height)))
        dx, dy = (int(n) for n in random.integers(-30, 30, 2))
        draw.line((x, y, x + dx, y + dy), (20, 15, 10), 1)
    pixels = np.asarray(image).astype("int16")
    pixels = pixels + random.normal(0, 3, pixels.shape)
    image = np.clip(pixels, 0, 255).astype("uint8")
    image.flags.writeable = False
    return image


@functools.cache
def find_font(name="DejaVuSans", size=12):
    """A font that Matplotlib brings."""
    if name is None:
        return ImageFont.load_default(size)
    import matplotlib

    folder = f"{matplotlib.get_data_path()}/fonts/ttf"
    return ImageFont.truetype(f"{folder}/{name}.ttf", size)


def wrap_text(text, font, width):
    """Endless text in lines of at most a width."""
    words, line, place = text.split(), "", 0
    while True:
        word = words[place % len(words)]
        longer = f"{line} {word}".strip()
        if line and font.getlength(longer) > width:
            yield line
            line = word
        else:
            line = longer
        place += 1


def draw_text_page(
    height,
    width,
    font=None,
    text=TEXT,
    columns=1,
    margin=0.08,
    spacing=1.35,
    paper=(255, 255, 255),
    ink=(20, 20, 20),
):
    """A page of text, ragged right, with a last line of half the length."""
    font = font or find_font()
    image = Image.new("RGB", (width, height), paper)
    draw = ImageDraw.Draw(image)
    border = margin * width
    gap = 1.5 * font.size
    column = (width - 2 * border - (columns - 1) * gap) / columns
    for number in range(columns):
        left = border + number * (column + gap)
        top = border
        lines = wrap_text(text, font, column)
        while top + font.size * spacing < height - border:
            draw.text((left, top), next(lines), ink, font)
            top += font.size * spacing
    return np.asarray(image)


def draw_bubble(image, box, font=None, text=TEXT, shape="ellipse"):
    """Draws a speech bubble, or a caption, full of text."""
    font = font or find_font()
    result = Image.fromarray(image)
    draw = ImageDraw.Draw(result)
    top, left, height, width = box
    outline = (left, top, left + width - 1, top + height - 1)
    paint = draw.ellipse if shape == "ellipse" else draw.rectangle
    paint(outline, (252, 252, 250), (10, 10, 10), width=2)
    part = 0.7 if shape == "ellipse" else 0.9
    step = round(1.25 * font.size)
    count = int(part * height / step)
    lines = wrap_text(text, font, part * width) if text else None
    for number in range(count if text else 0):
        y = top + (height - count * step) / 2 + number * step
        line = next(lines)
        x = left + (width - font.getlength(line)) / 2
        draw.text((x, y), line, (10, 10, 10), font)
    return np.array(result)


def draw_comic_page(height, width, boxes, gutter=(255, 255, 255), seed=0):
    """A comic page: a scene in each box, with a frame.

    The frames are black, or white on dark pages.
    """
    page = np.empty((height, width, 3), "uint8")
    page[:] = gutter
    frame = 10 if max(gutter) > 60 else 240
    for number, (top, left, rows, columns) in enumerate(boxes):
        scene = draw_scene(rows, columns, seed + number)
        panel = page[top : top + rows, left : left + columns]
        panel[:] = frame
        panel[2:-2, 2:-2] = scene[2:-2, 2:-2]
    return page


def save_as_jpeg(image, quality=75):
    """The image as it comes back from a JPEG file."""
    import io

    file = io.BytesIO()
    Image.fromarray(image).save(file, "JPEG", quality=quality)
    return np.asarray(Image.open(file).convert("RGB"))


def overlap(box, other):
    """Intersection over union of two boxes."""
    top, left = max(box[0], other[0]), max(box[1], other[1])
    bottom = min(box[0] + box[2], other[0] + other[2])
    right = min(box[1] + box[3], other[1] + other[3])
    common = max(bottom - top, 0) * max(right - left, 0)
    return common / (box[2] * box[3] + other[2] * other[3] - common)
