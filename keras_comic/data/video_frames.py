"""Frames and clips of videos, in one pass and in bounded memory.

Reading needs PyAV, and finding cuts needs PySceneDetect with OpenCV; all are
installed by `pip install keras-comic[video]` and imported when a video is
opened.
"""

import collections
import os
from pathlib import Path

import numpy as np

from keras_comic.data.frame_folder import FolderReader
from keras_comic.data.scene_cuts import mark_scenes
from keras_comic.data.video_library import import_video_library
from keras_comic.data.video_reader import VideoReader

# Frames of a scene that are kept to choose one from.
MAX_CANDIDATES = 8

Frame = collections.namedtuple("Frame", ["number", "time", "image"])
Clip = collections.namedtuple("Clip", ["number", "frames", "times"])


def read_frames(path, every=1, scene_cuts=False):
    """Reads frames of a video: every so many, or the sharpest of each scene.

    Fades and dissolves are not found as cuts.

    Args:
        path: String or path of a video, of any container and codec that
            FFmpeg reads.
        every: Integer > 0. Reads the first of so many frames. Defaults to
            `1`.
        scene_cuts: Boolean. Reads one frame of each scene, the sharpest in
            its middle, which needs PySceneDetect. Defaults to `False`.

    Yields:
        Named tuples: `number`, from 0; `time`, seconds; `image`, uint8
        `(height, width, 3)`, upright, RGB.

    Raises:
        FileNotFoundError: If there is no such file.
        VideoError: If it is no video; or once all is read that can be, if it
            is damaged or ends too early.
    """
    path = _check_file(path)
    reader = VideoReader(path)
    if scene_cuts:
        import_video_library("scenedetect")
        return _scene_frames(reader)
    return _every_frame(reader, every)


def read_clips(path, num_frames, stride=None, step=1):
    """Reads clips: runs of frames without a cut or a gap between them.

    Clips start at the first frame of a scene and then every `stride` frames.
    The path is a video or a folder of numbered images. Memory is bounded by
    the frames from a clip's first to its last.
    """
    is_folder = os.path.isdir(path)
    path = Path(path) if is_folder else _check_file(path)
    if stride is None:
        stride = num_frames * step
    import_video_library("scenedetect")
    reader = FolderReader(path, 24.0) if is_folder else VideoReader(path)
    return _clips(reader, num_frames, stride, step)


def _every_frame(reader, every):
    for frame in reader.frames():
        if frame.number % every == 0:
            yield Frame(frame.number, frame.time, frame.image())
    if reader.error:
        raise reader.error


def _scene_frames(reader):
    scene = _Scene()
    for frame, starts in mark_scenes(reader.frames()):
        if starts and scene.count:
            yield scene.choose()
            scene = _Scene()
        scene.add(frame)
    if scene.count:
        yield scene.choose()
    if reader.error:
        raise reader.error


def _clips(reader, num_frames, stride, step):
    begun = collections.deque()
    for frame, starts in mark_scenes(reader.frames()):
        if starts:
            begun.clear()
            offset = 0
        if offset % stride == 0:
            begun.append((offset, frame.number, [], []))
        image = None
        for start, _, images, times in begun:
            if (offset - start) % step == 0:
                if image is None:
                    image = frame.image()
                images.append(image)
                times.append(frame.time)
        if begun and len(begun[0][2]) == num_frames:
            _, number, images, times = begun.popleft()
            yield Clip(number, np.stack(images), np.array(times))
        offset += 1
    if reader.error:
        raise reader.error


class _Scene:
    """Chooses a frame of a scene whose length is not known beforehand."""

    def __init__(self):
        self.count = 0
        self.spacing = 1
        self.candidates = []

    def add(self, frame):
        if self.count % self.spacing == 0:
            if len(self.candidates) == MAX_CANDIDATES:
                self.candidates = self.candidates[::2]
                self.spacing *= 2
            self.candidates.append((self.count, frame))
        self.count += 1

    def choose(self):
        middle = (self.count - 1) / 2

        def distance(candidate):
            return abs(candidate[0] - middle)

        inner = [c for c in self.candidates if distance(c) <= middle / 2]
        if len(inner) > 1:
            _, frame = max(inner, key=lambda c: (c[1].sharpness(), -c[0]))
        else:
            _, frame = min(self.candidates, key=distance)
        return Frame(frame.number, frame.time, frame.image())


def _check_file(path):
    path = Path(path)
    if not path.exists():
        raise FileNotFoundError(f"There is no such file. Received: path={path}")
    if path.is_dir():
        raise ValueError(
            f"Expected a video file, not a folder. Received: path={path}"
        )
    return path
