"""Writes frames as bare bytes."""

import sys
from fractions import Fraction

from keras_comic.video.packet import Packet
from keras_comic.video.sink import Sink


class RawSink(Sink):
    """Raw frames to the standard output; times are not written."""

    keeps_sound = False

    def __init__(self, frame_rate):
        super().__init__(1 / Fraction(frame_rate))

    def make_encoder(self):
        """Begins a piece."""
        return self

    def encode(self, image, pts, starts_scene=False):
        """Takes a frame as it is."""
        return [Packet(image.tobytes(), pts, pts, True)]

    def finish(self):
        """Ends the piece."""
        return []

    def open(self, path, sound=None):
        """Begins to write."""
        return RawFile(sys.stdout.buffer)


class RawFile:
    """Writes raw frames."""

    def __init__(self, file):
        self.file = file

    def __enter__(self):
        return self

    def add(self, packet, duration):
        """Writes a frame, at once."""
        self.file.write(packet.data)
        self.file.flush()

    def __exit__(self, kind, error, traceback):
        self.file.flush()
