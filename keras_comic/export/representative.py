"""Photos that show a converter which values occur."""

import itertools
import os
from pathlib import Path

import numpy as np
from keras import ops

from keras_comic.data import list_images
from keras_comic.data import open_image
from keras_comic.data import read_image
from keras_comic.data import read_records
from keras_comic.data import resize_short_side
from keras_comic.models.pictures import as_pictures

NUM_REPRESENTATIVE = 32
# Kinds of records whose `image/encoded` is a picture.
KINDS = (b"photos", b"comics")


def representative_inputs(generator, source, image_size):
    """Inputs of a generator: photos, with the named styles in turn."""
    photos = representative_photos(source, image_size, NUM_REPRESENTATIVE)
    if generator.style_names:
        vectors = [generator.style_vector(n) for n in generator.style_names]
    else:
        vectors = [generator.encode_style(photo) for photo in photos]
    vectors = [ops.convert_to_numpy(vector) for vector in vectors]
    return list(zip(photos, itertools.cycle(vectors), strict=False))


def representative_photos(source, image_size, count):
    """Reads photos, spread evenly over what there is, and crops them."""
    if _is_records(source):
        pictures = _from_records(source, count)
    elif isinstance(source, (str, os.PathLike)):
        paths = list_images(source)
        pictures = [read_image(paths[i]) for i in _spread(len(paths), count)]
    else:
        pictures = [as_pictures(p, "representative")[0][0] for p in source]
        pictures = [pictures[i] for i in _spread(len(pictures), count)]
    if not pictures:
        raise ValueError(
            "`representative` must hold at least one photo. "
            f"Received: representative={source!r}"
        )
    return [_middle(picture, image_size) for picture in pictures]


def _is_records(source):
    if isinstance(source, (list, tuple)):
        return bool(source) and isinstance(source[0], (str, os.PathLike))
    if not isinstance(source, (str, os.PathLike)):
        return False
    return str(source).endswith(".tfrecord") or (
        Path(source).is_dir() and any(Path(source).glob("*.tfrecord"))
    )


def _from_records(records, count):
    dataset = read_records(records)
    total = sum(1 for _ in dataset)
    wanted = set(_spread(total, count))
    pictures = []
    for number, record in enumerate(dataset.as_numpy_iterator()):
        if record["image/kind"] not in KINDS:
            raise ValueError(
                "The records must be of photos or comics. Received: records "
                f"of {record['image/kind'].decode()}"
            )
        if number in wanted:
            contents = record["image/encoded"]
            opened = open_image(f"record {number}", contents=contents)
            pictures.append(np.asarray(opened.image))
    return pictures


def _spread(total, count):
    """`count` numbers below `total`, evenly, or all of them."""
    count = min(total, count)
    return [total * number // count for number in range(count)]


def _middle(picture, image_size):
    height, width = image_size
    scale = max(height / picture.shape[0], width / picture.shape[1])
    short = int(np.ceil(scale * min(picture.shape[:2])))
    picture = resize_short_side(picture, short)
    # The long side is rounded, and may lack a pixel.
    missing = [
        (0, max(0, side - length))
        for side, length in zip(image_size, picture.shape[:2], strict=True)
    ]
    picture = np.pad(picture, [*missing, (0, 0)], mode="edge")
    top = (picture.shape[0] - height) // 2
    left = (picture.shape[1] - width) // 2
    crop = picture[top : top + height, left : left + width]
    return crop[None].astype("float32") / 127.5 - 1.0
