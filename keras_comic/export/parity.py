"""Exported models beside TensorFlow: how near, and how fast."""

import dataclasses
import statistics
import time

import keras
import numpy as np
import tensorflow as tf

from keras_comic.export.portable_graph import check_generator
from keras_comic.export.portable_graph import trace_in_float64
from keras_comic.export.portable_model import PortableModel
from keras_comic.models.pictures import as_pictures


@dataclasses.dataclass(frozen=True)
class ParityRow:
    """How one exported model compares with TensorFlow, over some photos.

    Args:
        runtime: String, `"ONNX Runtime"`, `"LiteRT"` or `"TensorFlow"`.
        dtype: String, how the weights are stored.
        num_bytes: Integer, of the file; 0 for TensorFlow.
        num_photos: Integer.
        max_difference: Float, the largest absolute difference of a value of a
            comic, in `[-1, 1]`, from TensorFlow's.
        max_error: Float, the largest from the same network in double
            precision.
        psnr: Float, decibels, mean over the photos.
        lowest_psnr: Float, decibels, of the worst photo.
        seconds: Float, median of the photos'.
        speed_ratio: Float. TensorFlow's seconds by the model's: above 1, the
            model is faster.

    Example:

    >>> row = keras_comic.export.ParityRow(
    ...     "LiteRT", "int8", 999_000, 1, 1.0, 1.0, 38.0, 33.0, 0.1, 1.2)
    >>> print(keras_comic.export.parity_table([row]).splitlines()[-1])
    | LiteRT | int8 | 1.00 | 1.0e+00 | 1.0e+00 | 38.0 | 33.0 | 0.100 | 1.20 |
    """

    runtime: str
    dtype: str
    num_bytes: int
    num_photos: int
    max_difference: float
    max_error: float
    psnr: float
    lowest_psnr: float
    seconds: float
    speed_ratio: float


def measure_parity(generator, paths, photos, repeats=3, num_threads=1):
    """Runs exported models and TensorFlow on the same photos.

    Every photo is stylised in one of the named styles, in turn (without named
    styles, in the photo's own), by TensorFlow's graph and by each model. They
    take turns, so that noise of the machine hits all alike; the speed ratio
    is the median of the photos' and rounds' ratios. TensorFlow itself is
    compared with double precision, as the models are: in float32 it is not
    exact either.

    Args:
        generator: A built generator, or what `keras_comic.from_preset` takes.
        paths: List of paths of models of this generator, `.onnx` and
            `.tflite`.
        photos: uint8 `(batch, height, width, 3)`, or a list of uint8 pictures
            `(height, width, 3)` whose sizes may differ; RGB in `[0, 255]`.
        repeats: Integer >= 0. Rounds that are timed, after one that is not;
            0 to leave out times, which are then not a number. Defaults to
            `3`.
        num_threads: Integer > 0. Threads of ONNX Runtime and LiteRT.
            TensorFlow's are what `tf.config.threading` was set to before it
            first computed. Defaults to `1`.

    Returns:
        List of `ParityRow`: TensorFlow's, then one for each path.

    Raises:
        FileNotFoundError: If a model is missing.
        ImportError: If the extra `export` is not installed.
        ValueError: If there is no photo, or an argument is out of its range.

    Example:

    >>> generator = keras_comic.AdaINGenerator.light((4, 8, 4, 4), 1, 8)
    >>> paths = keras_comic.export.save_onnx(generator, "ink.onnx")
    >>> photos = np.random.randint(0, 256, (1, 32, 40, 3), dtype="uint8")
    >>> tensorflow, row = keras_comic.export.measure_parity(
    ...     generator, paths[:1], photos, repeats=0)
    >>> row.max_difference < 1e-4
    True
    """
    if repeats < 0 or num_threads < 1:
        raise ValueError(
            "`repeats` must be at least 0 and `num_threads` at least 1. "
            f"Received: repeats={repeats}, num_threads={num_threads}"
        )
    generator = check_generator(generator)
    inputs = [
        as_pictures(photo, "photos")[0] / np.float32(127.5) - 1
        for photo in photos
    ]
    if not inputs:
        raise ValueError("`photos` must hold a photo. Received: photos=[]")
    models = [PortableModel(path, num_threads) for path in paths]
    exact = trace_in_float64(generator)
    # TensorFlow's own first.
    measured = [_Measured() for _ in range(1 + len(models))]
    names = generator.style_names
    for number, photo in enumerate(inputs):
        if names:
            style = generator.style_vector(names[number % len(names)])
        else:
            style = generator.encode_style(photo)
        style = keras.ops.convert_to_numpy(style)
        graph = _graph(generator, photo.shape[1:3])
        functions = [graph, *models]
        truth = exact(photo.astype("float64"), style.astype("float64"))
        truth = truth["comics"].numpy()
        results = [function(photo, style) for function in functions]
        for result, seen in zip(results, measured, strict=True):
            seen.compare(result, results[0], truth)
        _take_turns(functions, measured, (photo, style), repeats)
    return [seen.row(model) for model, seen in zip([None, *models], measured)]


def parity_table(rows):
    """Parity as a Markdown table.

    Args:
        rows: List of `ParityRow`.

    Returns:
        String.

    Example:

    >>> print(keras_comic.export.parity_table([]).splitlines()[1])
    | --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |
    """
    lines = [
        "| runtime | weights | MB | largest difference | largest error "
        "| mean PSNR, dB | lowest PSNR, dB | seconds | speed ratio |",
        "| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for row in rows:
        lines.append(
            f"| {row.runtime} | {row.dtype} | {row.num_bytes / 1e6:.2f} "
            f"| {row.max_difference:.1e} | {row.max_error:.1e} "
            f"| {row.psnr:.1f} | {row.lowest_psnr:.1f} | {row.seconds:.3f} "
            f"| {row.speed_ratio:.2f} |"
        )
    return "\n".join(lines)


class _Measured:
    """What is known of one model so far."""

    def __init__(self):
        self.differences = []
        self.errors = []
        self.psnrs = []
        self.seconds = []
        self.ratios = []

    def compare(self, comics, expected, truth):
        differences = comics.astype("float64") - expected
        self.differences.append(float(np.abs(differences).max()))
        self.errors.append(float(np.abs(comics - truth).max()))
        with np.errstate(divide="ignore"):
            # The range of values is 2.
            psnr = 10 * np.log10(4.0 / np.mean(np.square(differences)))
        self.psnrs.append(float(psnr))

    def row(self, model):
        timed = bool(self.seconds)
        return ParityRow(
            runtime=model.runtime if model else "TensorFlow",
            dtype=model.dtype if model else "float32",
            num_bytes=model.path.stat().st_size if model else 0,
            num_photos=len(self.psnrs),
            max_difference=max(self.differences),
            max_error=max(self.errors),
            psnr=statistics.fmean(self.psnrs),
            lowest_psnr=min(self.psnrs),
            seconds=statistics.median(self.seconds) if timed else np.nan,
            speed_ratio=statistics.median(self.ratios) if timed else np.nan,
        )


def _graph(generator, image_size):
    """TensorFlow's function for one size: arrays in, an array out."""

    @tf.function(
        autograph=False,
        input_signature=[
            tf.TensorSpec((1, *image_size, 3)),
            tf.TensorSpec((1, generator.style_dim)),
        ],
    )
    def comics(photos, style):
        inputs = {"photos": photos, "style": style}
        return generator(inputs, training=False)

    return lambda photos, style: comics(photos, style).numpy()


def _take_turns(functions, measured, inputs, repeats):
    """Times TensorFlow's function, the first, and the models'."""
    for turn in range(repeats):
        seconds = [0.0] * len(functions)
        for number in range(len(functions)):
            # Another one begins each round.
            place = (number + turn) % len(functions)
            start = time.perf_counter()
            functions[place](*inputs)
            seconds[place] = time.perf_counter() - start
        for seen, own in zip(measured, seconds, strict=True):
            seen.seconds.append(own)
            seen.ratios.append(seconds[0] / own)
