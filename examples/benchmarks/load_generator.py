"""Sends one request again and again to a server, from many clients at a time.

    python examples/benchmarks/load_generator.py 127.0.0.1:8501 request.json \\
        --path /v1/models/comic:predict --clients 8 --seconds 60
    python examples/benchmarks/load_generator.py 127.0.0.1:8500 request.pb \\
        --protocol grpc --clients 8 --seconds 60

Each client is a thread with a connection of its own, which sends its next
request once the answer to the last has come. It is a process of its own and
cheap, since it shares the cores with the server: the request's bytes are made
beforehand, HTTP is a plain socket, gRPC's messages are not parsed, and there
is no library but grpcio. It prints one JSON object: the counts of answers,
the milliseconds of those that were asked for and of those that were refused,
and the CPU seconds that it has taken itself.
"""

import argparse
import collections
import json
import pathlib
import socket
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
    """Sends a message on a channel of its own."""

    def __init__(self, address, path, body):
        import grpc

        self._error = grpc.RpcError
        self._body = body
        self._channel = grpc.insecure_channel(
            address,
            [
                ("grpc.use_local_subchannel_pool", 1),
                ("grpc.enable_retries", 0),
                ("grpc.max_receive_message_length", -1),
            ],
        )
        # The bytes are sent as they are, and the answer is left as it is.
        self._method = self._channel.unary_unary(METHOD)

    def send(self):
        try:
            answer = self._method(self._body, timeout=TIMEOUT)
        except self._error as error:
            return error.code().name, bool(error.details())
        return "OK", bool(answer)

    def close(self):
        self._channel.close()


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
