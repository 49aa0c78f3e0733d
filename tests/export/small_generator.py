"""A generator small enough to be converted in every test."""

import atexit
import functools
import pathlib
import tempfile

import keras
import numpy as np

import keras_comic
from keras_comic.export.litert_export import save_litert
from keras_comic.export.onnx_export import save_onnx
from tests.test_case import photos


def make_generator(num_styles=2):
    keras.utils.set_random_seed(0)
    generator = keras_comic.AdaINGenerator.light((4, 8, 4, 4), 1, 8)
    for number in range(num_styles):
        name = f"style {number}"
        drawing = photos(40, 32, 3, seed=number + 10)
        generator.add_style(name, drawing, "noise", "CC0")
    return generator


def make_photo(height, width, seed=0):
    """A smooth picture in `[-1, 1]`, with a little noise."""
    y, x = np.mgrid[:height, :width].astype("float32")
    waves = [np.sin(x / 7 + c) * np.cos(y / 5 - c) for c in range(3)]
    noise = np.random.default_rng(seed).uniform(-1, 1, (height, width, 3))
    picture = 0.8 * np.stack(waves, axis=-1) + 0.2 * noise
    return picture[None].astype("float32")


@functools.cache
def saved_model(name, dtype):
    """The path of `make_generator()`, exported once for all tests."""
    folder = tempfile.TemporaryDirectory()
    atexit.register(folder.cleanup)
    path = pathlib.Path(folder.name, name)
    if path.suffix == ".onnx":
        save_onnx(make_generator(), path, dtype)
    else:
        save_litert(make_generator(), path, dtype, image_size=(32, 48))
    return path
