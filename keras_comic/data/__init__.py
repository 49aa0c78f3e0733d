"""Image files, TFRecords, and the datasets that feed training.

What reads and writes TFRecords needs TensorFlow. With another backend of Keras
it is not imported here, but can be from its module, such as
`keras_comic.data.build`.
"""

import keras

from keras_comic.data.cleaning import CleaningRules
from keras_comic.data.crops import Crops
from keras_comic.data.folder import FolderPairs
from keras_comic.data.image_folders import image_label
from keras_comic.data.image_folders import list_images
from keras_comic.data.image_formats import ImageError
from keras_comic.data.image_sizes import resize_short_side
from keras_comic.data.images import read_image
from keras_comic.data.media import media_kind
from keras_comic.data.shard_layout import ShardLayout
from keras_comic.data.video_frames import read_frames
from keras_comic.data.video_reader import VideoError

if keras.backend.backend() == "tensorflow":
    from keras_comic.data.beam import write_records_with_beam
    from keras_comic.data.build import write_records
    from keras_comic.data.clip_record_maker import ClipRecordMaker
    from keras_comic.data.datasets import clip_dataset
    from keras_comic.data.datasets import paired_dataset
    from keras_comic.data.datasets import picture_dataset
    from keras_comic.data.datasets import style_transfer_dataset
    from keras_comic.data.datasets import unpaired_dataset
    from keras_comic.data.image_record_maker import ImageRecordMaker
    from keras_comic.data.inspection import inspect_records
    from keras_comic.data.pair_record_maker import PairRecordMaker
    from keras_comic.data.preview import preview_records
    from keras_comic.data.tfrecord import read_records


__all__ = [
    "CleaningRules",
    "ClipRecordMaker",
    "Crops",
    "FolderPairs",
    "ImageError",
    "ImageRecordMaker",
    "PairRecordMaker",
    "ShardLayout",
    "VideoError",
    "clip_dataset",
    "image_label",
    "inspect_records",
    "list_images",
    "media_kind",
    "paired_dataset",
    "picture_dataset",
    "preview_records",
    "read_frames",
    "read_image",
    "read_records",
    "resize_short_side",
    "style_transfer_dataset",
    "unpaired_dataset",
    "write_records",
    "write_records_with_beam",
]
