"""Video: comics that stay still where the scene stays still."""

from keras_comic.video.frame_stylizer import FrameStylizer

__all__ = [
    "FrameStylizer",
]
