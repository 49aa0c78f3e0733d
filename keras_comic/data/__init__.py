"""Image files, TFRecords, and the datasets that feed training.

What reads and writes TFRecords needs TensorFlow and is imported when it is
first asked for; the rest works without.
"""

import importlib

from keras_comic.data.cleaning import CleaningRules
from keras_comic.data.contact_sheet import save_contact_sheet
from keras_comic.data.crops import Crops
from keras_comic.data.drawing_folder import DrawingFolder
from keras_comic.data.folder import FolderPairs
from keras_comic.data.image_folders import image_label
from keras_comic.data.image_folders import list_images
from keras_comic.data.image_formats import image_format
from keras_comic.data.image_sizes import resize_short_side
from keras_comic.data.images import ImageError
from keras_comic.data.images import open_image
from keras_comic.data.images import read_image
from keras_comic.data.manifest import read_manifest
from keras_comic.data.optical_flow import flow_validity
from keras_comic.data.optical_flow import optical_flow
from keras_comic.data.optical_flow import warp_image
from keras_comic.data.photo_folder import PhotoFolder
from keras_comic.data.shard_layout import ShardLayout
from keras_comic.data.variants import make_variant
from keras_comic.data.video_frames import read_clips
from keras_comic.data.video_frames import read_frames
from keras_comic.data.video_reader import VideoError

_NEEDS_TENSORFLOW = {
    "ClipRecordMaker": "clip_record_maker",
    "ImageRecordMaker": "image_record_maker",
    "PairRecordMaker": "pair_record_maker",
    "RecordIndex": "record_index",
    "clip_dataset": "datasets",
    "decode_image": "image_decoding",
    "describe_schema": "tfrecord",
    "inspect_records": "inspection",
    "paired_dataset": "datasets",
    "picture_dataset": "datasets",
    "preview_records": "preview",
    "read_records": "tfrecord",
    "style_transfer_dataset": "datasets",
    "unpaired_dataset": "datasets",
    "write_records": "build",
    "write_records_with_beam": "beam",
}

__all__ = [
    "CleaningRules",
    "ClipRecordMaker",
    "Crops",
    "DrawingFolder",
    "FolderPairs",
    "ImageError",
    "ImageRecordMaker",
    "PairRecordMaker",
    "PhotoFolder",
    "RecordIndex",
    "ShardLayout",
    "VideoError",
    "clip_dataset",
    "decode_image",
    "describe_schema",
    "flow_validity",
    "image_format",
    "image_label",
    "inspect_records",
    "list_images",
    "make_variant",
    "open_image",
    "optical_flow",
    "paired_dataset",
    "picture_dataset",
    "preview_records",
    "read_clips",
    "read_frames",
    "read_image",
    "read_manifest",
    "read_records",
    "resize_short_side",
    "save_contact_sheet",
    "style_transfer_dataset",
    "unpaired_dataset",
    "warp_image",
    "write_records",
    "write_records_with_beam",
]


def __getattr__(name):
    if name in _NEEDS_TENSORFLOW:
        module = f"{__name__}.{_NEEDS_TENSORFLOW[name]}"
        return getattr(importlib.import_module(module), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
