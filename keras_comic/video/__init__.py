"""Video: comics that stay still where the scene stays still."""

from keras_comic.video.conversion import Conversion
from keras_comic.video.conversion import convert_video
from keras_comic.video.deflicker import Deflicker
from keras_comic.video.deflicker_video import deflicker_video
from keras_comic.video.difference_stylizer import DifferenceStylizer
from keras_comic.video.evaluation import VideoEvaluation
from keras_comic.video.evaluation import evaluate_video
from keras_comic.video.flow import fine_optical_flow
from keras_comic.video.flow_stylizer import FlowStylizer
from keras_comic.video.frame_sink import write_frames
from keras_comic.video.frame_source import Frame
from keras_comic.video.frame_source import FrameSource
from keras_comic.video.frame_source import open_frames
from keras_comic.video.frame_stylizer import FrameStylizer
from keras_comic.video.known_motion import KnownMotion
from keras_comic.video.known_motion import moving_object
from keras_comic.video.known_motion import moving_photo
from keras_comic.video.network_runner import NetworkRunner
from keras_comic.video.network_statistics import NetworkStatistics
from keras_comic.video.statistics_stylizer import FrameByFrameStylizer
from keras_comic.video.statistics_stylizer import StatisticsStylizer
from keras_comic.video.strip import VideoStrip
from keras_comic.video.strip import difference_image
from keras_comic.video.video_meter import VideoMeasurement
from keras_comic.video.video_meter import VideoMeter
from keras_comic.video.video_stylizer import VideoStylizer

__all__ = [
    "Conversion",
    "Deflicker",
    "DifferenceStylizer",
    "FlowStylizer",
    "Frame",
    "FrameByFrameStylizer",
    "FrameSource",
    "FrameStylizer",
    "KnownMotion",
    "NetworkRunner",
    "NetworkStatistics",
    "StatisticsStylizer",
    "VideoEvaluation",
    "VideoMeasurement",
    "VideoMeter",
    "VideoStrip",
    "VideoStylizer",
    "convert_video",
    "deflicker_video",
    "difference_image",
    "evaluate_video",
    "fine_optical_flow",
    "moving_object",
    "moving_photo",
    "open_frames",
    "write_frames",
]
