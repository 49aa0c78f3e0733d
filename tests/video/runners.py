"""A small generator and frames, for tests of what runs networks on videos."""

import functools

import keras
import numpy as np

from keras_comic.models import AdaINGenerator
from keras_comic.models.network_runner import NetworkRunner
from tests.test_case import photos

ANY_SEED = 3


def small_generator(seed=ANY_SEED):
    """A generator that tells frames apart, the same each time."""
    keras.utils.set_random_seed(seed)
    generator = AdaINGenerator.light((4, 6, 4, 4), 1, 5)
    generator.add_style("noise", photos(32, 40, 3, seed=seed))
    return generator


@functools.cache
def small_runner(**kwargs):
    """It keeps nothing of what it runs on: one for all tests."""
    return NetworkRunner(small_generator(), **kwargs)


def smooth_picture(height, width, seed=0):
    """uint8 picture of soft blobs, without noise."""
    coarse = photos(-(-height // 8), -(-width // 8), 3, seed=seed)
    picture = np.kron(coarse.astype("float32"), np.ones((8, 8, 1)))
    return picture[:height, :width].astype("uint8")


def moving_square(count=6, height=96, width=128, side=16, step=4, left=16):
    """Frames in which a bright square moves to the right."""
    frames = np.stack([smooth_picture(height, width) // 2] * count)
    for number, frame in enumerate(frames):
        start = left + step * number
        frame[32 : 32 + side, start : start + side] = (250, 240, 30)
    return frames
