"""Style and content of a preset's pictures, beside its peers, in one run.

    python examples/benchmarks/style_score.py --data ../shared/data \
        --sheet sheet.png --json rows.json

`--data` holds `photos/eval`, `drawings/<illustrator>/{eval,train}` and
`weights/vgg19_blocks1to3.npz`; without it there is nothing to measure. The
protocol: every second photo by name, at most 24; of each illustrator the
first two drawings by name. All pictures are cropped to the middle square and
resized to 256 pixels, photos are stylised at that size, outputs are rounded to
8 bits. `ratio`, `content` and `ssim` are those of `keras_comic.metrics`. Each
named style that has the name of an illustrator is scored against all of its
`eval` drawings.

The peers lie in `weights/parity/magenta_style_*.tflite` and
`weights/distilled_vgg19_16x/4S{E,D}.npz`: Magenta's arbitrary stylisation
network (at its own 384 pixels) and AdaIN on a distilled VGG-19.

`--sheet` draws scikit-image's photographs across and the named styles down,
with a row of Magenta's below each illustrator of ours; its style is the
average of its style vectors of the `train` drawings. About ten minutes on 2
CPU cores.
"""

import pathlib
import warnings

import keras
import numpy as np
from benchmark import parser
from benchmark import report
from benchmark import row
from PIL import Image
from PIL import ImageDraw
from PIL import ImageFont

import keras_comic

SIZE = 256
MAGENTA_STYLE_SIZE = 256
MAGENTA_SIZE = 384
SHEET_PHOTOS = ("astronaut", "chelsea", "coffee", "rocket")


def square(path, size=SIZE):
    """The middle square of a picture, uint8 `(size, size, 3)`."""
    picture = Image.fromarray(keras_comic.data.read_image(path))
    side = min(picture.size)
    left, top = (picture.width - side) // 2, (picture.height - side) // 2
    picture = picture.crop((left, top, left + side, top + side))
    return np.asarray(picture.resize((size, size), Image.BICUBIC))


def resized(picture, size):
    image = Image.fromarray(picture)
    return np.asarray(image.resize((size, size), Image.BICUBIC))


def as_float(pictures):
    return np.asarray(pictures, "float32") / 127.5 - 1.0


class Ours:
    """The preset under test."""

    def __init__(self, preset):
        self.generator = keras_comic.from_preset(preset)
        self.name = str(preset)

    def encode(self, drawing):
        return self.generator.style_vector(drawing)

    def stylize(self, photo, style):
        outputs = self.generator(
            {"photos": as_float(photo)[None], "style": style}
        )
        outputs = keras.ops.convert_to_numpy(outputs)[0]
        return np.clip(np.rint((outputs + 1.0) * 127.5), 0, 255).astype("uint8")


class DistilledAdaIN(Ours):
    """The classic AdaIN network with distilled weights."""

    def __init__(self, folder):
        self.generator = keras_comic.models.load_adain_weights(
            folder / "4SE.npz", folder / "4SD.npz"
        )
        self.name = "AdaIN, distilled VGG-19, relu4_1"


class Magenta:
    """Magenta's arbitrary stylisation network, TFLite."""

    name = "Magenta arbitrary stylisation, TFLite"

    def __init__(self, folder):
        self.predict = self._load(
            folder / "magenta_style_predict_quantized_256.tflite"
        )
        self.transfer = self._load(
            folder / "magenta_style_transfer_f16_384.tflite"
        )

    def _load(self, path):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                from ai_edge_litert.interpreter import Interpreter
            except ImportError:
                import tensorflow as tf

                Interpreter = tf.lite.Interpreter
            interpreter = Interpreter(str(path), num_threads=2)
        interpreter.allocate_tensors()
        return interpreter

    def _run(self, interpreter, *arrays):
        for details in interpreter.get_input_details():
            for array in arrays:
                if tuple(details["shape"]) == array.shape:
                    interpreter.set_tensor(details["index"], array)
        interpreter.invoke()
        output = interpreter.get_output_details()[0]["index"]
        return interpreter.get_tensor(output).copy()

    def encode(self, drawing):
        drawing = resized(drawing, MAGENTA_STYLE_SIZE).astype("float32")
        return self._run(self.predict, drawing[None] / 255.0)

    def stylize(self, photo, style):
        photo = resized(photo, MAGENTA_SIZE).astype("float32")[None] / 255.0
        output = self._run(self.transfer, photo, style)[0]
        output = np.clip(np.rint(output * 255.0), 0, 255).astype("uint8")
        return resized(output, SIZE)


def score(network, features, photos, pairs_of_style):
    """`pairs_of_style`: list of (style vector, drawings to compare with)."""
    metric = keras_comic.metrics.StyleScore(features)
    for style, drawings in pairs_of_style:
        drawings = as_float(drawings)
        for photo in photos:
            comic = as_float(network.stylize(photo, style))[None]
            count = (len(drawings), 1, 1, 1)
            metric.update_state(
                np.tile(comic, count), as_float(photo)[None], drawings
            )
    return {key: float(value) for key, value in metric.result().items()}


def score_rows(name, result, peer, conditions):
    return [
        row(f"{name}: {key}", result[key], "1", peer, conditions)
        for key in ("ratio", "content", "ssim")
    ]


def sheet(path, ours, magenta, style_drawings):
    """The card's picture."""
    from skimage import data

    margin, label = 8, 210
    photos = []
    for name in SHEET_PHOTOS:
        picture = Image.fromarray(getattr(data, name)())
        side = min(picture.size)
        left, top = (picture.width - side) // 2, (picture.height - side) // 2
        picture = picture.crop((left, top, left + side, top + side))
        photos.append(np.asarray(picture.resize((SIZE, SIZE), Image.LANCZOS)))
    rows = [("photo", photos)]
    for name in ours.generator.style_names:
        vector = ours.generator.style_vector(name)
        rows.append((name, [ours.stylize(p, vector) for p in photos]))
        if name in style_drawings:
            vector = np.mean(
                [magenta.encode(square(f)) for f in style_drawings[name]],
                axis=0,
            ).astype("float32")
            rows.append(
                (
                    f"{name}\n(Magenta)",
                    [magenta.stylize(p, vector) for p in photos],
                )
            )
    step = SIZE + margin
    picture = Image.new(
        "RGB", (label + step * len(photos), step * len(rows)), "white"
    )
    draw = ImageDraw.Draw(picture)
    font = ImageFont.load_default(22)
    for i, (name, pictures) in enumerate(rows):
        draw.text((margin, i * step + SIZE // 2 - 20), name, "black", font)
        for j, tile in enumerate(pictures):
            picture.paste(Image.fromarray(tile), (label + j * step, i * step))
    picture.save(path)


def illustrators(data, split):
    """Dict of illustrator to the files of a split."""
    return {
        folder.parent.name: keras_comic.data.list_images(folder)
        for folder in sorted(data.glob(f"drawings/*/{split}"))
    }


def main():
    options = parser(__doc__)
    options.add_argument("--preset", default="adain_storybook")
    options.add_argument(
        "--data",
        type=pathlib.Path,
        default=pathlib.Path(__file__).resolve().parents[3] / "shared" / "data",
        help="the folder of pictures and weights (default: ../shared/data)",
    )
    options.add_argument("--sheet", help="also draw the card's sheet")
    arguments = options.parse_args()
    data = arguments.data
    if not (data / "photos" / "eval").is_dir():
        print(f"Style and content: not measured, no pictures in {data}")
        return

    features = keras_comic.models.FeatureNetwork.from_weights(
        data / "weights" / "vgg19_blocks1to3.npz"
    )
    drawings = {
        name: [square(file) for file in files]
        for name, files in illustrators(data, "eval").items()
    }
    files = keras_comic.data.list_images(data / "photos" / "eval")[::2][:24]
    photos = [square(file) for file in files]
    ours = Ours(arguments.preset)
    magenta = Magenta(data / "weights" / "parity")
    distilled = DistilledAdaIN(data / "weights" / "distilled_vgg19_16x")
    rows = []
    chosen = [d for group in drawings.values() for d in group[:2]]
    for network in (ours, magenta, distilled):
        pairs = [(network.encode(d), [d]) for d in chosen]
        rows += score_rows(
            network.name,
            score(network, features, photos, pairs),
            None if network is ours else ours.name,
            f"{len(photos)} x {len(chosen)} pairs",
        )
    for name in ours.generator.style_names:
        group = drawings.get(name)
        if group is None:
            continue
        pairs = [(ours.generator.style_vector(name), group)]
        rows += score_rows(
            f"named style {name}",
            score(ours, features, photos, pairs),
            None,
            f"{len(photos)} x {len(group)} pairs",
        )
    report("Style and content", rows, arguments.json)
    if arguments.sheet:
        sheet(arguments.sheet, ours, magenta, illustrators(data, "train"))


if __name__ == "__main__":
    main()
