"""Writes frames as folders of PNG files, or as raw bytes."""

import io
import os
import shutil
import sys
from fractions import Fraction
from pathlib import Path

from PIL import Image

from keras_comic.provenance.metadata import png_chunk
from keras_comic.video.sink import Packet
from keras_comic.video.sink import Sink

# Signature and first chunk of a PNG file, bytes.
PNG_HEAD = 33
IMAGE_NAME = "frame_{:06d}.png"
TIMES_NAME = "frames.ffconcat"


class FolderSink(Sink):
    """Folders of PNG files."""

    def __init__(self, time_base, options):
        super().__init__(time_base)
        self.options = {"compress_level": 4, **options}

    def encode(self, image, pts, starts_scene=False):
        """Encodes a frame."""
        return [Packet(to_png(image, **self.options), pts, pts, True)]

    def open(self, path, sound=None):
        """Opens a folder to put packets into."""
        return ImageFolder(Path(path), self.time_base, self.provenance)


class ImageFolder:
    """A folder of PNG files that takes its name when it is whole."""

    def __init__(self, path, time_base, provenance=None):
        self.path, self.time_base = path, time_base
        self.metadata = b"" if provenance is None else png_chunk(provenance)
        self.partial = path.with_name(f".partial.{path.name}")
        shutil.rmtree(self.partial, ignore_errors=True)
        self.partial.mkdir(parents=True)
        self.times = ["ffconcat version 1.0"]
        self.count = 0

    def __enter__(self):
        return self

    def add(self, packet, duration):
        """Adds a frame."""
        name = IMAGE_NAME.format(self.count)
        head, rest = packet.data[:PNG_HEAD], packet.data[PNG_HEAD:]
        (self.partial / name).write_bytes(head + self.metadata + rest)
        seconds = float(duration * self.time_base)
        self.times += [f"file {name}", f"duration {seconds:.6f}"]
        self.count += 1

    def __exit__(self, kind, error, traceback):
        if kind is not None:
            shutil.rmtree(self.partial)
            return
        text = "\n".join(self.times) + "\n"
        (self.partial / TIMES_NAME).write_text(text, encoding="utf-8")
        if self.path.is_dir():
            self.path.rmdir()
        os.replace(self.partial, self.path)


class RawSink(Sink):
    """Raw frames to the standard output; times are not written."""

    def __init__(self, frame_rate):
        super().__init__(1 / Fraction(frame_rate))

    def encode(self, image, pts, starts_scene=False):
        """Takes a frame as it is."""
        return [Packet(image.tobytes(), pts, pts, True)]

    def open(self, path, sound=None):
        """Begins to write."""
        return RawFile()


class RawFile:
    """Writes raw frames, each at once."""

    def __enter__(self):
        return self

    def add(self, packet, duration):
        """Writes a frame."""
        sys.stdout.buffer.write(packet.data)
        sys.stdout.buffer.flush()

    def __exit__(self, kind, error, traceback):
        sys.stdout.buffer.flush()


def to_png(image, **options):
    """Encodes a picture as a PNG file, bytes."""
    file = io.BytesIO()
    Image.fromarray(image).save(file, "PNG", **options)
    return file.getvalue()
