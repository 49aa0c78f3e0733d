"""A content classifier: withholds pictures that are near to blocked ones.

    export BLOCKED_PICTURES=blocked
    keras-comic serve adain_storybook --content-classifier content_review:review

run in this folder. `blocked` holds pictures, or the photos they would be made
from. A comic whose perceptual hash differs from that of one of them in at most
16 of 64 bits is not given to anybody, also if it is mirrored; unrelated
pictures differ in about 32. Of scikit-image's astronaut, coffee, chelsea and
rocket in the eight styles of adain_storybook, 29 of 32 comics are found by the
photo (the others are of the rocket), and none by another photo. This is a list
of what is known, and no judgement of what a picture shows: for that, put a
classifier of your own in its place.
"""

import functools
import os

import imagehash
from PIL import Image

import keras_comic

MAX_DISTANCE = 16


@functools.cache
def blocked_hashes():
    """Hashes of the pictures in the folder that the variable names."""
    folder = os.environ.get("BLOCKED_PICTURES")
    if not folder:
        raise ValueError(
            "Set BLOCKED_PICTURES to the folder of pictures that are not "
            "given to anybody."
        )
    hashes = []
    for path in keras_comic.data.list_images(folder):
        image = Image.fromarray(keras_comic.data.read_image(path))
        hashes.append(imagehash.phash(image))
        mirrored = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
        hashes.append(imagehash.phash(mirrored))
    return hashes


def review(images):
    """Whether each picture may be given away.

    Args:
        images: uint8 `(batch, height, width, 3)`, RGB in `[0, 255]`.

    Returns:
        List of booleans.
    """
    found = [imagehash.phash(Image.fromarray(image)) for image in images]
    return [
        all(hash - blocked > MAX_DISTANCE for blocked in blocked_hashes())
        for hash in found
    ]
