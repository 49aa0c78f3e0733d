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
    """One after the other, in the order in which they came.

    Args:
        max_waiting: Integer. How many may wait. Defaults to `16`.
    """

    def __init__(self, max_waiting=MAX_WAITING):
        self.max_waiting = max_waiting
        self._line = collections.deque()
        self._changed = threading.Condition()

    def enter(self):
        """Joins the end of the line.

        Returns:
            A ticket, which must be given to `leave` in the end.

        Raises:
            Busy: If too many wait.
        """
        ticket = object()
        with self._changed:
            if len(self._line) > self.max_waiting:
                raise Busy
            self._line.append(ticket)
        return ticket

    def wait(self, ticket, stopped):
        """Waits for one's turn.

        Args:
            ticket: What `enter` returns.
            stopped: `threading.Event` that ends the waiting, if set.

        Yields:
            Number of those who come before, as it changes; none if it is
            one's turn already.

        Raises:
            Stopped: If `stopped` is set.
        """
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
        """Lets the next one have its turn.

        Args:
            ticket: What `enter` returns.
        """
        with self._changed:
            self._line.remove(ticket)
            self._changed.notify_all()


class Work:
    """A comic in the making, in a thread of its own.

    Args:
        stylizer: `WebStylizer`.
        path: String or path of a photo or a video.
        choice: `Choice`.
        folder: Path of an existing folder for the file to download.
        stopped: `threading.Event` that stops it, if set, at the next frame.
    """

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
        """Waits for the end.

        Yields:
            Number of frames done and number of all or `None`, as they change.
        """
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
        """What was made.

        Returns:
            `Result`.

        Raises:
            Stopped: If it was stopped.
            Exception: What `WebStylizer.make` raises.
        """
        return self._future.result()
