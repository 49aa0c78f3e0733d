"""How much comics look like comics: seven numbers, beside the photo itself.

    python examples/benchmarks/comic_look.py --photos FOLDER \\
        [--presets NAME:STYLE ...]

Photographs are shrunk to a short side of 384 pixels. The rows: the photo, a
bilateral filter, each look of the classical renderer, and each preset that is
named, in one of its styles.
"""

import cv2
import numpy as np
from benchmark import parser
from benchmark import report
from benchmark import row
from PIL import Image

import keras_comic
from keras_comic import comic
from keras_comic.data import list_images
from keras_comic.data import read_image
from keras_comic.metrics import comic_look
from keras_comic.metrics import mean_comic_look

SHORT_SIDE = 384


def load(path):
    """A photo with a short side of 384 pixels."""
    photo = Image.fromarray(read_image(path))
    scale = SHORT_SIDE / min(photo.size)
    size = [max(SHORT_SIDE, round(side * scale)) for side in photo.size]
    kind = Image.Resampling.LANCZOS if scale < 1 else Image.Resampling.BICUBIC
    return np.asarray(photo.resize(size, kind))


def measure(photos, draw):
    """The means of the numbers of what is drawn of photos."""
    return mean_comic_look([comic_look(p, draw(p)) for p in photos])


def main(argv=None):
    options = parser(__doc__)
    options.add_argument("--photos", required=True, help="a folder of photos")
    options.add_argument("--count", type=int, help="how many of them")
    options.add_argument("--presets", nargs="*", default=[])
    arguments = options.parse_args(argv)
    paths = list_images(arguments.photos)[: arguments.count]
    photos = [load(path) for path in paths]
    layers = {id(photo): comic.render_layers(photo) for photo in photos}
    drawers = {
        "photo": lambda photo: photo,
        "bilateral filter": lambda photo: cv2.bilateralFilter(photo, 9, 40, 7),
    }
    for name in comic.LOOKS:
        drawers[f"renderer, {name}"] = lambda photo, name=name: comic.compose(
            *layers[id(photo)], name
        )
    for name in arguments.presets:
        preset, _, style = name.partition(":")
        generator = keras_comic.from_preset(preset)
        drawers[name] = lambda photo, generator=generator, style=style: (
            generator.stylize(photo, style or None)
        )
    rows = []
    for name, draw in drawers.items():
        for number, value in measure(photos, draw).items():
            conditions = f"{len(photos)} photographs, short side {SHORT_SIDE}"
            rows.append(row(f"{name}: {number}", value, "", None, conditions))
    report("The look of a comic", rows, arguments.json)


if __name__ == "__main__":
    main()
