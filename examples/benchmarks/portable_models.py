"""ONNX and LiteRT files of a preset beside TensorFlow: parity and speed.

    python examples/benchmarks/portable_models.py --json portable_models.json

Exports a preset as ONNX and LiteRT (float32, float16, int8), then draws the
same photos with each and with TensorFlow's graph, taking turns, so that noise
of the machine hits all alike. A speed ratio is TensorFlow's seconds by the
file's, the median of rounds and photos. The photos are those of a folder
(`--photos`), spread evenly, or two of scikit-image's, scaled to a short side.
"""

import os
import pathlib
import tempfile
import time

from benchmark import parser
from benchmark import report
from benchmark import row

# Format, how the weights are stored, the aim.
FILES = (
    ("onnx", "float32", "aim: difference at most 1"),
    ("onnx", "float16", "aim: difference at most 3"),
    ("onnx", "int8", "aim: PSNR at least 30 dB"),
    ("tflite", "float32", "aim: difference at most 1"),
    ("tflite", "float16", "aim: difference at most 3"),
    ("tflite", "int8", "aim: PSNR at least 30 dB"),
)
VALUES = (
    ("max_difference", "of 255, from TensorFlow"),
    ("psnr", "dB, mean"),
    ("lowest_psnr", "dB, lowest"),
    ("seconds", "s"),
    ("peer_seconds", "s of TensorFlow"),
    ("speed_ratio", "speed ratio"),
    ("num_bytes", "bytes"),
)


def photos_of(folder, count):
    """Photos of a folder, spread evenly, or two of scikit-image's."""
    import keras_comic

    if folder is None:
        from skimage import data

        return [data.astronaut(), data.coffee()]
    paths = keras_comic.data.list_images(folder)
    count = min(count, len(paths))
    chosen = [paths[len(paths) * number // count] for number in range(count)]
    return [keras_comic.data.read_image(path) for path in chosen]


def export(generator, folder):
    """Writes the files of `FILES`; a list of their paths."""
    import keras_comic

    paths = []
    for suffix, dtype, _ in FILES:
        paths.append(pathlib.Path(folder, f"{dtype}.{suffix}"))
        save = {
            "onnx": keras_comic.export.save_onnx,
            "tflite": keras_comic.export.save_litert,
        }[suffix]
        save(generator, paths[-1], dtype)
    return paths


def compare(generator, path, photos, repeats, threads):
    """One file beside TensorFlow on the same photos, which take turns."""
    import numpy as np

    import keras_comic

    model = keras_comic.export.PortableModel(path, threads)
    differences, seconds, peer_seconds = [], [], []
    for photo in photos:
        expected, comic = generator.stylize(photo), model.stylize(photo)
        differences.append(comic.astype("float64") - expected)
        for _ in range(repeats):
            for one, times in ((model, seconds), (generator, peer_seconds)):
                start = time.perf_counter()
                one.stylize(photo)
                times.append(time.perf_counter() - start)
    # The error of rounding bounds what can be told of equal pictures.
    errors = [max(np.mean(d**2), 1 / 12) for d in differences]
    psnrs = [10 * np.log10(255**2 / error) for error in errors]
    ratios = np.divide(peer_seconds, seconds)
    return {
        "runtime": model.runtime,
        "dtype": model.dtype,
        "num_bytes": path.stat().st_size,
        "max_difference": max(float(np.abs(d).max()) for d in differences),
        "psnr": float(np.mean(psnrs)),
        "lowest_psnr": float(min(psnrs)),
        "seconds": float(np.median(seconds)),
        "peer_seconds": float(np.median(peer_seconds)),
        "speed_ratio": float(np.median(ratios)),
    }


def measure(arguments):
    """Rows of the report."""
    import keras_comic

    photos = photos_of(arguments.photos, arguments.count)
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        generator = keras_comic.from_preset(arguments.preset)
        paths = export(generator, folder)
        for size in arguments.sizes:
            scaled = [
                keras_comic.data.resize_short_side(photo, size)
                for photo in photos
            ]
            for path, (_, _, aim) in zip(paths, FILES, strict=True):
                item = compare(
                    generator,
                    path,
                    scaled,
                    arguments.repeats,
                    arguments.threads,
                )
                name = f"{item['runtime']}, {item['dtype']}, short side {size}"
                conditions = (
                    f"{aim}; {arguments.threads} threads, {len(photos)} photos"
                )
                for key, unit in VALUES:
                    rows.append(row(name, item[key], unit, None, conditions))
    return rows


def main(arguments=None):
    options = parser(__doc__)
    options.add_argument("--preset", default="adain_storybook")
    options.add_argument("--photos", metavar="FOLDER")
    options.add_argument(
        "--count", type=int, default=12, help="photos of the folder"
    )
    options.add_argument("--sizes", nargs="+", type=int, default=[256, 512])
    options.add_argument("--threads", type=int, default=2)
    arguments = options.parse_args(arguments)
    # TensorFlow reads it when it is imported.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    import tensorflow as tf

    try:
        threading = tf.config.threading
        threading.set_intra_op_parallelism_threads(arguments.threads)
        threading.set_inter_op_parallelism_threads(1)
    except RuntimeError:
        print("TensorFlow has begun already, with threads of its own.")
    report("Portable models", measure(arguments), arguments.json)


if __name__ == "__main__":
    main()
