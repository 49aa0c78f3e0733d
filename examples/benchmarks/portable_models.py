"""ONNX and LiteRT models of a preset beside TensorFlow: parity and speed.

    python examples/benchmarks/portable_models.py --json portable_models.json

Exports a preset as ONNX and LiteRT (float32, float16, int8), then stylises
the same photos with each and with TensorFlow's graph, in one process for each
number of threads, taking turns, so that noise of the machine hits all alike. A
speed ratio is TensorFlow's seconds by the model's, the median of rounds and
photos.

The photos are the middle squares of a folder's (`--photos`), spread evenly, or
of two of scikit-image's; with `--whole` they are not cut, and a size is that of
their short side; `--representative` is what int8's ranges are taken
from, a folder or TFRecords of photos, or else parts of scikit-image's other
photos.
"""

import json
import os
import pathlib
import sys
import tempfile

from benchmark import in_own_process
from benchmark import parser
from benchmark import report
from benchmark import row
from benchmark import set_threads

# Format, how the weights are stored, what is aimed at.
MODELS = (
    ("onnx", "float32", "aim: difference at most 1e-4"),
    ("onnx", "float16", "aim: difference at most 2e-2"),
    ("onnx", "int8", "aim: PSNR at least 30 dB"),
    ("tflite", "float32", "aim: difference at most 1e-4"),
    ("tflite", "float16", "aim: difference at most 2e-2"),
    ("tflite", "int8", "aim: PSNR at least 30 dB"),
)


def sample_photos(names):
    """Some of the photographs that come with scikit-image."""
    from skimage import data

    return [getattr(data, name)() for name in names]


def parts_of(photo, size=256):
    """Overlapping squares of a photo, to stand for several."""
    height, width = photo.shape[:2]
    return [
        photo[top : top + size, left : left + size]
        for top in range(0, height - size + 1, 44)
        for left in range(0, width - size + 1, 64)
    ]


def photos_of(folder, count):
    """Photos of a folder, spread evenly, or two of scikit-image's."""
    import keras_comic

    if folder is None:
        return sample_photos(["astronaut", "coffee"])
    paths = keras_comic.data.list_images(folder)
    count = min(count, len(paths))
    chosen = [paths[len(paths) * number // count] for number in range(count)]
    return [keras_comic.data.read_image(path) for path in chosen]


def middle_square(photo, size):
    """The middle of a photo, scaled to a square of `size` pixels."""
    import keras_comic

    photo = keras_comic.data.resize_short_side(photo, size)
    top = (photo.shape[0] - size) // 2
    left = (photo.shape[1] - size) // 2
    return photo[top : top + size, left : left + size]


def export(preset, representative, folder):
    """Writes the models of `MODELS`; a list of their paths."""
    import keras_comic

    generator = keras_comic.from_preset(preset)
    if representative is None:
        representative = [
            part
            for photo in sample_photos(["chelsea", "rocket"])
            for part in parts_of(photo)
        ]
    paths = []
    for suffix, dtype, _ in MODELS:
        path = pathlib.Path(folder, f"{dtype}.{suffix}")
        photos = representative if dtype == "int8" else None
        save = {
            "onnx": keras_comic.export.save_onnx,
            "tflite": keras_comic.export.save_litert,
        }[suffix]
        save(generator, path, dtype, representative=photos)
        paths.append(path)
    return paths


def measure(arguments, threads, folder):
    """Rows of parity at each size, with TensorFlow on so many threads."""
    import keras_comic

    set_threads(threads)
    paths = [
        pathlib.Path(folder, f"{dtype}.{suffix}") for suffix, dtype, _ in MODELS
    ]
    found = []
    for size in arguments.sizes:
        photos = [
            keras_comic.data.resize_short_side(photo, size)
            if arguments.whole
            else middle_square(photo, size)
            for photo in photos_of(arguments.photos, arguments.count)
        ]
        rows = keras_comic.export.measure_parity(
            arguments.preset, paths, photos, arguments.repeats, threads
        )
        found.append([vars(item) for item in rows])
    return found


def rows_of(found, size, threads):
    """Rows of the report, of what was found at one size."""
    aims = ["", *(aim for _, _, aim in MODELS)]
    rows = []
    for item, aim in zip(found, aims, strict=True):
        name = f"{item['runtime']}, {item['dtype']}, {size}x{size}"
        peer = f"TensorFlow, float32, {size}x{size}"
        threaded = f"{threads} threads, {item['num_photos']} photos"
        conditions = "; ".join(filter(None, [aim, threaded]))
        is_peer = item["runtime"] == "TensorFlow"
        values = [("seconds", "s"), ("max_error", "from double precision")]
        if not is_peer:
            values += [
                ("max_difference", "from TensorFlow"),
                ("psnr", "dB, mean"),
                ("lowest_psnr", "dB, lowest"),
                ("speed_ratio", "speed ratio"),
            ]
        for key, unit in values:
            against = None if is_peer else peer
            rows.append(row(name, item[key], unit, against, conditions))
    return rows


def parse(arguments=None):
    options = parser(__doc__)
    options.add_argument("--preset", default="adain_storybook")
    options.add_argument("--photos", metavar="FOLDER")
    options.add_argument(
        "--count", type=int, default=12, help="photos of the folder"
    )
    options.add_argument(
        "--whole", action="store_true", help="do not cut the photos square"
    )
    options.add_argument("--representative", metavar="FOLDER_OR_RECORDS")
    options.add_argument("--sizes", nargs="+", type=int, default=[256, 512])
    options.add_argument("--threads", nargs="+", type=int, default=[1, 2])
    options.add_argument(
        "--measure", nargs=2, metavar=("THREADS", "FOLDER"), help="internal"
    )
    return options.parse_args(arguments)


def main(arguments=None):
    given = sys.argv[1:] if arguments is None else arguments
    arguments = parse(arguments)
    # TensorFlow reads it when it is imported.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    if arguments.measure:
        threads, folder = arguments.measure
        print(json.dumps(measure(arguments, int(threads), folder)))
        return
    rows, tables = [], []
    with tempfile.TemporaryDirectory() as folder:
        export(arguments.preset, arguments.representative, folder)
        for threads in arguments.threads:
            measured = in_own_process(
                __file__, *given, "--measure", threads, folder
            )
            for size, found in zip(arguments.sizes, measured, strict=True):
                rows += rows_of(found, size, threads)
                tables.append((size, threads, found))
    import keras_comic

    for size, threads, found in tables:
        items = [keras_comic.export.ParityRow(**item) for item in found]
        print(f"{size}x{size} pixels, {threads} threads:\n")
        print(keras_comic.export.parity_table(items) + "\n")
    report("Portable models", rows, arguments.json)


if __name__ == "__main__":
    main()
