"""Files from the web: continued where they broke off, and checked.

By the standard library alone. What arrives is written to `<name>.part` and
gets its name once its checksum agrees, so that no file of the cache is ever
half there.
"""

import hashlib
import http.client
import os
import re
import socket
import ssl
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

try:
    import fcntl
except ImportError:
    # Not on Windows: two downloads of one file would disturb each other, and
    # the checksum would tell.
    fcntl = None

# Seconds before the first repetition; each of the next waits twice as long.
FIRST_DELAY = 0.5
LONGEST_DELAY = 60.0
_SCHEMES = ("https", "http", "file")
_CHUNK = 2**18
# Those that may pass: a time-out, too early, too many requests. So may 5xx.
_PASSING = (408, 425, 429)


def cache_folder():
    """The folder of fetched files."""
    own = os.environ.get("KERAS_COMIC_HOME")
    if own:
        return Path(own).expanduser()
    of_keras = os.environ.get("KERAS_HOME") or "~/.keras"
    return Path(of_keras).expanduser() / "keras_comic"


def fetch(
    url,
    sha256,
    path,
    num_bytes=None,
    progress=None,
    num_retries=4,
    timeout=30.0,
):
    """Fetches a file, unless it is there already."""
    path = Path(path)
    sha256 = _checked(url, sha256)
    if path.is_file() and _sha256_of(path) == sha256:
        return path
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.name}.part")
    with _open_locked(part) as file:
        # Another process may have fetched it while this one waited.
        if path.is_file() and _sha256_of(path) == sha256:
            part.unlink()
            return path
        try:
            download = _Download(url, file, num_bytes, progress, timeout)
            download.finish(num_retries)
            found = _sha256_of(part)
            if found != sha256 and download.is_continued:
                # The older half may be of another file.
                file.truncate(0)
                download.finish(num_retries)
                found = _sha256_of(part)
            if found != sha256:
                raise ValueError(
                    f"The checksum of {url!r} does not agree: the file there "
                    "is damaged or not the one that was published. "
                    f"Expected: sha256={sha256}. Received: sha256={found}."
                )
            os.fsync(file.fileno())
        except _FetchError as error:
            arrived = os.path.getsize(part)
            if not arrived:
                part.unlink()
            raise OSError(
                _advice(url, path, error, arrived, num_bytes)
            ) from error
        except ValueError:
            part.unlink()
            raise
        if fcntl is None:
            file.close()
        os.replace(part, path)
    return path


class _FetchError(Exception):
    """A connection that failed, for good or for now."""

    def __init__(self, reason, may_pass=True, delay=0.0):
        super().__init__(reason)
        self.may_pass = may_pass
        self.delay = delay


class _Download:
    """What one call receives, into an open file."""

    def __init__(self, url, file, num_bytes, progress, timeout):
        self.url = url
        self.file = file
        self.num_bytes = num_bytes
        self.progress = progress
        self.timeout = timeout
        # Whether the file was ever put together of more than one answer.
        self.is_continued = False

    def finish(self, num_retries):
        """Receives until all is there."""
        for number in range(num_retries + 1):
            try:
                return self._receive()
            except _FetchError as error:
                if not error.may_pass or number == num_retries:
                    raise
                delay = max(error.delay, FIRST_DELAY * 2**number)
                time.sleep(min(delay, LONGEST_DELAY))

    def _receive(self):
        """Receives what one connection gives."""
        start = self.file.seek(0, os.SEEK_END)
        if start == self.num_bytes:
            self.is_continued = True
            return
        if self.num_bytes is not None and start > self.num_bytes:
            start = self._start_again()
        headers = {"Accept-Encoding": "identity"}
        if start:
            headers["Range"] = f"bytes={start}-"
        request = urllib.request.Request(self.url, headers=headers)
        try:
            response = urllib.request.urlopen(request, timeout=self.timeout)
        except urllib.error.HTTPError as error:
            with error:
                if start and error.code == 416:
                    # There is nothing after what has arrived.
                    size = _size_of_range(error.headers)
                    if size == start:
                        self.is_continued = True
                        return
                    self._start_again()
                raise _http_failure(error) from error
        except (OSError, http.client.HTTPException) as error:
            raise _connection_failure(error) from error
        with response:
            self._receive_response(response, start)

    def _receive_response(self, response, start):
        if start and getattr(response, "status", None) == 206:
            size = _size_of_range(response.headers)
            if _start_of_range(response.headers) != start:
                self._start_again()
                raise _FetchError("the server sent another part of the file")
            self.is_continued = True
        else:
            start = self._start_again()
            length = response.headers.get("Content-Length")
            size = int(length) if (length or "").isdigit() else None
        if None not in (size, self.num_bytes) and size != self.num_bytes:
            raise self._wrong_size(size)
        size = self.num_bytes if size is None else size
        try:
            received = self._receive_bytes(response, start, size)
        finally:
            self.file.flush()
        if size is not None and received < size:
            raise _FetchError(
                f"the connection was closed after {received} of {size} bytes"
            )

    def _receive_bytes(self, response, received, size):
        while True:
            try:
                # Not `read`, which waits for a whole chunk and loses it.
                chunk = response.read1(_CHUNK)
            except (OSError, http.client.HTTPException) as error:
                raise _connection_failure(error) from error
            if not chunk:
                return received
            received += len(chunk)
            if size is not None and received > size:
                raise self._wrong_size(f"more than {size}")
            self.file.write(chunk)
            if self.progress is not None:
                self.progress(received, size)

    def _start_again(self):
        self.file.truncate(0)
        return 0

    def _wrong_size(self, size):
        return ValueError(
            f"The size of {self.url!r} does not agree: the file there is not "
            f"the one that was published. Expected: {self.num_bytes} bytes. "
            f"Received: {size} bytes."
        )


def _checked(url, sha256):
    """The checksum in lower case."""
    if urllib.parse.urlsplit(url).scheme.lower() not in _SCHEMES:
        raise ValueError(
            f"`url` must be an address of one of {list(_SCHEMES)}. "
            f"Received: url={url!r}"
        )
    if not re.fullmatch("[0-9a-fA-F]{64}", sha256 or ""):
        raise ValueError(
            "`sha256` must be 64 hexadecimal digits. "
            f"Received: sha256={sha256!r}"
        )
    return sha256.lower()


def _sha256_of(path):
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _open_locked(part):
    """Opens a file to append to, when no other process has it open."""
    while True:
        file = open(part, "ab")
        if fcntl is None:
            return file
        fcntl.flock(file, fcntl.LOCK_EX)
        # Whoever had it may have renamed it.
        try:
            if os.path.samestat(os.fstat(file.fileno()), os.stat(part)):
                return file
        except FileNotFoundError:
            pass
        file.close()


def _size_of_range(headers):
    size = (headers.get("Content-Range") or "").rpartition("/")[2]
    return int(size) if size.isdigit() else None


def _start_of_range(headers):
    found = re.match(r"bytes (\d+)-", headers.get("Content-Range") or "")
    return int(found[1]) if found else None


def _http_failure(error):
    after = error.headers.get("Retry-After") or ""
    return _FetchError(
        f"HTTP status {error.code}, {error.reason}",
        may_pass=error.code in (*_PASSING, 416) or error.code >= 500,
        delay=float(after) if after.isdigit() else 0.0,
    )


def _connection_failure(error):
    reason = getattr(error, "reason", error)
    # No such host, no such file, a certificate that is not trusted.
    lasting = (socket.gaierror, FileNotFoundError, ssl.SSLError)
    return _FetchError(
        f"{type(reason).__name__}: {reason}"
        if isinstance(reason, Exception)
        else str(reason),
        may_pass=not isinstance(reason, (*lasting, IsADirectoryError)),
    )


def _advice(url, path, error, arrived, num_bytes):
    kept = ""
    if arrived:
        total = "" if num_bytes is None else f" of {num_bytes}"
        kept = (
            f" {arrived}{total} bytes have arrived; the next call goes on "
            "from there."
        )
    return (
        f"{url!r} could not be fetched: {error}. Check the address and the "
        f"connection.{kept} Without a connection, bring the file here by "
        f"other means, as {str(path)!r}."
    )
