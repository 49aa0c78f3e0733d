"""Sends one request again and again to a server, from many clients at a time.

    python examples/benchmarks/load_generator.py 127.0.0.1:8501 request.json \\
        --path /v1/models/comic:predict --clients 8 --seconds 60
    python examples/benchmarks/load_generator.py 127.0.0.1:8500 request.pb \\
        --protocol grpc --clients 8 --seconds 60

Each client is a thread with a connection of its own, which sends its next
request once the answer to the last has come. It is a process of its own and
cheap, since it shares the cores with the server: the request's bytes are made
beforehand, HTTP and gRPC's HTTP/2 are a plain socket, of an answer only its
status and its length are looked at, and there is no library. It prints one
JSON object: the counts of answers, the milliseconds of those that were asked
for and of those that were refused, and the CPU seconds that it has taken
itself.
"""

import argparse
import collections
import json
import pathlib
import socket
import struct
import sys
import threading
import time

METHOD = "/tensorflow.serving.PredictionService/Predict"
TIMEOUT = 120.0
# After a refusal, as a well-behaved client does; it asked for a second.
PAUSE = 0.05
# What an answer is counted as when there is none.
REFUSED, CLOSED = "connection refused", "closed without an answer"
OK = ("200", "OK")
BUSY = ("429", "RESOURCE_EXHAUSTED")
# HTTP/2's frames and flags.
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, RESET, SETTINGS, PING, GOAWAY, WINDOW = 0, 1, 3, 4, 6, 7, 8
ACK = END_STREAM = 1
END_HEADERS = 4
MAX_WINDOW = 2**31 - 1
# gRPC's.
STATUS_NAME = b"\x0bgrpc-status"
STATUSES = (
    "OK",
    "CANCELLED",
    "UNKNOWN",
    "INVALID_ARGUMENT",
    "DEADLINE_EXCEEDED",
    "NOT_FOUND",
    "ALREADY_EXISTS",
    "PERMISSION_DENIED",
    "RESOURCE_EXHAUSTED",
    "FAILED_PRECONDITION",
    "ABORTED",
    "OUT_OF_RANGE",
    "UNIMPLEMENTED",
    "INTERNAL",
    "UNAVAILABLE",
    "DATA_LOSS",
    "UNAUTHENTICATED",
)


class HttpClient:
    """Posts a body on a connection that is kept."""

    def __init__(self, address, path, body):
        host, port = address.rsplit(":", 1)
        self._address = host, int(port)
        self._request = (
            f"POST {path} HTTP/1.1\r\nHost: {address}\r\nContent-Type: "
            f"application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        ).encode() + body
        self._socket = None

    def send(self):
        """What the answer is counted as, and whether it was well-formed."""
        if self._socket is None:
            try:
                self._socket = socket.create_connection(
                    self._address, timeout=TIMEOUT
                )
            except OSError:
                return REFUSED, False
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            self._socket.sendall(self._request)
            status, headers, body = self._read()
        except (OSError, ValueError, IndexError):
            self.close()
            return CLOSED, False
        if b"connection: close" in headers:
            self.close()
        good = body.startswith(b"{") and body.endswith(b"}")
        if status == "429":
            good = good and b"retry-after:" in headers and b'"error"' in body
        return status, good

    def _read(self):
        received = bytearray()
        while (end := received.find(b"\r\n\r\n")) < 0:
            self._receive(received)
        headers = bytes(received[: end + 2]).lower()
        start = headers.index(b"content-length:") + 15
        length = int(headers[start : headers.index(b"\r\n", start)])
        while len(received) < end + 4 + length:
            self._receive(received)
        status = headers.split(b" ", 2)[1].decode()
        return status, headers, received[end + 4 :]

    def _receive(self, received):
        part = self._socket.recv(2**18)
        if not part:
            raise ValueError("The connection was closed.")
        received += part

    def close(self):
        if self._socket is not None:
            self._socket.close()
            self._socket = None


class GrpcClient:
    """Sends a message on a connection of its own, one call after the other.

    HTTP/2 as far as gRPC's servers need it. Headers are sent without
    compression, and none is agreed on for those that come.
    """

    def __init__(self, address, path, body):
        host, port = address.rsplit(":", 1)
        self._address = host, int(port)
        self._headers = b"".join(
            b"\0" + _literal(name) + _literal(value)
            for name, value in (
                (":method", "POST"),
                (":scheme", "http"),
                (":path", METHOD),
                (":authority", address),
                ("content-type", "application/grpc"),
                ("te", "trailers"),
                ("grpc-timeout", f"{TIMEOUT:.0f}S"),
            )
        )
        self._body = struct.pack(">BI", 0, len(body)) + body
        self._socket = None

    def _connect(self):
        self._socket = socket.create_connection(self._address, timeout=TIMEOUT)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._received = bytearray()
        self._stream = -1
        self._frame_size = 2**14
        self._stream_window = self._window = 2**16 - 1
        self._first_window = 2**16 - 1
        self._taken = 0
        self._is_ending = False
        self._socket.sendall(
            PREFACE
            + _frame(SETTINGS, 0, 0, struct.pack(">HIHI", 1, 0, 4, MAX_WINDOW))
            + _frame(WINDOW, 0, 0, struct.pack(">I", MAX_WINDOW - self._window))
        )

    def send(self):
        """What the answer is counted as, and whether it was well-formed."""
        if self._socket is None:
            try:
                self._connect()
            except OSError:
                return REFUSED, False
        try:
            return self._call()
        except (OSError, ValueError):
            self.close()
            return CLOSED, False

    def _call(self):
        self._stream += 2
        self._stream_window = self._first_window
        self._data, self._status, self._is_answered = 0, None, False
        self._length = None
        parts = [_frame(HEADERS, END_HEADERS, self._stream, self._headers)]
        sent = 0
        while not self._is_answered and sent < len(self._body):
            room = min(self._window, self._stream_window, self._frame_size)
            if room <= 0:
                self._flush(parts)
                self._read()
                continue
            part = self._body[sent : sent + room]
            sent += len(part)
            self._window -= len(part)
            self._stream_window -= len(part)
            end = END_STREAM if sent == len(self._body) else 0
            parts.append(_frame(DATA, end, self._stream, part))
        self._flush(parts)
        while not self._is_answered:
            self._read()
        status = self._status
        if self._is_ending:
            self.close()
        if status != "OK":
            return status, status in STATUSES
        return status, self._data == self._length

    def _flush(self, parts):
        self._socket.sendall(b"".join(parts))
        parts.clear()

    def _read(self):
        """Takes what has come."""
        part = self._socket.recv(2**18)
        if not part:
            raise ValueError("The connection was closed.")
        received = self._received
        received += part
        start = 0
        while len(received) >= start + 9:
            size = int.from_bytes(received[start : start + 3])
            end = start + 9 + size
            if len(received) < end:
                break
            kind, flags = received[start + 3], received[start + 4]
            stream = int.from_bytes(received[start + 5 : start + 9])
            self._take(kind, flags, stream, received[start + 9 : end])
            start = end
        del received[:start]

    def _take(self, kind, flags, stream, payload):
        if kind == DATA:
            self._take_data(len(payload))
            if stream == self._stream:
                if self._length is None:
                    # Of the message, before which are five bytes.
                    self._length = 5 + int.from_bytes(payload[1:5])
                self._data += len(payload)
        elif kind == SETTINGS and not flags & ACK:
            for name, value in struct.iter_unpack(">HI", payload):
                if name == 4:
                    self._stream_window += value - self._first_window
                    self._first_window = value
                elif name == 5:
                    self._frame_size = value
            self._socket.sendall(_frame(SETTINGS, ACK, 0, b""))
        elif kind == PING and not flags & ACK:
            self._socket.sendall(_frame(PING, ACK, 0, payload))
        elif kind == WINDOW:
            count = int.from_bytes(payload)
            if stream == 0:
                self._window += count
            elif stream == self._stream:
                self._stream_window += count
        elif kind == GOAWAY:
            self._is_ending = True
            if self._stream > int.from_bytes(payload[:4]):
                self._status, self._is_answered = "UNAVAILABLE", True
        elif stream == self._stream and kind == HEADERS:
            found = payload.find(STATUS_NAME)
            if found >= 0:
                start = found + len(STATUS_NAME)
                number = payload[start + 1 : start + 1 + payload[start]]
                self._status = STATUSES[int(number)]
            if flags & END_STREAM:
                self._status = self._status or "no status"
                self._is_answered = True
        elif stream == self._stream and kind == RESET:
            self._status = self._status or "RST_STREAM"
            self._is_answered = True

    def _take_data(self, size):
        self._taken += size
        if self._taken > MAX_WINDOW // 2:
            count = struct.pack(">I", self._taken)
            self._socket.sendall(_frame(WINDOW, 0, 0, count))
            self._taken = 0

    def close(self):
        if self._socket is not None:
            self._socket.close()
            self._socket = None


def _frame(kind, flags, stream, payload):
    head = struct.pack(">I", len(payload))[1:]
    return head + struct.pack(">BBI", kind, flags, stream) + payload


def _literal(text):
    return bytes([len(text)]) + text.encode()


CLIENTS = {"http": HttpClient, "grpc": GrpcClient}


class Load:
    """Runs the clients, and counts."""

    def __init__(self, make_client, num_clients, seconds):
        self._make_client = make_client
        self._seconds = seconds
        self._lock = threading.Lock()
        self._ready = threading.Barrier(num_clients + 1)
        self.counts = collections.Counter()
        self.malformed = 0
        self.answered, self.refused = [], []
        # Start of every request that had no answer, `time.monotonic()`.
        self.unanswered = []
        self._threads = [
            threading.Thread(target=self._work) for _ in range(num_clients)
        ]

    def run(self):
        for thread in self._threads:
            thread.start()
        self._ready.wait()
        self.start = time.monotonic()
        cpu = time.process_time()
        for thread in self._threads:
            thread.join()
        self.end = time.monotonic()
        self.cpu_seconds = time.process_time() - cpu

    def _work(self):
        client = self._make_client()
        counts = collections.Counter()
        answered, refused, unanswered, malformed = [], [], [], 0
        self._ready.wait()
        end = time.monotonic() + self._seconds
        while (start := time.monotonic()) < end:
            status, good = client.send()
            milliseconds = round((time.monotonic() - start) * 1e3, 3)
            counts[status] += 1
            malformed += not good and status not in (REFUSED, CLOSED)
            if status in OK:
                answered.append(milliseconds)
                continue
            if status in BUSY:
                refused.append(milliseconds)
            elif status in (CLOSED, "UNAVAILABLE"):
                unanswered.append(start)
            time.sleep(PAUSE)
        client.close()
        with self._lock:
            self.counts += counts
            self.answered += answered
            self.refused += refused
            self.unanswered += unanswered
            self.malformed += malformed

    def report(self):
        return {
            "counts": self.counts,
            "malformed": self.malformed,
            "seconds": self.end - self.start,
            "cpu_seconds": self.cpu_seconds,
            "answered": self.answered,
            "refused": self.refused,
            "unanswered": self.unanswered,
        }


def main(arguments=None):
    options = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    options.add_argument("address", help="host:port")
    options.add_argument("body", type=pathlib.Path, help="file of a request")
    options.add_argument("--protocol", choices=CLIENTS, default="http")
    options.add_argument("--path", default="/v1/models/comic:predict")
    options.add_argument("--clients", type=int, default=1)
    options.add_argument("--seconds", type=float, default=60.0)
    arguments = options.parse_args(arguments)
    body = arguments.body.read_bytes()
    load = Load(
        lambda: CLIENTS[arguments.protocol](
            arguments.address, arguments.path, body
        ),
        arguments.clients,
        arguments.seconds,
    )
    load.run()
    json.dump(load.report(), sys.stdout)


if __name__ == "__main__":
    main()
