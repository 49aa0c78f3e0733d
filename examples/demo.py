"""Stylises photographs in six named styles, onto one contact sheet.

    python examples/demo.py
    python examples/demo.py --preset adain_storybook -o outputs/demo.png

The photographs are those that scikit-image brings along; nothing is fetched.
`make demo` runs this. 30 pictures take about a minute on two processor cores.
"""

import argparse
import pathlib

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image
from skimage import data

import keras_comic

NUM_STYLES = 6
# Side of a tile, and of what surrounds it, pixels.
TILE = 280
GAP = 10
LABEL_WIDTH = 200
DPI = 100


def load_photos(size=TILE):
    """Photographs of scikit-image that are part of what pip installs.

    Args:
        size: Integer. Side of the square, pixels.

    Returns:
        uint8 array `(5, size, size, 3)`, RGB in `[0, 255]`.
    """
    photos = [
        data.astronaut(),
        data.chelsea(),
        data.coffee(),
        data.rocket(),
        data.stereo_motorcycle()[0],
    ]
    return np.stack([square(photo, size) for photo in photos])


def square(photo, size):
    """The middle of a photo, resized to a square."""
    height, width = photo.shape[:2]
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    middle = Image.fromarray(photo[top : top + side, left : left + side])
    return np.asarray(middle.resize((size, size), Image.Resampling.LANCZOS))


def draw_sheet(rows, path):
    """Writes a sheet of labelled rows of tiles.

    Args:
        rows: Dict of label to uint8 `(columns, height, width, 3)`.
        path: `pathlib.Path` of the PNG file; its folder is made.
    """
    tiles = list(rows.values())
    columns, height, width = tiles[0].shape[:3]
    sheet_width = LABEL_WIDTH + columns * (width + GAP) + GAP
    sheet_height = len(rows) * (height + GAP) + GAP
    # A tenth of a pixel more, since Matplotlib rounds down.
    figure = Figure(
        ((sheet_width + 0.1) / DPI, (sheet_height + 0.1) / DPI), dpi=DPI
    )
    for row, (label, comics) in enumerate(rows.items()):
        bottom = sheet_height - (row + 1) * (height + GAP)
        figure.text(
            LABEL_WIDTH / 2 / sheet_width,
            (bottom + height / 2) / sheet_height,
            label,
            ha="center",
            va="center",
            fontsize=13,
        )
        for column, comic in enumerate(comics):
            left = LABEL_WIDTH + GAP + column * (width + GAP)
            # From the bottom left, without resampling.
            figure.figimage(comic, left, bottom, origin="upper")
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    sheet = Image.fromarray(np.asarray(canvas.buffer_rgba())[..., :3])
    path.parent.mkdir(parents=True, exist_ok=True)
    sheet.save(path, optimize=True)


def main(arguments=None):
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--preset",
        default="adain_storybook",
        help="a name, a folder or a handle (default: %(default)s)",
    )
    parser.add_argument(
        "-o",
        "--output",
        type=pathlib.Path,
        default=pathlib.Path("outputs/demo.png"),
        help="the sheet to write (default: %(default)s)",
    )
    options = parser.parse_args(arguments)

    generator = keras_comic.from_preset(options.preset)
    photos = load_photos()
    rows = {"photo": photos}
    for name in generator.style_names[:NUM_STYLES]:
        rows[name] = generator.stylize(photos, style=name)
    draw_sheet(rows, options.output)
    print(f"Wrote {options.output}")


if __name__ == "__main__":
    main()
