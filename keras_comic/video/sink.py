"""Parts that all kinds of output share: packets, times, files."""

import collections
import os
from fractions import Fraction
from typing import NamedTuple


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

    keeps_sound = False
    is_lossless = True
    # Stated in the files; packets do not depend on it.
    provenance = None

    def __init__(self, time_base, min_ticks=1, drops=False):
        self.time_base = Fraction(time_base)
        self.min_ticks = min_ticks
        self.drops = drops

    def place(self, time, last):
        """Returns when a frame is shown, or `None` for a frame to drop."""
        ticks = round(time / self.time_base)
        if last is None or ticks >= last + self.min_ticks:
            return ticks
        # Half the distance is near enough to be a matter of rounding.
        if self.drops and 2 * (ticks - last) < self.min_ticks:
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

    def finish(self):
        """Ends a piece; returns the packets that the encoder still held."""
        return []


class OutputFile:
    """A file that takes its name when it is whole."""

    def __init__(self, path):
        self.path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        self.partial = path.with_name(f".partial.{path.name}")

    def __enter__(self):
        return self

    def __exit__(self, kind, error, traceback):
        try:
            self.close(whole=kind is None)
            if kind is None:
                os.replace(self.partial, self.path)
        finally:
            self.partial.unlink(missing_ok=True)


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
