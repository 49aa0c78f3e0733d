"""Opens whatever frames come from."""

import os
import re
import warnings
from collections import namedtuple
from fractions import Fraction
from pathlib import Path

import numpy as np
from PIL import Image
from PIL import ImageOps

from keras_comic.data.image_sizes import fitted_size
from keras_comic.data.scene_cuts import mark_scenes
from keras_comic.data.video_library import import_video_library
from keras_comic.data.video_reader import VideoError
from keras_comic.data.video_reader import VideoReader
from keras_comic.video.frame_readers import AnimationReader
from keras_comic.video.frame_readers import CameraReader
from keras_comic.video.frame_readers import ImagesReader
from keras_comic.video.frame_readers import RawReader
from keras_comic.video.frame_readers import is_animation

# Frames per second of a folder.
DEFAULT_FOLDER_RATE = 24
RAW = "-"
CAMERA = re.compile(r"webcam:(\d+)")

Frame = namedtuple("Frame", ["number", "time", "image", "starts_scene"])


def open_frames(
    source,
    size=None,
    frame_rate=None,
    scene_cuts=True,
    max_frames=None,
    max_side=None,
):
    """Opens a video, or what is like one, to read its frames.

    A source is one of

    - a video file of any container and codec that FFmpeg reads. Frames are
      turned upright, given square pixels, deinterlaced and converted to 8-bit
      RGB of standard dynamic range; a warning says so where that loses much;
    - an animated GIF, WebP or PNG, with the durations of its frames;
      transparent pixels lie on white;
    - a folder of numbered images (`frame_0001.png`, ...);
    - `"-"`, raw frames from the standard input, or a binary file object of
      such: `width * height * 3` bytes a frame, RGB, row by row, as FFmpeg
      writes them with `-f rawvideo -pix_fmt rgb24`;
    - `"webcam:0"`, a camera by its number. It has no end.

    Args:
        source: String, path or binary file object, as above.
        size: Pair of integers `(width, height)`, pixels: needed for raw
            frames, a wish for a camera. Defaults to `None`.
        frame_rate: Number > 0, frames per second: needed for raw frames; of
            a folder's numbers, `None` is 24; a wish for a camera. Defaults to
            `None`.
        scene_cuts: Boolean. Looks for hard cuts, which needs PySceneDetect.
            Defaults to `True`.
        max_frames: Integer > 0 or `None`. Ends after so many. Defaults to
            `None`.
        max_side: Integer > 1 or `None`. Frames with a longer side, pixels, are
            shrunk to it, to even sides. Defaults to `None`.

    Returns:
        `FrameSource`, to iterate over named tuples: `number`, from 0;
        `time`, seconds since the start; `image`, uint8 `(height, width, 3)`,
        RGB, all of the first one's size (others are fitted into it between
        black borders, with a warning); and `starts_scene`, boolean. It has
        `width`, `height` (pixels), `frame_rate` (fraction), `num_frames` and
        `duration` (seconds; `None` if unknown). A video that breaks off gives
        all that can be read, and then raises a `VideoError`.

    Raises:
        ValueError: If an argument does not fit the source, or there is no
            such camera. A `keras_comic.data.VideoError`, which has a
            `reason`, if not one frame can be read.

    Example:

    >>> import io
    >>> raw = io.BytesIO(bytes(2 * 4 * 6 * 3))
    >>> frames = keras_comic.video.open_frames(raw, (6, 4), frame_rate=25)
    >>> [(frame.time, frame.image.shape) for frame in frames]
    [(0.0, (4, 6, 3)), (0.04, (4, 6, 3))]
    """
    if frame_rate is not None:
        rate = Fraction(frame_rate).limit_denominator(100_000)
        if not rate > 0:
            raise ValueError(
                "`frame_rate` must be a positive number. "
                f"Received: frame_rate={frame_rate}"
            )
        frame_rate = rate
    if scene_cuts:
        import_video_library("scenedetect")
    camera = CAMERA.fullmatch(source) if isinstance(source, str) else None
    if camera:
        reader = CameraReader(int(camera[1]), size, frame_rate)
    elif hasattr(source, "read") or source == RAW:
        reader = RawReader(source, size, frame_rate)
    else:
        reader = _open_path(Path(source), size, frame_rate)
    return FrameSource(reader, scene_cuts, max_frames, max_side)


class FrameSource:
    """Frames of a video, one after the other; `open_frames` makes it.

    A reader has `properties`, `frames()` and, at their end, `error`. Iterating
    again starts again, where `is_repeatable`.
    """

    def __init__(self, reader, scene_cuts=True, max_frames=None, max_side=None):
        self._reader = reader
        self._scene_cuts = scene_cuts
        self._max_frames = max_frames
        self._is_read = self._size_changed = False
        properties = reader.properties
        self.path = getattr(reader, "path", None)
        self._states = self._file_states()
        # Pixels, before the frames are shrunk.
        self.original_size = properties.width, properties.height
        self.width, self.height = self.original_size
        if max_side is not None and max(self.original_size) > max_side:
            sides = fitted_size(self.original_size, max_side)
            self.width, self.height = (max(s // 2 * 2, 2) for s in sides)
        self.frame_rate = properties.frame_rate
        # Times are its multiples.
        self.time_base = properties.time_base
        self.duration = properties.duration
        self.num_frames = properties.num_frames
        if max_frames is not None:
            self.num_frames = min(self.num_frames or max_frames, max_frames)
        # Seconds, the end of the last frame that was read.
        self.end_time = 0.0
        # True if reading ended at `max_frames`.
        self.is_cut = False
        self.has_tracks = isinstance(reader, VideoReader)
        self.is_live = isinstance(reader, CameraReader)
        self.is_repeatable = self.path is not None
        self.loop = getattr(reader, "loop", 0)

    def __iter__(self):
        return self.read()

    def read(self, start=0, every=1):
        """Reads frames from a number on, every so many and starts of scenes."""
        if self._is_read and not self.is_repeatable:
            raise ValueError(
                "Raw frames and cameras can be read only once; save them as a "
                "file to read them again."
            )
        self._is_read = True
        self._reader.error = None
        frames = self._reader.frames()
        if self._scene_cuts:
            frames = mark_scenes(frames)
        else:
            frames = ((frame, frame.follows_gap) for frame in frames)
        for number, (frame, starts) in enumerate(frames):
            self._check_unchanged(number)
            if number == self._max_frames:
                self.is_cut = True
                return
            length = frame.duration or float(1 / self.frame_rate)
            self.end_time = frame.time + length
            starts = starts or number == 0
            if number >= start and (number % every == 0 or starts):
                image = self._to_size(frame.image(), number)
                yield Frame(number, frame.time, image, bool(starts))
        self._check_unchanged(-1)
        if self._reader.error:
            raise self._reader.error

    def _to_size(self, image, number):
        """Shrinks a frame; fits one of another size between black borders."""
        if image.shape[:2] == (self.height, self.width):
            return image
        sides = image.shape[1::-1]
        size = self.width, self.height
        image = Image.fromarray(image)
        if sides == self.original_size:
            return np.asarray(image.resize(size, Image.Resampling.LANCZOS))
        if not self._size_changed:
            self._size_changed = True
            warnings.warn(
                f"{self.path}: from frame {number} on, frames are "
                f"{sides[0]} x {sides[1]} pixels, and not "
                f"{self.original_size[0]} x {self.original_size[1]}; they are "
                "fitted into the first one's size, between black borders.",
                stacklevel=3,
            )
        return np.asarray(ImageOps.pad(image, size, Image.Resampling.LANCZOS))

    def _files(self):
        if self.path is None:
            return []
        return getattr(self._reader, "files", [self.path])

    def _file_states(self):
        return [_state_of(path) for path in self._files()]

    def _check_unchanged(self, number):
        """Raises an error if the file of a frame has changed."""
        files = self._files()
        if len(files) == 1:
            number = 0
        if files and _state_of(files[number]) != self._states[number]:
            raise VideoError(
                "The file has changed while it was read. Wait until it is "
                f"whole, then begin anew. Received: path={files[number]}",
                "changed",
            )

    def identity(self):
        """Returns what tells this source from others, a dict for JSON."""
        return {
            "kind": type(self._reader).__name__,
            "path": self.path and os.path.abspath(self.path),
            "states": self._states,
            "size": [self.width, self.height],
            "max_frames": self._max_frames,
            "scene_cuts": self._scene_cuts,
        }


def _state_of(path):
    """Returns name, size and date of a file, or `None`."""
    try:
        status = os.stat(path)
    except OSError:
        return None
    return path.name, status.st_size, status.st_mtime_ns


def _open_path(path, size, frame_rate):
    if not path.exists():
        raise FileNotFoundError(
            f"There is no such file or folder. Received: source={path}"
        )
    if size is not None:
        raise ValueError(
            "`size` is for raw frames and cameras; of files it is known. "
            f"Received: size={size}, source={path}"
        )
    if path.is_dir():
        return ImagesReader(path, frame_rate or Fraction(DEFAULT_FOLDER_RATE))
    if frame_rate is not None:
        raise ValueError(
            "`frame_rate` is for folders, raw frames and cameras; videos have "
            f"time stamps. Received: frame_rate={frame_rate}, source={path}"
        )
    if is_animation(path):
        return AnimationReader(path)
    reader = VideoReader(path)
    reader.properties = reader.read_properties()
    if reader.properties.changes:
        changes = "; ".join(reader.properties.changes)
        warnings.warn(f"{path}: {changes}.", stacklevel=3)
    return reader
