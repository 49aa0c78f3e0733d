"""Pictures as the page shows them, and its icon."""

import numpy as np
from PIL import Image
from PIL import ImageDraw

from keras_comic.serving.web_styles import encode_jpeg

# Pictures on the page; the download has all pixels.
SHOWN_SIDE = 1280


def size_of(image):
    """Size of a picture."""
    return image.shape[1], image.shape[0]


def shown_jpeg(image):
    """A JPEG to show, shrunk to 1280 pixels."""
    if max(image.shape) > SHOWN_SIDE:
        smaller = Image.fromarray(image)
        smaller.thumbnail((SHOWN_SIDE, SHOWN_SIDE))
        image = np.asarray(smaller)
    return encode_jpeg(image)


def draw_icon(path):
    """Draws a speech bubble, for the browser's tab."""
    size = 128
    image = Image.new("RGBA", (size, size))
    draw = ImageDraw.Draw(image)
    ink, yellow, red = "#1a1512", "#ffd23f", "#d7322e"
    draw.polygon([(34, 86), (70, 86), (28, 122)], fill=yellow, outline=ink)
    draw.line([(36, 92), (29, 121), (64, 96)], fill=ink, width=8)
    draw.ellipse((6, 12, 122, 98), fill=yellow, outline=ink, width=8)
    for x in (36, 64, 92):
        draw.ellipse((x - 9, 46, x + 9, 64), fill=red)
    image.save(path)
