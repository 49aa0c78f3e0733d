"""Models for serving: SavedModel, ONNX and LiteRT."""

from keras_comic.export.saved_model import save_served_model

__all__ = [
    "save_served_model",
]
