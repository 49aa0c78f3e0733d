"""Writes frames as GIF, WebP and APNG."""

from fractions import Fraction
from pathlib import Path

from keras_comic.provenance.metadata import animation_block
from keras_comic.video.animation_encoders import GifEncoder
from keras_comic.video.animation_encoders import GifFile
from keras_comic.video.animation_encoders import PngEncoder
from keras_comic.video.animation_encoders import PngFile
from keras_comic.video.animation_encoders import WebPEncoder
from keras_comic.video.animation_encoders import WebPFile
from keras_comic.video.sink import OutputFile
from keras_comic.video.sink import Sink

# Pillow's; the quality of WebP is of 100.
ANIMATION_OPTIONS = {
    ".apng": {"compress_level": 6},
    ".gif": {},
    ".png": {"compress_level": 6},
    ".webp": {"quality": 90, "method": 4},
}
ANIMATION_NAMES = {".gif": "GIF", ".webp": "WEBP"}
# Frames that follow more closely than this make browsers slow down.
GIF_TICKS = 2
WEB_TICKS = 11


class AnimationSink(Sink):
    """GIF, WebP and APNG."""

    keeps_sound = False
    is_lossless = True

    def __init__(self, suffix, size, options, loop):
        is_gif = suffix == ".gif"
        super().__init__(
            Fraction(1, 100 if is_gif else 1000),
            GIF_TICKS if is_gif else WEB_TICKS,
            drops=True,
        )
        self.suffix, self.size = suffix, tuple(size)
        self.options, self.loop = options, loop
        longest = {".gif": 65535, ".webp": 16383}.get(suffix, 2**31 - 1)
        if max(size) > longest:
            raise ValueError(
                f"A {suffix} file has sides of at most {longest} pixels. "
                f"Received: size={size}"
            )

    def make_encoder(self):
        """Begins a piece that can be decoded by itself."""
        if self.suffix == ".gif":
            return GifEncoder()
        if self.suffix == ".webp":
            return WebPEncoder(self.options)
        return PngEncoder(self.options)

    def open(self, path, sound=None):
        """Opens a file to put packets into."""
        return AnimationFile(self, Path(path))


class AnimationFile(OutputFile):
    """An animated picture."""

    def __init__(self, sink, path):
        super().__init__(path)
        self.file = open(self.partial, "wb")
        kind = {".gif": GifFile, ".webp": WebPFile}.get(sink.suffix, PngFile)
        metadata = b""
        if sink.provenance is not None:
            name = ANIMATION_NAMES.get(sink.suffix, "PNG")
            metadata = animation_block(sink.provenance, name)
        self.writer = kind(self.file, *sink.size, sink.loop, metadata)

    def add(self, packet, duration):
        """Adds a frame."""
        self.writer.add(packet, duration)

    def close(self, whole=True):
        """Writes the rest."""
        with self.file:
            if whole:
                self.writer.close()
