"""Tiny models, exported once for all tests of a process."""

import atexit
import functools
import pathlib
import tempfile

import tensorflow as tf

from keras_comic.export.litert_export import save_litert
from keras_comic.export.onnx_export import save_onnx
from keras_comic.export.saved_model import save_served_model
from keras_comic.provenance.metadata import Provenance
from tests.test_case import photos
from tests.tiny_families import TinyCodes
from tests.tiny_families import TinyComic
from tests.tiny_families import TinyPainter


def make_painter():
    painter = TinyPainter()
    for number, name in enumerate(("ink", "wash", "größe")):
        drawing = photos(40, 32, 3, seed=number) // (number + 1)
        painter.add_style(name, drawing, "noise", "CC0")
    return painter


FAMILIES = {"comic": TinyComic, "painter": make_painter, "codes": TinyCodes}


@functools.cache
def small_model(name):
    return FAMILIES[name]()


@functools.cache
def temporary_folder():
    folder = tempfile.TemporaryDirectory()
    atexit.register(folder.cleanup)
    return pathlib.Path(folder.name)


@functools.cache
def served_folder(name):
    """The folder of a model's SavedModel."""
    return save_served_model(
        small_model(name),
        temporary_folder() / name / "1",
        max_pixels=20_000,
        provenance=Provenance("ink", "7"),
        warmup_sizes=((32, 48),),
    )


@functools.cache
def _loaded(name):
    return tf.saved_model.load(served_folder(name))


def served_signatures(name):
    return _loaded(name).signatures


def run(name, signature, inputs):
    """Returns the output of a signature of a model's SavedModel."""
    tensors = {key: tf.constant(value) for key, value in inputs.items()}
    (output,) = served_signatures(name)[signature](**tensors).values()
    return output.numpy()


@functools.cache
def portable_path(name, suffix, dtype="float32"):
    """The path of a model's ONNX or LiteRT file."""
    path = temporary_folder() / f"{name}_{dtype}{suffix}"
    if suffix == ".onnx":
        save_onnx(small_model(name), path, dtype, licence="CC0")
    else:
        save_litert(small_model(name), path, dtype, (32, 48), licence="CC0")
    return path
