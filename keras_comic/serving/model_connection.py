"""A connection to one model of a server, and what it says of itself."""

import numbers
import threading
import time

from keras_comic.serving.errors import ServingError
from keras_comic.serving.retries import call_with_retries
from keras_comic.serving.transports import open_transport

POLL_SECONDS = 0.2


class ModelConnection:
    """Asks one model of a server, until an answer comes or the time is up."""

    def __init__(self, address, model, version, token, timeout):
        if not isinstance(model, str) or not model:
            raise ValueError(
                "`model` must be a string that is not empty. "
                f"Received: model={model!r}"
            )
        if not isinstance(version, (int, str, type(None))) or version == "":
            raise ValueError(
                "`version` must be an integer, a label or None. "
                f"Received: version={version!r}"
            )
        _check_timeout(timeout)
        self.address = address
        self.model = model
        self.version = version
        self.timeout = timeout
        self._closed = threading.Event()
        self._transport = open_transport(address, model, version, token)

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.close()

    def close(self):
        """Ends the requests under way, and the connections."""
        self._closed.set()
        self._transport.close()

    def status(self):
        """Asks for the states of the model's versions."""
        return self._call(self._transport.status)

    def metadata(self):
        """Asks for the model's signatures."""
        return self._call(self._transport.metadata)[1]

    def wait_until_ready(self, timeout=60.0):
        """Waits for the server to have the model, as after its start."""
        _check_timeout(timeout)
        end = time.monotonic() + timeout
        while True:
            left = end - time.monotonic()
            try:
                if left > 0:
                    states = self._call(self._transport.status, timeout=left)
                    if any(found.state == "AVAILABLE" for found in states):
                        return
                    problem = f"Its versions: {states}"
            except ServingError as error:
                if error.code not in (
                    "DEADLINE_EXCEEDED",
                    "NOT_FOUND",
                    "UNAVAILABLE",
                ):
                    raise
                problem = str(error)
            if time.monotonic() + POLL_SECONDS >= end:
                raise ServingError(
                    "DEADLINE_EXCEEDED",
                    f"The model {self.model!r} was not ready within "
                    f"{timeout:g} seconds. {problem}",
                )
            self._sleep(POLL_SECONDS)

    def _call(self, method, *args, timeout=None):
        """Calls a method of the transport, again where that may help."""
        self._check_open()
        return call_with_retries(
            lambda left: method(*args, timeout=left),
            timeout or self.timeout,
            self._sleep,
        )

    def _sleep(self, seconds):
        self._closed.wait(seconds)
        self._check_open()

    def _check_open(self):
        """Raises a `ServingError`, `CANCELLED`, after `close`."""
        if self._closed.is_set():
            raise ServingError("CANCELLED", "The client is closed.")


def _check_timeout(timeout):
    if not isinstance(timeout, numbers.Real) or not 0 < timeout < float("inf"):
        raise ValueError(
            "`timeout` must be a positive number of seconds. "
            f"Received: timeout={timeout!r}"
        )
