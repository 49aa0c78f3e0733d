"""Image files, TFRecords, and the datasets that feed training.

What reads and writes TFRecords needs TensorFlow and is imported when it is
first asked for; the rest works without.
"""

import importlib

from keras_comic.data.drawing_folder import DrawingFolder
from keras_comic.data.folder import FolderPairs
from keras_comic.data.images import image_label
from keras_comic.data.images import list_images
from keras_comic.data.images import read_image
from keras_comic.data.images import resize_short_side
from keras_comic.data.photo_folder import PhotoFolder

_NEEDS_TENSORFLOW = {
    "comic_dataset": "pipelines",
    "describe_schema": "tfrecord",
    "photo_dataset": "pipelines",
    "style_transfer_dataset": "pipelines",
    "read_records": "tfrecord",
    "write_records": "tfrecord",
}

__all__ = [
    "DrawingFolder",
    "FolderPairs",
    "PhotoFolder",
    "comic_dataset",
    "describe_schema",
    "image_label",
    "list_images",
    "photo_dataset",
    "read_image",
    "read_records",
    "resize_short_side",
    "style_transfer_dataset",
    "write_records",
]


def __getattr__(name):
    if name in _NEEDS_TENSORFLOW:
        module = f"{__name__}.{_NEEDS_TENSORFLOW[name]}"
        return getattr(importlib.import_module(module), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
