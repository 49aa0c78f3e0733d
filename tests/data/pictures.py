"""Small pictures that the tests of this folder share."""

import numpy as np
from PIL import Image

from tests.test_case import photos


def save_noise(folder, *names, height=24, width=32, first_seed=0):
    """Saves uint8 noise as images, each of its own seed."""
    for seed, name in enumerate(names, start=first_seed):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(photos(height, width, 3, seed=seed)).save(path)
    return folder


def save_flat(folder, names_and_colors, size=16):
    """Saves square PNG images of one colour each."""
    for name, color in names_and_colors.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        pixels = np.full((size, size, 3), color, "uint8")
        Image.fromarray(pixels).save(path)
    return folder


def drawing_with_box(color, box, height=64, width=64, seed=0):
    """Dark noise with an empty box of one colour."""
    image = photos(height, width, 3, seed=seed) // 2
    top, left, bottom, right = box
    image[top:bottom, left:right] = color
    return image
