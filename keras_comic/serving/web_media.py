"""Photos and videos that a page was given, read within limits."""

import math
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

from keras_comic import data
from keras_comic.data.image_formats import SIGNATURE_BYTES
from keras_comic.data.image_formats import ImageError
from keras_comic.data.image_sizes import fitted_size
from keras_comic.data.images import read_image
from keras_comic.data.video_reader import VideoError
from keras_comic.models.pictures import SMALLEST_SIDE
from keras_comic.video.frame_source import open_frames

PHOTO = "photo"
VIDEO = "video"
# A photo is decoded whole before it is shrunk, a frame of a video as well.
MAX_PHOTO_PIXELS = 50_000_000
MAX_FRAME_PIXELS = 2**25
# Frames per second: a video of more is as much work as a longer one.
HIGHEST_FRAME_RATE = 60
# Seconds that a video may be longer: files are that inexact.
TOLERANCE = 0.5
MEBIBYTE = 2**20
EXPECTED = (
    "Pictures are read as JPEG, PNG, WebP and most others, videos as MP4, "
    "MOV, WebM or GIF."
)


class MediaLimits(NamedTuple):
    """The limits of files.

    `max_side` and `max_video_side`, pixels: what is larger is shrunk.
    `max_seconds` of a video and `max_upload_mb`, mebibytes: what is more is
    refused.
    """

    max_side: int = 1280
    max_video_side: int = 640
    max_seconds: float = 15.0
    max_upload_mb: float = 64.0

    def check(self):
        """Raises a `ValueError` if a limit is out of its range."""
        for name in ("max_side", "max_video_side"):
            value = getattr(self, name)
            if not isinstance(value, int) or value < SMALLEST_SIDE:
                raise ValueError(
                    f"`{name}` must be an integer of at least "
                    f"{SMALLEST_SIDE} pixels. Received: {name}={value!r}"
                )
        for name in ("max_seconds", "max_upload_mb"):
            value = getattr(self, name)
            if not value > 0 or math.isinf(value):
                raise ValueError(
                    f"`{name}` must be a positive number. "
                    f"Received: {name}={value!r}"
                )


class MediaError(ValueError):
    """A file that the page cannot use; the message names it and says why."""


def media_kind(path, limits):
    """Tells photos from videos, by what is in the file."""
    path = Path(path)
    size = path.stat().st_size
    if size > limits.max_upload_mb * MEBIBYTE:
        raise MediaError(
            f"{path.name} has {size / MEBIBYTE:.1f} MB, and this page takes "
            f"{limits.max_upload_mb:g} MB at most. Save the photo smaller, or "
            "the video shorter."
        )
    if not size:
        raise MediaError(f"{path.name} is empty: there is nothing in the file.")
    try:
        return PHOTO if data.media_kind(path) == PHOTO else VIDEO
    except ImageError as error:
        with open(path, "rb") as file:
            if not _looks_like_text(file.read(SIGNATURE_BYTES)):
                raise MediaError(f"{reason(path, error)} {EXPECTED}") from error
        raise MediaError(
            f"{path.name} is neither a picture nor a video, but text. "
            f"{EXPECTED}"
        ) from error


def read_photo(path, limits):
    """Reads a photo, shrunk to the limit."""
    path = Path(path)
    try:
        photo = read_image(path, max_pixels=MAX_PHOTO_PIXELS)
    except (ImageError, OSError) as error:
        text = reason(path, error)
        if getattr(error, "reason", None) == "too large":
            text += " Save it smaller, and choose it again."
        raise MediaError(text) from error
    height, width = photo.shape[:2]
    size = fitted_size((width, height), limits.max_side)
    if min(size) < SMALLEST_SIDE:
        raise MediaError(
            f"{path.name} is {width} x {height} pixels; a picture needs sides "
            f"of at least {SMALLEST_SIDE}, after it is shrunk to "
            f"{limits.max_side}."
        )
    if size != (width, height):
        image = Image.fromarray(photo).resize(size, Image.Resampling.LANCZOS)
        photo = np.asarray(image)
    return photo, (width, height)


def open_clip(path, limits):
    """Opens a short video, its frames shrunk to the limit."""
    path = Path(path)
    seconds = limits.max_seconds + TOLERANCE
    try:
        frames = open_frames(path)
        rate = min(frames.frame_rate, HIGHEST_FRAME_RATE)
        length, number = frames.duration or 0, frames.num_frames or 0
        frames = open_frames(
            path,
            max_frames=math.ceil(seconds * rate),
            max_side=limits.max_video_side,
        )
    except VideoError as error:
        raise MediaError(f"{reason(path, error)} {EXPECTED}") from error
    except (OSError, ValueError) as error:
        raise MediaError(reason(path, error)) from error
    excess = None
    if length > seconds:
        excess = f"is {length:.0f} seconds long"
        allowed = f"{limits.max_seconds:g} seconds"
    elif number > seconds * rate:
        excess = f"has {number} frames"
        allowed = f"{limits.max_seconds * rate:.0f}"
    if excess:
        raise MediaError(
            f"{path.name} {excess}, and this page takes {allowed} at most. "
            "Cut it, or use `keras-comic stylize`, which has no limit."
        )
    size = frames.original_size
    if size[0] * size[1] > MAX_FRAME_PIXELS:
        raise MediaError(
            f"{path.name} has frames of {size[0]} x {size[1]} pixels, which is "
            "more than this page reads. Save it smaller."
        )
    return frames, size


def _looks_like_text(start):
    try:
        text = start.decode("utf-8")
    except UnicodeDecodeError as error:
        # The last letter may be cut.
        if error.start < len(start) - 4:
            return False
        text = start[: error.start].decode("utf-8")
    return all(c.isprintable() or c in "\t\r\n\f\ufeff" for c in text)


def reason(path, error):
    """Writes an error with the file's name, and not where it lies."""
    path = Path(path)
    text = str(error).split(" Received:")[0]
    text = text.replace(str(path), path.name)
    return f"{path.name} cannot be used: {text[:1].lower()}{text[1:]}"
