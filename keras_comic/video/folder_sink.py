"""Writes frames as folders of PNG files."""

import io
import os
from pathlib import Path

from PIL import Image

from keras_comic.provenance.metadata import png_chunk
from keras_comic.video.packet import Packet
from keras_comic.video.sink import Sink

# Signature and first chunk of a PNG file, bytes.
PNG_HEAD = 33
IMAGE_NAME = "frame_{:06d}.png"
TIMES_NAME = "frames.ffconcat"


class FolderSink(Sink):
    """Folders of PNG files."""

    keeps_sound = False
    is_lossless = True

    def __init__(self, time_base, options):
        super().__init__(time_base)
        self.options = options

    def make_encoder(self):
        """Begins a piece."""
        return self

    def encode(self, image, pts, starts_scene=False):
        """Encodes a frame."""
        file = io.BytesIO()
        Image.fromarray(image).save(file, "PNG", **self.options)
        return [Packet(file.getvalue(), pts, pts, True)]

    def finish(self):
        """Ends the piece."""
        return []

    def open(self, path, sound=None):
        """Opens a folder to put packets into."""
        return ImageFolder(Path(path), self.time_base, self.provenance)


class ImageFolder:
    """A folder of PNG files that takes its name when it is whole."""

    def __init__(self, path, time_base, provenance=None):
        self.path, self.time_base = path, time_base
        self.metadata = b"" if provenance is None else png_chunk(provenance)
        self.partial = path.with_name(f".partial.{path.name}")
        if self.partial.exists():
            self._remove_partial()
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
        if kind is None:
            text = "\n".join(self.times) + "\n"
            (self.partial / TIMES_NAME).write_text(text, encoding="utf-8")
            if self.path.is_dir():
                self.path.rmdir()
            os.replace(self.partial, self.path)
        else:
            self._remove_partial()

    def _remove_partial(self):
        for path in self.partial.iterdir():
            path.unlink()
        self.partial.rmdir()
