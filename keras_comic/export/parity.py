"""Exported files beside TensorFlow: how near, and how fast."""

import statistics
import time

import numpy as np
import tensorflow as tf

from keras_comic.export.portable_model import PortableModel
from keras_comic.export.saved_model import load_generator
from keras_comic.layers import to_float
from keras_comic.models.drawing import run_network
from keras_comic.models.pictures import as_pictures


def measure_parity(generator, paths, photos, repeats=3, num_threads=1):
    """Runs exported files and TensorFlow on the same photos.

    Every photo is drawn in one of the named styles, in turn, by TensorFlow's
    graph and by each file. They take turns, so that noise of the machine hits
    all alike; the speed ratio is the median of the rounds' ratios.

    Args:
        generator: A built `Generator`, or what `keras_comic.from_preset`
            takes.
        paths: List of paths of files of this generator, `.onnx` and
            `.tflite`.
        photos: List of uint8 pictures `(height, width, 3)`, RGB in
            `[0, 255]`.
        repeats: Integer >= 0. Rounds that are timed, after one that is not; 0
            to leave out times, which are then not a number. Defaults to `3`.
        num_threads: Integer > 0. Threads of ONNX Runtime and LiteRT.
            TensorFlow's are what `tf.config.threading` was set to before it
            first computed. Defaults to `1`.

    Returns:
        List of dicts, a file's each: `runtime`, `dtype` and `num_bytes`;
        `max_difference`, the largest of a value of a comic in `[-1, 1]`;
        `psnr` and `lowest_psnr`, decibels; `seconds`, TensorFlow's
        `peer_seconds`, and `speed_ratio`, above 1 if the file is faster.

    Raises:
        FileNotFoundError: If a file is missing.
        ImportError: If the extra `export` is not installed.
        ValueError: If an argument is not as above.

    Example:

    >>> generator = keras_comic.AdaINGenerator.light((4, 8, 4, 4), 1, 8)
    >>> drawing = np.random.randint(0, 256, (32, 32, 3), dtype="uint8")
    >>> vector = generator.add_style("ink", drawing)
    >>> paths = keras_comic.export.save_onnx(generator, "ink.onnx")
    >>> (row,) = keras_comic.export.measure_parity(
    ...     generator, paths[:1], [drawing], repeats=0)
    >>> row["max_difference"] < 1e-4
    True
    """
    generator = load_generator(generator)
    models = [PortableModel(path, num_threads) for path in paths]
    names = [None]
    if generator.takes_style:
        names = generator.style_names
    differences = [[] for _ in models]
    seconds = [[] for _ in (generator, *models)]
    for number, photo in enumerate(photos):
        photo = to_float(as_pictures(photo, "photos")[0])
        conditions = generator.conditions(names[number % len(names)])
        graph = tf.function(
            lambda photo, generator=generator, conditions=conditions: (
                run_network(generator, photo, conditions)
            ),
            autograph=False,
        )
        functions = [lambda photo=photo, graph=graph: graph(photo).numpy()]
        for model in models:
            functions.append(
                lambda photo=photo, model=model, conditions=conditions: (
                    np.asarray(run_network(model, photo, conditions))
                )
            )
        comics = [function() for function in functions]
        for found, comic in zip(differences, comics[1:], strict=True):
            found.append(comic.astype("float64") - comics[0])
        for _ in range(repeats):
            for function, found in zip(functions, seconds, strict=True):
                start = time.perf_counter()
                function()
                found.append(time.perf_counter() - start)
    return [
        _row(model, found, own, seconds[0])
        for model, found, own in zip(models, differences, seconds[1:])
    ]


def _row(model, differences, seconds, peer_seconds):
    with np.errstate(divide="ignore"):
        # The range of values is 2.
        psnrs = [10 * np.log10(4.0 / np.mean(d**2)) for d in differences]
    ratios = [a / b for a, b in zip(peer_seconds, seconds, strict=True)]
    median = statistics.median if ratios else lambda values: np.nan
    return {
        "runtime": model.runtime,
        "dtype": model.dtype,
        "num_bytes": model.path.stat().st_size,
        "max_difference": max(float(np.abs(d).max()) for d in differences),
        "psnr": float(np.mean(psnrs)),
        "lowest_psnr": float(min(psnrs)),
        "seconds": median(seconds),
        "peer_seconds": median(peer_seconds),
        "speed_ratio": median(ratios),
    }
