"""Reads animated pictures: GIF, WebP and APNG, frame by frame."""

import contextlib
import warnings
from fractions import Fraction
from pathlib import Path

import numpy as np
from PIL import Image

from keras_comic.data.image_formats import MAX_PIXELS
from keras_comic.data.image_formats import MAX_SIDE
from keras_comic.data.image_formats import SIGNATURE_BYTES
from keras_comic.data.image_formats import image_format
from keras_comic.data.video_frame import ArrayFrame
from keras_comic.data.video_reader import VideoError
from keras_comic.data.video_reader import VideoProperties

FORMATS = ("GIF", "PNG", "WEBP")
# Milliseconds. Browsers take what is as short for a mistake, and show it for
# as long as the second number.
TOO_SHORT = 10
INSTEAD = 100


def is_animation(path):
    """Whether `AnimationReader` reads a file, by its first bytes."""
    with open(path, "rb") as file:
        return image_format(file.read(SIGNATURE_BYTES)) in FORMATS


class AnimationReader:
    """Reads an animated picture as `VideoReader` reads a video."""

    def __init__(self, path):
        self.path = Path(path)
        self.error = None
        with self._opened() as picture:
            width, height = picture.size
            num_frames = picture.n_frames - _first_place(picture)
            # How often it is shown; 0 is for ever.
            self.loop = int(picture.info.get("loop", 1) or 0)
            picture.seek(_first_place(picture))
            picture.load()
            duration = Fraction(_milliseconds(picture), 1000)
        self.properties = VideoProperties(
            width,
            height,
            1 / duration,
            Fraction(1, 1000),
            num_frames,
            None,
            (),
        )

    def frames(self):
        """Decodes frame by frame."""
        self.error = None
        time = number = 0
        with self._opened() as picture:
            for place in range(_first_place(picture), picture.n_frames):
                try:
                    with _quiet():
                        picture.seek(place)
                        picture.load()
                        self._check_size(picture)
                        pixels = _flatten(picture)
                # On broken files Pillow raises almost anything.
                except Exception as error:
                    self.error = VideoError(
                        f"The animation breaks off after frame {number - 1} "
                        f"({error}). Received: path={self.path}",
                        "truncated",
                    )
                    return
                length = _milliseconds(picture)
                yield ArrayFrame(
                    pixels, number, time / 1000, duration=length / 1000
                )
                time += length
                number += 1
            if picture.format == "GIF" and not self._has_end():
                self.error = VideoError(
                    f"The animation breaks off after frame {number - 1}: it "
                    f"has no end mark. Received: path={self.path}",
                    "truncated",
                )

    @contextlib.contextmanager
    def _opened(self):
        with open(self.path, "rb") as file:
            name = image_format(file.read(SIGNATURE_BYTES))
            file.seek(0)
            try:
                with _quiet():
                    picture = Image.open(file, formats=[name])
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
        width, height = picture.size
        if width * height > MAX_PIXELS or max(width, height) > MAX_SIDE:
            raise VideoError(
                f"The frames are too large: {width} x {height} pixels. At "
                f"most {MAX_PIXELS} pixels and sides of at most {MAX_SIDE} "
                f"are read. Received: path={self.path}",
                "unreadable",
            )

    def _has_end(self):
        contents = self.path.read_bytes()
        return contents[-64:].rstrip(b"\0").endswith(b";")


@contextlib.contextmanager
def _quiet():
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module=r"PIL\.")
        yield


def _first_place(picture):
    # An APNG may begin with a picture for readers that know no animation.
    return int(bool(getattr(picture, "default_image", False)))


def _milliseconds(picture):
    length = round(picture.info.get("duration") or 0)
    return length if length > TOO_SHORT else INSTEAD


def _flatten(picture):
    if picture.mode in ("L", "RGB") and "transparency" not in picture.info:
        return np.asarray(picture.convert("RGB"))
    picture = picture.convert("RGBA")
    white = Image.new("RGBA", picture.size, (255, 255, 255, 255))
    picture = Image.alpha_composite(white, picture).convert("RGB")
    return np.asarray(picture)
