"""Video: comics that stay still where the scene stays still."""

from keras_comic.video.conversion import convert_video
from keras_comic.video.deflicker import Deflicker
from keras_comic.video.deflicker_video import deflicker_video
from keras_comic.video.evaluation import evaluate_video
from keras_comic.video.flow import fine_optical_flow
from keras_comic.video.frame_sink import write_frames
from keras_comic.video.frame_source import open_frames
from keras_comic.video.frame_stylizer import FrameStylizer
from keras_comic.video.known_motion import moving_object
from keras_comic.video.known_motion import moving_photo
from keras_comic.video.strip import VideoStrip
from keras_comic.video.video_meter import VideoMeter
from keras_comic.video.video_stylizer import VideoStylizer

__all__ = [
    "Deflicker",
    "FrameStylizer",
    "VideoMeter",
    "VideoStrip",
    "VideoStylizer",
    "convert_video",
    "deflicker_video",
    "evaluate_video",
    "fine_optical_flow",
    "moving_object",
    "moving_photo",
    "open_frames",
    "write_frames",
]
