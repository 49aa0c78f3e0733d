"""What the sinks and their files share."""

import os
from fractions import Fraction


class Sink:
    """What the sinks share: times in ticks of their time base."""

    # What files say of how they were made; packets do not depend on it.
    provenance = None

    def __init__(self, time_base, min_ticks=1, drops=False):
        self.time_base = Fraction(time_base)
        self.min_ticks = min_ticks
        self.drops = drops

    def place(self, time, last):
        """When a frame is shown."""
        ticks = round(time / self.time_base)
        if last is None or ticks >= last + self.min_ticks:
            return ticks
        # Half the distance is near enough to be a matter of rounding.
        if self.drops and 2 * (ticks - last) < self.min_ticks:
            return None
        return last + self.min_ticks

    def end(self, time, last):
        """When the last frame ends."""
        return max(round(time / self.time_base), last + 1)

    def description(self):
        """What the packets depend on."""
        found = {"sink": type(self).__name__, "time_base": str(self.time_base)}
        for name in ("codec", "options", "size", "suffix", "rate"):
            if hasattr(self, name):
                found[name] = str(getattr(self, name))
        return found


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
            if self.partial.exists():
                self.partial.unlink()
