"""Packets, times and files of all outputs; folders of PNG files."""

import collections
import contextlib
import io
import shutil
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

from PIL import Image

from keras_comic.data.paths import whole_file
from keras_comic.provenance.metadata import png_chunk

# Signature and first chunk of a PNG file, bytes.
PNG_HEAD = 33
IMAGE_NAME = "frame_{:06d}.png"
TIMES_NAME = "frames.ffconcat"


class Packet(NamedTuple):
    """An encoded frame; its times are in ticks of the sink's time base."""

    data: bytes
    pts: int
    dts: int
    is_key: bool


class Sink:
    """Makes encoders of frames, and files that packets are put into.

    A video can so be encoded in pieces, at several times, and joined without
    encoding it again. By default the sink is its own encoder.
    """

    keeps_tracks = False
    is_lossless = True
    # Stated in the files; packets do not depend on it.
    provenance = None

    def __init__(self, time_base, min_ticks=1):
        self.time_base = Fraction(time_base)
        self.min_ticks = min_ticks

    def place(self, time, last):
        """Returns when a frame is shown, or `None` for a frame to drop."""
        ticks = round(time / self.time_base)
        if last is None or ticks >= last + self.min_ticks:
            return ticks
        # Half the distance is near enough to be a matter of rounding.
        if self.min_ticks > 1 and 2 * (ticks - last) < self.min_ticks:
            return None
        return last + self.min_ticks

    def end(self, time, last):
        """Returns when the last frame ends."""
        return max(round(time / self.time_base), last + 1)

    def description(self):
        """Returns all that the packets depend on."""
        facts = {"sink": type(self).__name__, "time_base": str(self.time_base)}
        for name in ("codec", "options", "size", "suffix", "rate"):
            if hasattr(self, name):
                facts[name] = str(getattr(self, name))
        return facts

    def make_encoder(self):
        """Begins a piece that can be decoded by itself."""
        return self

    def encode(self, image, pts, starts_scene=False):
        """Encodes a frame; returns the packets that are ready."""
        raise NotImplementedError

    def finish(self):
        """Ends a piece; returns the packets that the encoder still held."""
        return []

    @contextlib.contextmanager
    def open(self, path, tracks=None):
        """Opens a file, or a folder, to put packets into; it appears whole."""
        with whole_file(Path(path)) as partial:
            file = self.make_file(partial, tracks)
            try:
                yield file
                file.close(is_whole=True)
            except BaseException:
                file.close(is_whole=False)
                raise

    def make_file(self, path, tracks):
        """Makes what packets are added to."""
        raise NotImplementedError


class PacketWriter:
    """Hands packets to a file, each when it is known how long it is shown."""

    def __init__(self, file):
        self.file = file
        self.last = None
        self.next_ticks = {}
        self.waiting = collections.deque()

    def show(self, ticks):
        """Notes when a frame is shown, in the order of the frames."""
        if self.last is not None:
            self.next_ticks[self.last] = ticks
        self.last = ticks

    def add(self, packets):
        """Writes packets, in the order in which they are decoded."""
        self.waiting.extend(packets)
        while self.waiting and self.waiting[0].pts in self.next_ticks:
            packet = self.waiting.popleft()
            duration = self.next_ticks.pop(packet.pts) - packet.pts
            self.file.add(packet, duration)

    def finish(self, end):
        """Writes the packets that waited for the end of the last frame."""
        self.show(end)
        self.add([])


class FolderSink(Sink):
    """Folders of PNG files."""

    def encode(self, image, pts, starts_scene=False):
        return [Packet(to_png(image, compress_level=4), pts, pts, True)]

    def open(self, path, tracks=None):
        if Path(path).is_dir():
            # It is empty, and Windows does not replace a folder.
            Path(path).rmdir()
        return super().open(path, tracks)

    def make_file(self, path, tracks):
        return ImageFolder(path, self.time_base, self.provenance)


class ImageFolder:
    """A folder of PNG files, and of their times."""

    def __init__(self, path, time_base, provenance=None):
        self.path, self.time_base = path, time_base
        self.metadata = b"" if provenance is None else png_chunk(provenance)
        self.times = ["ffconcat version 1.0"]
        self.count = 0
        path.mkdir()

    def add(self, packet, duration):
        """Adds a frame."""
        name = IMAGE_NAME.format(self.count)
        head, rest = packet.data[:PNG_HEAD], packet.data[PNG_HEAD:]
        (self.path / name).write_bytes(head + self.metadata + rest)
        seconds = float(duration * self.time_base)
        self.times += [f"file {name}", f"duration {seconds:.6f}"]
        self.count += 1

    def close(self, is_whole):
        """Writes the times, or deletes what is not whole."""
        if not is_whole:
            shutil.rmtree(self.path)
            return
        text = "\n".join(self.times) + "\n"
        (self.path / TIMES_NAME).write_text(text, encoding="utf-8")


def to_png(image, **options):
    """Encodes a picture as a PNG file, bytes."""
    file = io.BytesIO()
    Image.fromarray(image).save(file, "PNG", **options)
    return file.getvalue()
