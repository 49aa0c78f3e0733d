"""A connection to one model of a server."""

import functools
import numbers
import threading
import time
from concurrent import futures

from keras_comic.serving.errors import ServingError
from keras_comic.serving.retries import call_with_retries
from keras_comic.serving.transports import open_transport

POLL_SECONDS = 0.2


class ModelConnection:
    """Asks one model of a server, until an answer comes or the time is up."""

    def __init__(
        self,
        address,
        model="comic",
        version=None,
        token=None,
        timeout=60.0,
        concurrency=8,
    ):
        if not isinstance(concurrency, int) or concurrency < 1:
            raise ValueError(
                "`concurrency` must be a positive integer. "
                f"Received: concurrency={concurrency!r}"
            )
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
        self.model = model
        self.version = version
        self.timeout = timeout
        self.concurrency = concurrency
        self._closed = threading.Event()
        self._transport = open_transport(address, model, version, token)
        self._pool = futures.ThreadPoolExecutor(
            concurrency, thread_name_prefix="comic-client"
        )

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.close()

    def close(self):
        """Ends the requests under way, and the connections."""
        self._closed.set()
        self._pool.shutdown(wait=False, cancel_futures=True)
        self._transport.close()

    def status(self):
        """Asks for the states of the model's versions.

        Returns:
            Dict of the number of a version to its state, such as
            `"AVAILABLE"`.
        """
        return self._call(self._transport.status)

    def metadata(self):
        """Asks for the model's signatures.

        Returns:
            Dict of a signature's name to a dict of its inputs' names to their
            shapes, lists in which -1 is any size.
        """
        return self._call(self._transport.metadata)

    def wait_until_ready(self, timeout=60.0):
        """Waits for the server to have the model, as after its start.

        Args:
            timeout: Float > 0, seconds. Defaults to `60.0`.

        Raises:
            ServingError: `DEADLINE_EXCEEDED` if it is not ready then.
        """
        _check_timeout(timeout)
        end = time.monotonic() + timeout
        problem = "There was no answer."
        while (left := end - time.monotonic()) > 0:
            try:
                states = self._call(self._transport.status, timeout=left)
                if "AVAILABLE" in states.values():
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
            self._sleep(min(POLL_SECONDS, max(0.0, end - time.monotonic())))
        raise ServingError(
            "DEADLINE_EXCEEDED",
            f"The model {self.model!r} was not ready within {timeout:g} "
            f"seconds. {problem}",
        )

    @functools.cached_property
    def _signatures(self):
        return self.metadata()

    def _predict(self, signature, inputs):
        return self._call(self._transport.predict, signature, inputs)

    def _map(self, function, parts):
        """Returns results in the order of the parts, several at a time."""
        running = [self._submit(function, part) for part in parts]
        try:
            return [future.result() for future in running]
        finally:
            for future in running:
                future.cancel()

    def _submit(self, function, *args):
        self._check_open()
        return self._pool.submit(function, *args)

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
        if self._closed.is_set():
            raise ServingError("CANCELLED", "The client is closed.")


def _check_timeout(timeout):
    if not isinstance(timeout, numbers.Real) or not 0 < timeout < float("inf"):
        raise ValueError(
            "`timeout` must be a positive number of seconds. "
            f"Received: timeout={timeout!r}"
        )
