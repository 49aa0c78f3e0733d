"""Readers of frames that do not come from a video file.

Like `keras_comic.data.video_reader.VideoReader` they have `properties`,
`frames()` and, when the frames have ended too early, `error`.
"""

import contextlib
import io
import os
import sys
import time
import warnings
from fractions import Fraction

import numpy as np
from PIL import Image

from keras_comic.data.frame_folder import FolderReader
from keras_comic.data.image_formats import MAX_PIXELS
from keras_comic.data.image_formats import SIGNATURE_BYTES
from keras_comic.data.image_formats import ImageError
from keras_comic.data.images import image_format
from keras_comic.data.media import ANIMATED_FORMATS
from keras_comic.data.video_frame import ArrayFrame
from keras_comic.data.video_library import import_video_library
from keras_comic.data.video_reader import VideoError
from keras_comic.data.video_reader import VideoProperties

# Milliseconds. Browsers take shorter durations for a mistake, and show the
# frame for the second number instead.
TOO_SHORT = 10
INSTEAD = 100


def is_animation(path):
    """Tells by a file's first bytes if `AnimationReader` reads it."""
    return _format_of(path) in ANIMATED_FORMATS


def _format_of(path):
    with open(path, "rb") as file:
        return image_format(file.read(SIGNATURE_BYTES))


class AnimationReader:
    """Reads an animated GIF, PNG, WebP, AVIF or JPEG XL."""

    def __init__(self, path):
        self.path = path
        self.error = None
        with self._opened() as picture:
            picture.seek(_first_place(picture))
            picture.load()
            # How often it is shown; 0 is for ever.
            self.loop = int(picture.info.get("loop", 1) or 0)
            if picture.format == "GIF" and "loop" in picture.info and self.loop:
                # It counts the repetitions.
                self.loop += 1
            duration = Fraction(_milliseconds(picture), 1000)
            self.properties = VideoProperties(
                *picture.size,
                1 / duration,
                Fraction(1, 1000),
                picture.n_frames - _first_place(picture),
                None,
                (),
            )

    def frames(self):
        """Decodes frame by frame."""
        self.error = None
        start = number = 0
        with self._opened() as picture:
            try:
                for place in range(_first_place(picture), picture.n_frames):
                    picture.seek(place)
                    picture.load()
                    self._check_size(picture)
                    length = _milliseconds(picture)
                    yield ArrayFrame(
                        _flatten(picture),
                        number,
                        start / 1000,
                        duration=length / 1000,
                    )
                    start += length
                    number += 1
                if picture.format == "GIF":
                    self._check_end()
            # On broken files Pillow raises almost anything.
            except Exception as error:
                self.error = VideoError(
                    f"The animation breaks off after frame {number - 1} "
                    f"({error}). Received: path={self.path}",
                    "truncated",
                )

    @contextlib.contextmanager
    def _opened(self):
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", module=r"PIL\.")
            try:
                picture = Image.open(self.path, formats=[_format_of(self.path)])
                # Counted now, as some readers go through the file for it.
                picture.n_frames  # noqa: B018
            except Exception as error:
                raise VideoError(
                    f"The picture is broken ({error}). "
                    f"Received: path={self.path}",
                    "unreadable",
                ) from error
            with picture:
                self._check_size(picture)
                yield picture

    def _check_size(self, picture):
        if picture.width * picture.height > MAX_PIXELS:
            raise VideoError(
                f"The frames are too large: {picture.width} x "
                f"{picture.height} pixels. At most {MAX_PIXELS} pixels are "
                f"read. Received: path={self.path}",
                "unreadable",
            )

    def _check_end(self):
        with open(self.path, "rb") as file:
            file.seek(-min(64, os.path.getsize(self.path)), os.SEEK_END)
            if not file.read().rstrip(b"\0").endswith(b";"):
                raise ValueError("it has no end mark")


def _first_place(picture):
    # An APNG may begin with a picture for readers that know no animation.
    return int(bool(getattr(picture, "default_image", False)))


def _milliseconds(picture):
    length = round(picture.info.get("duration") or 0)
    return length if length > TOO_SHORT else INSTEAD


def _flatten(picture):
    if picture.has_transparency_data:
        picture = picture.convert("RGBA")
        white = Image.new("RGBA", picture.size, "white")
        picture = Image.alpha_composite(white, picture)
    return np.asarray(picture.convert("RGB"))


class ImagesReader:
    """Reads a folder of numbered images."""

    def __init__(self, path, frame_rate):
        self.path = path
        self.error = None
        self.reader = FolderReader(path, float(frame_rate))
        self.files = self.reader.paths
        first = next(self.reader.frames())
        numbers = self.reader.numbers
        span = (numbers[-1] - numbers[0]) / frame_rate
        self.properties = VideoProperties(
            *first.size,
            (len(numbers) - 1) / span if span else frame_rate,
            1 / frame_rate,
            len(numbers),
            float(span + 1 / frame_rate),
            (),
        )

    def frames(self):
        """Decodes image by image."""
        count = 0
        try:
            for frame in self.reader.frames():
                yield frame
                count += 1
        except (ImageError, FileNotFoundError) as error:
            if not count:
                raise
            self.error = VideoError(str(error), "unreadable")


class RawReader:
    """Reads frames as bare bytes."""

    def __init__(self, file, size, frame_rate):
        if size is None or frame_rate is None:
            raise ValueError(
                "Raw frames need `size=(width, height)` and `frame_rate`. "
                f"Received: size={size}, frame_rate={frame_rate}"
            )
        self.file = sys.stdin.buffer if isinstance(file, str) else file
        if isinstance(file, io.RawIOBase):
            # A pipe may give less than it is asked for.
            self.file = io.BufferedReader(file)
        self.error = None
        self.properties = VideoProperties(
            *size, frame_rate, 1 / frame_rate, None, None, ()
        )

    def frames(self):
        """Reads frame by frame."""
        width, height = self.properties.width, self.properties.height
        length, number = width * height * 3, 0
        while contents := self.file.read(length):
            if len(contents) < length:
                self.error = VideoError(
                    f"Frame {number} is cut off: it has {len(contents)} of "
                    f"{length} bytes. Received: size=({width}, {height})",
                    "truncated",
                )
                break
            pixels = np.frombuffer(contents, "uint8")
            pixels = pixels.reshape(height, width, 3)
            start = float(number / self.properties.frame_rate)
            yield ArrayFrame(pixels, number, start)
            number += 1
        if not number and not self.error:
            self.error = VideoError("There is not one frame.", "unreadable")


class CameraReader:
    """Reads a camera, through OpenCV."""

    def __init__(self, number, size, frame_rate):
        self.error = None
        cv2 = import_video_library("cv2")
        is_missing = sys.platform == "linux" and not os.path.exists(
            f"/dev/video{number}"
        )
        self.camera = None if is_missing else cv2.VideoCapture(number)
        if is_missing or not self.camera.isOpened():
            raise ValueError(
                "There is no such camera, or it is in use. "
                f"Received: source=webcam:{number}"
            )
        if size is not None:
            self.camera.set(cv2.CAP_PROP_FRAME_WIDTH, size[0])
            self.camera.set(cv2.CAP_PROP_FRAME_HEIGHT, size[1])
        if frame_rate is not None:
            self.camera.set(cv2.CAP_PROP_FPS, float(frame_rate))
        rate = self.camera.get(cv2.CAP_PROP_FPS) or frame_rate or 30
        self.properties = VideoProperties(
            int(self.camera.get(cv2.CAP_PROP_FRAME_WIDTH)),
            int(self.camera.get(cv2.CAP_PROP_FRAME_HEIGHT)),
            Fraction(rate).limit_denominator(1001),
            Fraction(1, 1000),
            None,
            None,
            (),
        )

    def frames(self):
        """Reads frame by frame, with the times at which they came."""
        number, start = 0, None
        try:
            while True:
                is_read, pixels = self.camera.read()
                if not is_read:
                    self.error = VideoError(
                        f"The camera stopped after {number} frames.",
                        "truncated" if number else "unreadable",
                    )
                    return
                now = time.monotonic()
                start = now if start is None else start
                pixels = np.ascontiguousarray(pixels[..., ::-1])
                yield ArrayFrame(pixels, number, now - start)
                number += 1
        finally:
            self.camera.release()
