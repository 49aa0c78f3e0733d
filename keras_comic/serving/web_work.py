"""Comics in the making: one at a time, each in a thread of its own."""

import collections
import threading
from concurrent import futures

from keras_comic.serving.web_stylizer import Stopped

# Seconds between two looks at how far a comic is.
POLLING_INTERVAL = 0.4
# Who waits; the next one is told that the page is busy.
MAX_WAITING = 16


class Busy(Exception):
    """Raised where too many wait already."""


class Turns:
    """One after the other, in the order in which they came."""

    def __init__(self, max_waiting=MAX_WAITING):
        self.max_waiting = max_waiting
        self._line = collections.deque()
        self._changed = threading.Condition()

    def enter(self):
        """Joins the end of the line."""
        ticket = object()
        with self._changed:
            if len(self._line) > self.max_waiting:
                raise Busy
            self._line.append(ticket)
        return ticket

    def wait(self, ticket, stopped):
        """Waits for one's turn."""
        told = 0
        while True:
            with self._changed:
                before = self._line.index(ticket)
                if before and before == told and not stopped.is_set():
                    self._changed.wait(POLLING_INTERVAL)
                    before = self._line.index(ticket)
            if not before:
                return
            if stopped.is_set():
                raise Stopped
            if before != told:
                told = before
                yield before

    def leave(self, ticket):
        """Lets the next one have its turn."""
        with self._changed:
            self._line.remove(ticket)
            self._changed.notify_all()


class Work:
    """A comic in the making, in a thread of its own."""

    def __init__(self, stylizer, path, choice, folder, stopped):
        self._stopped = stopped
        self._last = None
        self._pool = futures.ThreadPoolExecutor(1, "keras_comic_web")
        self._future = self._pool.submit(
            stylizer.make, path, choice, folder, self._tell
        )
        self._pool.shutdown(wait=False)

    def _tell(self, done, total):
        if self._stopped.is_set():
            raise Stopped
        self._last = done, total

    def progress(self):
        """Waits for the end."""
        told = None
        try:
            while not self._future.done():
                futures.wait([self._future], POLLING_INTERVAL)
                if self._last != told:
                    told = self._last
                    yield told
        finally:
            if not self._future.done():
                # Nobody asks any more: it ends at its next frame, before the
                # folder that it writes to goes.
                self._stopped.set()
                futures.wait([self._future])

    def result(self):
        """What was made."""
        return self._future.result()
