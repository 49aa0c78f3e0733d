"""What a server does with requests that mean it harm, or are broken."""

import collections
import http.client
import importlib.util
import json
import random
import socket
import struct
import sys
import time
import urllib.request

import pytest

from keras_comic.serving.server import ModelServer
from tests.serving.hostile_requests import BOMBS
from tests.serving.hostile_requests import FILES
from tests.serving.hostile_requests import GOOD_REQUESTS
from tests.serving.hostile_requests import HEADERS
from tests.serving.hostile_requests import PATH
from tests.serving.hostile_requests import Request
from tests.serving.hostile_requests import files_body
from tests.serving.hostile_requests import hostile_requests
from tests.serving.small_saved_model import small_saved_model
from tests.test_case import ROOT
from tests.test_case import TestCase
from tests.test_case import requires_tensorflow

# With these a server says what was wrong with a request. 501 is for methods
# of the API that it does not have, 504 for what takes too long.
EXPECTED = {200, 400, 404, 405, 408, 413, 415, 429, 431, 501, 504}
MEBIBYTE = 2**20
REFUSED_BY_UVICORN = (
    b"Invalid HTTP request received.",
    b"Unsupported upgrade request.",
)


class Sender:
    """Sends requests on one connection, as long as it holds."""

    def __init__(self, address, timeout=60.0):
        self._address = address
        self._timeout = timeout
        self._connection = None

    def send(self, request):
        """`(status, content type, body)`, or `None` without an answer."""
        if self._connection is None:
            self._connection = http.client.HTTPConnection(
                self._address, timeout=self._timeout
            )
        try:
            self._put(request)
        except (BrokenPipeError, ConnectionResetError):
            # The answer came before the body was sent.
            pass
        try:
            answer = self._connection.getresponse()
            found = answer.status, answer.getheader("Content-Type")
            found = *found, answer.read()
        except (OSError, http.client.HTTPException):
            self.close()
            return None
        if answer.will_close:
            self.close()
        return found

    def _put(self, request):
        # Nothing is checked or quoted here, unlike in `request`.
        lines = [f"{request.method} {request.path} HTTP/1.1"]
        headers = {"Host": self._address, **request.headers}
        headers["Content-Length"] = len(request.body)
        lines += [f"{name}: {value}" for name, value in headers.items()]
        head = "\r\n".join([*lines, "", ""]).encode("latin-1")
        if self._connection.sock is None:
            self._connection.connect()
        connection = self._connection
        # What `getresponse` asks for before it reads.
        connection._HTTPConnection__state = http.client._CS_REQ_SENT
        connection._method = request.method
        connection.sock.sendall(head + request.body)

    def close(self):
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def find_faults(request, answer):
    """What is wrong with an answer: a string, or `None`."""
    if answer is None:
        return "no answer"
    status, content_type, body = answer
    if status not in EXPECTED:
        return f"status {status}: {body[:200]!r}"
    if request.method == "HEAD":
        return None
    if status == 200 and not request.path.startswith("/v1"):
        return None if body else "an empty page"
    if content_type != "application/json":
        return f"status {status} of type {content_type}: {body[:200]!r}"
    try:
        # NaN would be no JSON.
        document = json.loads(body, parse_constant=_refuse_constant)
    except ValueError as error:
        return f"status {status}, not JSON ({error}): {body[:200]!r}"
    if not isinstance(document, dict):
        return f"status {status}, not an object: {body[:200]!r}"
    if status != 200:
        message = document.get("error")
        if not isinstance(message, str) or not message.strip():
            return f"status {status} without a message: {body[:200]!r}"
        for word in ("Traceback", "site-packages", '.py"', "node "):
            if word in message:
                return f"status {status} tells of itself: {message[:300]}"
        if len(body) > 5000:
            return f"status {status}: an error of {len(body)} bytes"
    return None


def _refuse_constant(text):
    raise ValueError(f"{text} is not in the standard")


def send_all(address, requests):
    """Sends requests.

    Returns:
        Counts of `(kind, status)`; list of faults; list of `(seconds, kind)`.
    """
    sender = Sender(address)
    counts, faults, seconds = collections.Counter(), [], []
    for number, request in enumerate(requests):
        start = time.monotonic()
        answer = sender.send(request)
        seconds.append((time.monotonic() - start, request.kind))
        counts[request.kind, answer and answer[0]] += 1
        fault = find_faults(request, answer)
        if fault is not None:
            begin = f"{request.method} {request.path[:80]} {request.headers}"
            faults.append(
                f"{number}, {request.kind}: {fault}\n    {begin[:300]}\n    "
                f"{len(request.body)} bytes: {request.body[:200]!r}"
            )
    sender.close()
    return counts, faults, seconds


def get(address, path):
    with urllib.request.urlopen(f"http://{address}{path}", timeout=60) as page:
        return page.read()


def metric(address, name):
    for line in get(address, "/metrics").decode().splitlines():
        if line.startswith(name):
            return float(line.rpartition(" ")[2])
    raise ValueError(f"no metric {name}")


class ServerChecks:
    """What every test here begins and ends with."""

    def assert_answers(self, address):
        counts, faults, _ = send_all(address, GOOD_REQUESTS)
        self.assert_no_faults(faults)
        self.assertEqual(counts, {("good", 200): len(GOOD_REQUESTS)})

    def assert_no_faults(self, faults):
        self.assertEqual(faults, [], "\n".join(faults[:30]))


@requires_tensorflow
class HostileInputTest(ServerChecks, TestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        _, folder = small_saved_model()
        server = ModelServer({"comic": folder}, port=0)
        cls.server = server.start()
        cls.addClassCleanup(server.stop, 5.0)
        cls.address = f"127.0.0.1:{server.port}"

    def tearDown(self):
        self.assert_answers(self.address)
        super().tearDown()

    def exchange(self, data, seconds=1.5):
        """All that comes back for what is sent on a connection."""
        with self.connect(seconds) as connection:
            try:
                connection.sendall(data)
            except OSError:
                pass
            # An answer, and a moment for another one.
            return read_all(connection, after=0.2)

    def connect(self, seconds=5.0):
        port = self.server.port
        return socket.create_connection(("127.0.0.1", port), timeout=seconds)

    def test_requests(self):
        requests = [
            request
            for request in hostile_requests(250, seed=3)
            if len(request.body) < MEBIBYTE
        ]
        counts, faults, _ = send_all(self.address, requests)
        self.assert_no_faults(faults)
        statuses = {status for _, status in counts}
        # They are not all refused at the door.
        self.assertLessEqual({200, 400, 404, 405, 415}, statuses)

    def test_styles_that_cannot_be_read(self):
        """The bounds of photos hold for the pictures of styles."""
        sender = Sender(self.address)
        self.addCleanup(sender.close)
        good, huge = FILES[0], HEADERS[0]
        for image, style, message in (
            (good, b"no picture", "not an image"),
            (good, b"", "not an image"),
            (good, good[: len(good) // 2], ""),
            (good, huge, "too large"),
            (huge, good, "too large"),
            (good, BOMBS[0], "too large"),
            (BOMBS[0], good, "too large"),
            (BOMBS[0], None, "too large"),
            (b"no picture", None, "not an image"),
        ):
            for rows in (True, False):
                request = Request("", files_body(image, style, rows))
                answer = sender.send(request)
                self.assertIsNone(find_faults(request, answer))
                self.assertEqual(answer[0], 400, answer[2][:300])
                self.assertIn(message, json.loads(answer[2])["error"])

    def test_statuses_that_are_no_http(self):
        good = GOOD_REQUESTS[0].body
        head = f"POST {PATH} HTTP/1.1\r\nHost: x\r\n".encode()
        for name, data in {
            "nothing": b"",
            "line ends": b"\r\n\r\n\r\n",
            "random": random.Random(1).randbytes(4000),
            "zeros": bytes(70_000),
            "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(50),
            "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes(20),
            "HTTP/0.9": b"GET /healthz\r\n\r\n",
            "HTTP/9": b"GET /healthz HTTP/9.9\r\nHost: x\r\n\r\n",
            "no host": b"GET /healthz HTTP/1.1\r\n\r\n",
            "space before colon": head + b"Content-Length : 2\r\n\r\n{}",
            "folded": head + b"X: 1\r\n 2\r\nContent-Length: 2\r\n\r\n{}",
            "NUL in a header": head + b"X: \0\r\n\r\n",
            "long line": b"GET /" + b"a" * 2**20 + b" HTTP/1.1\r\n\r\n",
            "long header": head + b"X: " + b"a" * 2**20 + b"\r\n\r\n",
            "many headers": head + b"X: 1\r\n" * 50_000 + b"\r\n",
            "negative length": head + b"Content-Length: -5\r\n\r\n{}",
            "no number": head + b"Content-Length: 5x\r\n\r\n{}",
            "plus": head + b"Content-Length: +2\r\n\r\n{}",
            "hexadecimal": head + b"Content-Length: 0x2\r\n\r\n{}",
            "two lengths": head
            + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{} ",
            "list of lengths": head + b"Content-Length: 2, 3\r\n\r\n{} ",
            "huge length": head + b"Content-Length: " + b"9" * 18 + b"\r\n\r\n",
            "longer length": head
            + b"Content-Length: "
            + b"9" * 4000
            + b"\r\n\r\n",
            "no length": head + b"\r\n" + good,
            "long connect": b"CONNECT evil.example:443 HTTP/1.1\r\n\r\n",
            "other host": b"GET http://evil.example/healthz HTTP/1.1\r\n"
            b"Host: x\r\n\r\n",
        }.items():
            with self.subTest(name):
                self.assert_is_http(self.exchange(data), name)

    def assert_is_http(self, received, name):
        """Whole answers, each a JSON object, or a connection that ends."""
        statuses = []
        while received:
            self.assertTrue(received.startswith(b"HTTP/1.1 "), received[:200])
            head, _, received = received.partition(b"\r\n\r\n")
            lines = head.decode("latin-1").lower().split("\r\n")
            statuses.append(int(lines[0].split()[1]))
            headers = dict(line.split(": ", 1) for line in lines[1:])
            if statuses[-1] == 100:
                statuses.pop()
                continue
            length = int(headers.get("content-length", len(received)))
            body, received = received[:length], received[length:]
            self.assertEqual(len(body), length)
            if body not in REFUSED_BY_UVICORN:
                content_type = headers["content-type"]
                self.assertEqual(content_type, "application/json", name)
                self.assertIsInstance(json.loads(body), dict)
            self.assertIn(statuses[-1], EXPECTED, (name, body[:200]))
        return statuses

    def test_two_requests_in_one(self):
        """What one server takes for a body, another takes for a request."""
        smuggled = b"GET /v1/models/smuggled HTTP/1.1\r\nHost: x\r\n\r\n"
        head = f"POST {PATH} HTTP/1.1\r\nHost: x\r\n".encode()
        chunked = b"Transfer-Encoding: chunked\r\n"
        for name, data in {
            "length and chunks": head
            + b"Content-Length: 5\r\n"
            + chunked
            + b"\r\n0\r\n\r\n",
            "chunks and length": head
            + chunked
            + b"Content-Length: 5\r\n\r\n0\r\n\r\n",
            "two codings": head
            + chunked
            + b"Transfer-Encoding: identity\r\nContent-Length: 5\r\n\r\n"
            b"0\r\n\r\n",
            "unknown coding": head
            + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
            "list of codings": head
            + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
            "tab": head + b"Transfer-Encoding:\x0bchunked\r\n\r\n0\r\n\r\n",
            "HTTP/1.0": head.replace(b"1.1", b"1.0")
            + chunked
            + b"\r\n0\r\n\r\n",
        }.items():
            with self.subTest(name):
                received = self.exchange(data + smuggled)
                statuses = self.assert_is_http(received, name)
                # Refused, and the connection with it.
                self.assertLessEqual(len(statuses), 1, received)

    def test_chunks(self):
        head = (
            f"POST {PATH} HTTP/1.1\r\nHost: x\r\n"
            "Transfer-Encoding: chunked\r\n\r\n"
        ).encode()
        good = GOOD_REQUESTS[0].body
        split = [good[i : i + 7] for i in range(0, len(good), 7)]
        parts = b"".join(b"%x\r\n%s\r\n" % (len(p), p) for p in split)
        received = self.exchange(head + parts + b"0\r\n\r\n", seconds=20.0)
        self.assertEqual(self.assert_is_http(received, "good"), [200])
        for name, data in {
            "negative": b"-1\r\n{}\r\n0\r\n\r\n",
            "too long": b"f" * 16 + b"\r\n{}\r\n",
            "longer": b"f" * 5000 + b"\r\n{}\r\n",
            "no number": b"xyz\r\n{}\r\n0\r\n\r\n",
            "no end": b"2\r\n{}0\r\n\r\n",
            "short": b"5\r\n{}\r\n0\r\n\r\n",
            "long extension": b"2;" + b"a" * 2**20 + b"\r\n{}\r\n0\r\n\r\n",
            "trailers": b"2\r\n{}\r\n0\r\nX: " + b"a" * 2**20 + b"\r\n\r\n",
            "one byte each": b"1\r\n \r\n" * 1_000 + b"0\r\n\r\n",
            "cut": b"5\r\n{",
        }.items():
            with self.subTest(name):
                received = self.exchange(head + data)
                statuses = self.assert_is_http(received, name)
                self.assertNotIn(200, statuses)

    def test_metrics_do_not_grow(self):
        """No name that a client makes up is kept."""
        names = [f"made_up_{number}" for number in range(20)]
        requests = [
            Request("name", body, path)
            for name in names
            for body, path in (
                (f'{{"signature_name":"{name}","instances":[1]}}', PATH),
                ('{"instances":[1]}', f"/v1/models/{name}:predict"),
                (f'{{"inputs":{{"{name}":[1]}}}}', PATH),
                ("{}", f"/{name}"),
            )
        ]
        requests = [r._replace(body=r.body.encode()) for r in requests]
        counts, faults, _ = send_all(self.address, requests)
        self.assert_no_faults(faults)
        self.assertNotIn(b"made_up", get(self.address, "/metrics"))

    def test_clients_that_go(self):
        """Connections that are dropped in the middle leave nothing behind."""
        body = GOOD_REQUESTS[3].body
        head = (
            f"POST {PATH} HTTP/1.1\r\nHost: x\r\n"
            f"Content-Length: {len(body)}\r\n\r\n"
        ).encode()
        whole = head + body
        generator = random.Random(0)
        for number in range(60):
            connection = self.connect()
            count = generator.randrange(len(whole) + 1)
            if number % 4 == 0:
                # The answer is never read.
                count = len(whole)
            connection.sendall(whole[:count])
            if number % 2:
                # It is reset, not closed.
                linger = struct.pack("ii", 1, 0)
                connection.setsockopt(
                    socket.SOL_SOCKET, socket.SO_LINGER, linger
                )
            connection.close()
        self.assert_answers(self.address)
        end = time.monotonic() + 10.0
        while metric(self.address, "keras_comic_queue_requests"):
            self.assertLess(time.monotonic(), end)
            time.sleep(0.05)


def read_all(connection, after=None):
    """What comes until the other end closes, or waits for too long."""
    received = bytearray()
    try:
        while part := connection.recv(2**16):
            received += part
            if after is not None:
                connection.settimeout(after)
    except OSError:
        pass
    return bytes(received)


def server_process():
    """The module that starts a server for the benchmarks."""
    path = ROOT / "examples" / "benchmarks" / "server_process.py"
    spec = importlib.util.spec_from_file_location("server_process", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@requires_tensorflow
@pytest.mark.slow
@pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="reads /proc for the memory"
)
class HostileLoadTest(ServerChecks, TestCase):
    """Ten thousand requests to a server that runs by itself."""

    NUM_REQUESTS = 10_000
    # What a body of the largest size takes while it is parsed and answered,
    # two at a time, and what the allocator keeps of it.
    MAX_PEAK = 2500 * MEBIBYTE
    MAX_GROWTH = 500 * MEBIBYTE

    def test_requests(self):
        _, folder = small_saved_model()
        with server_process().ServerProcess(folder) as server:
            address = server.address
            # What is imported and compiled on the way counts as the start.
            send_all(address, hostile_requests(500, seed=1))
            before = server.memory()
            start = time.monotonic()
            counts, faults, seconds = send_all(
                address, hostile_requests(self.NUM_REQUESTS, seed=2)
            )
            duration = time.monotonic() - start
            after, peak = server.memory(), server.memory("VmHWM")
            self.assertTrue(server.is_running, list(server.lines)[-20:])
            metrics = len(get(address, "/metrics"))
            self.assert_answers(address)
            server.terminate()
            self.assertEqual(server.wait(60.0), 0)
        statuses = collections.Counter()
        for (_, status), count in counts.items():
            statuses[status] += count
        print(
            f"{self.NUM_REQUESTS} requests in {duration:.0f} s; statuses "
            f"{dict(sorted(statuses.items(), key=str))}; memory before "
            f"{before / MEBIBYTE:.0f}, after {after / MEBIBYTE:.0f}, at most "
            f"{peak / MEBIBYTE:.0f} MiB; slowest {sorted(seconds)[-5:]}"
        )
        self.assert_no_faults(faults)
        self.assertLess(metrics, MEBIBYTE)
        self.assertLess(after - before, self.MAX_GROWTH)
        self.assertLess(peak, self.MAX_PEAK)
        slowest, kind = max(seconds)
        self.assertLess(slowest, 30.0, kind)
