"""Draws photographs in the looks of the classical renderer, on one sheet.

python examples/looks.py -o looks.jpg [--looks comic noir ...] [--side 300]
"""

import argparse

import numpy as np
from PIL import Image
from skimage import data

from keras_comic import comic

LOOKS = "comic bold_ink noir two_tone newsprint picture_book".split()
PHOTOS = (data.astronaut, data.chelsea, data.coffee)


def square(photo, side):
    """The middle of a photo, with a side of so many pixels."""
    short = min(photo.shape[:2])
    top, left = ((length - short) // 2 for length in photo.shape[:2])
    middle = Image.fromarray(photo).crop((left, top, left + short, top + short))
    return np.asarray(middle.resize((side, side), Image.Resampling.LANCZOS))


def draw_row(photo, looks, side):
    """A photo, and beside it each of its comics."""
    # Twice as large as shown: print has dots of its own.
    large = square(photo, 2 * side)
    layers = comic.render_layers(large)
    drawn = [large, *(comic.compose(*layers, look) for look in looks)]
    return np.concatenate([square(picture, side) for picture in drawn], axis=1)


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-o", "--output", default="looks.jpg")
    parser.add_argument("--looks", nargs="+", default=LOOKS)
    parser.add_argument("--side", type=int, default=300)
    options = parser.parse_args(argv)
    rows = [draw_row(load(), options.looks, options.side) for load in PHOTOS]
    sheet = Image.fromarray(np.concatenate(rows, axis=0))
    sheet.save(options.output, quality=85)
    print(f"Wrote {options.output}")


if __name__ == "__main__":
    main()
