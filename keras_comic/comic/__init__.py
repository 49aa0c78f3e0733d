"""Classical comic art: lines, paint, halftone, palettes, and pages' panels."""

from keras_comic.comic.halftone import halftone
from keras_comic.comic.halftone import put_on_paper
from keras_comic.comic.halftone import screentone
from keras_comic.comic.lines import draw_ink
from keras_comic.comic.lines import find_lines
from keras_comic.comic.paint import find_paint
from keras_comic.comic.paint import grade
from keras_comic.comic.palette import find_palette
from keras_comic.comic.palette import limit_palette
from keras_comic.comic.panels import find_panels
from keras_comic.comic.renderer import LOOKS
from keras_comic.comic.renderer import Look
from keras_comic.comic.renderer import compose
from keras_comic.comic.renderer import render
from keras_comic.comic.renderer import render_layers

__all__ = [
    "LOOKS",
    "Look",
    "compose",
    "draw_ink",
    "find_lines",
    "find_paint",
    "find_palette",
    "find_panels",
    "grade",
    "halftone",
    "limit_palette",
    "put_on_paper",
    "render",
    "render_layers",
    "screentone",
]
