"""Models for serving: SavedModel, ONNX and LiteRT."""

from keras_comic.export.litert_export import save_litert
from keras_comic.export.onnx_export import save_onnx
from keras_comic.export.portable_model import PortableModel
from keras_comic.export.saved_model import save_served_model
from keras_comic.export.versions import list_versions
from keras_comic.export.versions import new_version
from keras_comic.export.versions import prune_versions
from keras_comic.export.warmup import make_warmup_requests
from keras_comic.export.warmup import read_warmup_records
from keras_comic.export.warmup import write_warmup_records

__all__ = [
    "PortableModel",
    "list_versions",
    "make_warmup_requests",
    "new_version",
    "prune_versions",
    "read_warmup_records",
    "save_litert",
    "save_onnx",
    "save_served_model",
    "write_warmup_records",
]
