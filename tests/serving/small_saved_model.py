"""A tiny SavedModel, written once in a process."""

import functools
import tempfile
from pathlib import Path

from keras_comic.export.saved_model import save_served_model
from keras_comic.models import AdaINGenerator
from tests.test_case import photos

_folder = tempfile.TemporaryDirectory()


@functools.cache
def small_saved_model():
    """A generator with the styles `ink` and `wash`, and its SavedModel.

    Returns:
        The generator; path of the SavedModel's folder.
    """
    generator = AdaINGenerator.light((4, 8, 4, 4), 1, 8)
    generator.add_style("ink", photos(32, 32, 3, seed=1))
    generator.add_style("wash", photos(32, 32, 3, seed=2) // 4)
    folder = Path(_folder.name, "comic", "1")
    return generator, save_served_model(generator, folder, warmup_sizes=())
