"""Image files, TFRecords, and the datasets that feed training.

What reads and writes TFRecords, and what needs other heavy libraries, is
imported when it is first asked for; the rest works without them.
"""

import importlib

from keras_comic.data.drawing_folder import DrawingFolder
from keras_comic.data.folder import FolderPairs
from keras_comic.data.images import image_label
from keras_comic.data.images import list_images
from keras_comic.data.images import read_image
from keras_comic.data.images import resize_short_side
from keras_comic.data.photo_folder import PhotoFolder

# Name: the module that has it.
_LAZY = {
    "CleaningRules": "cleaning",
    "ClipRecordMaker": "clip_record_maker",
    "ImageRecordMaker": "image_record_maker",
    "PairRecordMaker": "pair_record_maker",
    "comic_dataset": "pipelines",
    "describe_schema": "tfrecord",
    "inspect_records": "inspection",
    "photo_dataset": "pipelines",
    "preview_records": "preview",
    "read_manifest": "sources",
    "read_records": "tfrecord",
    "record_features": "tfrecord",
    "style_transfer_dataset": "pipelines",
    "write_records": "build",
}

__all__ = [
    "CleaningRules",
    "ClipRecordMaker",
    "DrawingFolder",
    "FolderPairs",
    "ImageRecordMaker",
    "PairRecordMaker",
    "PhotoFolder",
    "comic_dataset",
    "describe_schema",
    "image_label",
    "inspect_records",
    "list_images",
    "photo_dataset",
    "preview_records",
    "read_image",
    "read_manifest",
    "read_records",
    "record_features",
    "resize_short_side",
    "style_transfer_dataset",
    "write_records",
]


def __getattr__(name):
    if name in _LAZY:
        module = f"{__name__}.{_LAZY[name]}"
        return getattr(importlib.import_module(module), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
