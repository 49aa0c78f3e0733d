"""Reads the body of an HTTP request within bounds of bytes and seconds."""

import asyncio
import contextlib
import dataclasses
import threading
import time

from keras_comic.serving.errors import HTTP_STATUS
from keras_comic.serving.errors import ServingError

# After a refusal, how much of the rest is read and thrown away, so that the
# client reads the answer instead of a broken connection.
_DISCARD_BYTES = 2**26
_DISCARD_SECONDS = 2.0


@dataclasses.dataclass(frozen=True)
class Limits:
    """What one request, and all requests together, may take.

    Args:
        max_request_bytes: Integer. Most bytes of a request's body. Defaults
            to 32 MiB.
        max_body_bytes: Integer. Most bytes of bodies of all requests that are
            being read; over gRPC, apart from those, of the messages of all
            calls that are under way. Defaults to 256 MiB.
        max_connections: Integer. Most connections at a time. Defaults to
            `1024`.
        io_timeout: Float, seconds that a client may take to send its headers,
            the next part of its body, or to read an answer. Defaults to
            `10.0`.
        body_timeout: Float, seconds that a body may take. Defaults to `60.0`.
        request_timeout: Float, seconds from a request's last byte until its
            answer must be there. Defaults to `60.0`.
    Raises:
        ValueError: If one of them is not positive.
    Example:

    >>> keras_comic.serving.Limits(max_request_bytes=2**20).max_request_bytes
    1048576
    """

    max_request_bytes: int = 2**25
    max_body_bytes: int = 2**28
    max_connections: int = 1024
    io_timeout: float = 10.0
    body_timeout: float = 60.0
    request_timeout: float = 60.0

    def __post_init__(self):
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            if value <= 0:
                raise ValueError(
                    f"`{field.name}` must be positive. Received: "
                    f"{field.name}={value}"
                )


class HTTPError(ServingError):
    """An error for which HTTP has a status of its own."""

    def __init__(self, http_status, message, headers=None):
        codes = {408: "DEADLINE_EXCEEDED", 413: "INVALID_ARGUMENT"}
        known = {s: c for c, s in reversed(HTTP_STATUS.items())}
        code = codes.get(http_status) or known.get(
            http_status, "INVALID_ARGUMENT"
        )
        super().__init__(code, message)
        self._http_status = http_status
        self.headers = headers or {}

    @property
    def http_status(self):
        return self._http_status


class ByteBudget:
    """Bytes that requests may hold together."""

    def __init__(self, max_bytes):
        self._left = max_bytes
        self._lock = threading.Lock()

    @contextlib.contextmanager
    def account(self):
        """Of one request; what it took is given back at the end."""
        taken = 0

        def take(count, force=False):
            nonlocal taken
            with self._lock:
                if count > self._left and not force:
                    raise ServingError(
                        "RESOURCE_EXHAUSTED",
                        "The server has too many requests in its memory.",
                    )
                self._left -= count
                taken += count

        try:
            yield take
        finally:
            with self._lock:
                self._left += taken


class BodyReader:
    """Reads the body of a request, as ASGI gives it."""

    def __init__(self, receive, headers, limits):
        self._receive = receive
        self._headers = headers
        self._limits = limits
        self.is_complete = False
        self.is_disconnected = False

    async def read(self, take):
        """Reads all of it."""
        encoding = self._headers.get(b"content-encoding", b"identity")
        if encoding.strip().lower() != b"identity":
            raise HTTPError(
                415,
                "The body must not be compressed. Received: Content-Encoding: "
                f"{encoding.decode('latin-1')[:40]}",
                {"Accept-Encoding": "identity"},
            )
        length = self._headers.get(b"content-length", b"")
        if length.isdigit():
            self._check_size(int(length))
        body = bytearray()
        end = time.monotonic() + self._limits.body_timeout
        while not self.is_complete:
            seconds = min(self._limits.io_timeout, end - time.monotonic())
            try:
                async with asyncio.timeout(max(0.0, seconds)):
                    part = await self._next()
            except TimeoutError as error:
                raise HTTPError(
                    408, "The body of the request has not come in time."
                ) from error
            if self.is_disconnected:
                raise ServingError("CANCELLED", "The client has gone.")
            self._check_size(len(body) + len(part))
            take(len(part))
            body += part
        return body

    def _check_size(self, size):
        if size > self._limits.max_request_bytes:
            raise HTTPError(
                413,
                "The body of the request must have at most "
                f"{self._limits.max_request_bytes} bytes.",
            )

    async def _next(self):
        message = await self._receive()
        if message["type"] == "http.disconnect":
            self.is_disconnected = True
            return b""
        self.is_complete = not message.get("more_body", False)
        return message.get("body", b"")

    async def discard(self):
        """Throws away what is left of it, within bounds."""
        left = _DISCARD_BYTES
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_DISCARD_SECONDS):
                while (
                    left > 0
                    and not self.is_complete
                    and not self.is_disconnected
                ):
                    left -= len(await self._next())

    async def wait_for_disconnect(self):
        """Returns when the client has gone."""
        while not self.is_disconnected:
            await self._next()
