"""A server's answers to requests that mean it harm, or are broken."""

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
HEAD = f"POST {PATH} HTTP/1.1\r\nHost: x\r\n".encode()
CHUNKED = b"Transfer-Encoding: chunked\r\n"
LENGTH = b"Content-Length: "
END = b"\r\n\r\n"

NO_HTTP = {
    "nothing": b"",
    "line ends": b"\r\n\r\n\r\n",
    "random": random.Random(1).randbytes(4000),
    "zeros": bytes(70_000),
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(50),
    "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes(20),
    "HTTP/0.9": b"GET /healthz" + END,
    "HTTP/9": b"GET /healthz HTTP/9.9\r\nHost: x" + END,
    "no host": b"GET /healthz HTTP/1.1" + END,
    "space before colon": HEAD + b"Content-Length : 2\r\n\r\n{}",
    "folded": HEAD + b"X: 1\r\n 2\r\nContent-Length: 2\r\n\r\n{}",
    "NUL in a header": HEAD + b"X: \0" + END,
    "long line": b"GET /" + b"a" * MEBIBYTE + b" HTTP/1.1" + END,
    "long header": HEAD + b"X: " + b"a" * MEBIBYTE + END,
    "many headers": HEAD + b"X: 1\r\n" * 50_000 + b"\r\n",
    "two lengths": HEAD + LENGTH + b"2\r\n" + LENGTH + b"3\r\n\r\n{} ",
    "no length": HEAD + b"\r\n" + GOOD_REQUESTS[0].body,
    "connect": b"CONNECT evil.example:443 HTTP/1.1" + END,
    "other host": b"GET http://evil.example/ HTTP/1.1\r\nHost: x" + END,
}
for _length in (b"-5", b"5x", b"+2", b"0x2", b"2, 3", b"9" * 18, b"9" * 4000):
    NO_HTTP[f"length {_length[:9]}"] = HEAD + LENGTH + _length + END + b"{}"

TWO_IN_ONE = {
    "length and chunks": LENGTH + b"5\r\n" + CHUNKED,
    "chunks and length": CHUNKED + LENGTH + b"5\r\n",
    "two codings": CHUNKED + b"Transfer-Encoding: identity\r\n",
    "unknown coding": b"Transfer-Encoding: xchunked\r\n",
    "list of codings": b"Transfer-Encoding: gzip, chunked\r\n",
    "tab": b"Transfer-Encoding:\x0bchunked\r\n",
}

BAD_CHUNKS = {
    "negative": b"-1\r\n{}\r\n0" + END,
    "too long": b"f" * 16 + b"\r\n{}\r\n",
    "longer": b"f" * 5000 + b"\r\n{}\r\n",
    "no number": b"xyz\r\n{}\r\n0" + END,
    "no end": b"2\r\n{}0" + END,
    "short": b"5\r\n{}\r\n0" + END,
    "long extension": b"2;" + b"a" * MEBIBYTE + b"\r\n{}\r\n0" + END,
    "trailers": b"2\r\n{}\r\n0\r\nX: " + b"a" * MEBIBYTE + END,
    "one byte each": b"1\r\n \r\n" * 1_000 + b"0" + END,
    "cut": b"5\r\n{",
}


class Sender:
    """Sends requests on one connection, as long as it holds."""

    def __init__(self, address):
        host, _, port = address.partition(":")
        self._address = host, int(port)
        self._connection = None

    def send(self, request):
        """`(status, content type, body)`, or `None` without an answer."""
        if self._connection is None:
            self._connection = socket.create_connection(
                self._address, timeout=60.0
            )
        # Nothing is checked or quoted here, unlike by an HTTP client.
        headers = {"Host": "x", **request.headers}
        headers["Content-Length"] = len(request.body)
        lines = [f"{request.method} {request.path} HTTP/1.1"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        head = "\r\n".join([*lines, "", ""]).encode("latin-1")
        try:
            self._connection.sendall(head + request.body)
        except (BrokenPipeError, ConnectionResetError):
            # The answer came before the body was sent.
            pass
        answer = http.client.HTTPResponse(
            self._connection, method=request.method
        )
        try:
            answer.begin()
            content_type = answer.getheader("Content-Type")
            received = answer.status, content_type, answer.read()
        except (OSError, http.client.HTTPException):
            self.close()
            return None
        if answer.will_close:
            self.close()
        return received

    def close(self):
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def find_fault(request, answer):
    """Says what is wrong with an answer; `None` if nothing is."""
    if answer is None:
        return "no answer"
    status, content_type, body = answer
    if status not in EXPECTED:
        return f"status {status}: {body[:200]!r}"
    if status == 200 and not request.path.startswith("/v1"):
        return None if body else "an empty page"
    if content_type != "application/json":
        return f"status {status} of type {content_type}: {body[:200]!r}"
    try:
        # NaN would be no JSON.
        document = json.loads(body, parse_constant=_refuse_constant)
    except ValueError as error:
        return f"status {status}, not JSON ({error}): {body[:200]!r}"
    if status == 200:
        return None
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
        fault = find_fault(request, answer)
        if fault is not None:
            faults.append(
                f"{number}, {request.kind}: {fault}\n    {request.method} "
                f"{request.path[:80]}\n    {request.body[:200]!r}"
            )
    sender.close()
    return counts, faults, seconds


def get_metrics(address):
    with urllib.request.urlopen(f"http://{address}/metrics") as page:
        return page.read().decode()


class HostileTestCase(TestCase):
    def assert_answers(self, address):
        counts, faults, _ = send_all(address, GOOD_REQUESTS)
        self.assert_no_faults(faults)
        self.assertEqual(counts, {("good", 200): len(GOOD_REQUESTS)})

    def assert_no_faults(self, faults):
        self.assertEqual(faults, [], "\n".join(faults[:30]))


@requires_tensorflow
class HostileInputTest(HostileTestCase):
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

    def connect(self, seconds=5.0):
        port = self.server.port
        return socket.create_connection(("127.0.0.1", port), timeout=seconds)

    def exchange(self, data, seconds=1.5):
        """Statuses of what comes back for what is sent on a connection.

        Each answer must be whole, and a JSON object.
        """
        received = bytearray()
        with self.connect(seconds) as connection:
            try:
                connection.sendall(data)
                # An answer, and a moment for another one.
                while part := connection.recv(2**16):
                    received += part
                    connection.settimeout(0.2)
            except OSError:
                pass
        statuses = []
        while received:
            self.assertTrue(received.startswith(b"HTTP/1.1 "), received[:200])
            head, _, received = received.partition(END)
            lines = head.decode("latin-1").lower().split("\r\n")
            status = int(lines[0].split()[1])
            if status == 100:
                continue
            headers = dict(line.split(": ", 1) for line in lines[1:])
            length = int(headers.get("content-length", len(received)))
            body, received = bytes(received[:length]), received[length:]
            self.assertEqual(len(body), length)
            # Perhaps in chunks.
            if not any(text in body for text in REFUSED_BY_UVICORN):
                self.assertEqual(headers["content-type"], "application/json")
                self.assertIsInstance(json.loads(body), dict)
            self.assertIn(status, EXPECTED, body[:200])
            statuses.append(status)
        return statuses

    def test_requests(self):
        requests = [
            request
            for request in hostile_requests(250, seed=3)
            if len(request.body) < MEBIBYTE
        ]
        counts, faults, _ = send_all(self.address, requests)
        self.assert_no_faults(faults)
        # They are not all refused at the door.
        statuses = {status for _, status in counts}
        self.assertLessEqual({200, 400, 404, 405, 415}, statuses)

    def test_styles_that_cannot_be_read(self):
        """The bounds of photos hold for the pictures of styles."""
        sender = Sender(self.address)
        self.addCleanup(sender.close)
        good, huge = FILES[0], HEADERS[0]
        for image, style, message in (
            (good, b"no picture", "not an image"),
            (good, good[: len(good) // 2], ""),
            (good, huge, "too large"),
            (huge, good, "too large"),
            (good, BOMBS[0], "too large"),
            (BOMBS[0], None, "too large"),
            (b"", None, "not an image"),
        ):
            request = Request("", files_body(image, style))
            answer = sender.send(request)
            self.assertIsNone(find_fault(request, answer))
            self.assertEqual(answer[0], 400, answer[2][:300])
            self.assertIn(message, json.loads(answer[2])["error"])

    def test_data_that_is_no_http(self):
        for name, data in NO_HTTP.items():
            with self.subTest(name):
                self.exchange(data)

    def test_two_requests_in_one(self):
        """One server takes for a body what another takes for a request."""
        smuggled = b"GET /v1/models/smuggled HTTP/1.1\r\nHost: x" + END
        heads = {name: HEAD + lines for name, lines in TWO_IN_ONE.items()}
        heads["HTTP/1.0"] = HEAD.replace(b"1.1", b"1.0") + CHUNKED
        for name, head in heads.items():
            with self.subTest(name):
                # It is refused, and the connection with it.
                statuses = self.exchange(head + b"\r\n0" + END + smuggled)
                self.assertLessEqual(len(statuses), 1)

    def test_chunks(self):
        head, good = HEAD + CHUNKED + b"\r\n", GOOD_REQUESTS[0].body
        split = [good[i : i + 7] for i in range(0, len(good), 7)]
        parts = b"".join(b"%x\r\n%s\r\n" % (len(p), p) for p in split)
        statuses = self.exchange(head + parts + b"0" + END, seconds=20.0)
        self.assertEqual(statuses, [200])
        for name, data in BAD_CHUNKS.items():
            with self.subTest(name):
                self.assertNotIn(200, self.exchange(head + data))

    def test_metrics_do_not_grow(self):
        """No name that a client makes up is kept."""
        requests = [
            Request("name", body, path)
            for body, path in (
                (b'{"signature_name":"made_up","instances":[1]}', PATH),
                (b'{"instances":[1]}', "/v1/models/made_up:predict"),
                (b'{"inputs":{"made_up":[1]}}', PATH),
                (b"{}", "/made_up"),
            )
        ]
        _, faults, _ = send_all(self.address, requests)
        self.assert_no_faults(faults)
        self.assertNotIn("made_up", get_metrics(self.address))

    def test_clients_that_go(self):
        """Connections that are dropped in the middle leave nothing behind."""
        body = GOOD_REQUESTS[3].body
        whole = HEAD + LENGTH + str(len(body)).encode() + END + body
        generator = random.Random(0)
        for number in range(60):
            connection = self.connect()
            count = generator.randrange(len(whole) + 1)
            # The answer of each fourth is never read.
            connection.sendall(whole[: count if number % 4 else None])
            if number % 2:
                # It is reset, not closed.
                linger = struct.pack("ii", 1, 0)
                connection.setsockopt(
                    socket.SOL_SOCKET, socket.SO_LINGER, linger
                )
            connection.close()
        self.assert_answers(self.address)
        end = time.monotonic() + 10.0
        idle = 'keras_comic_queue_requests{model="comic"} 0.0'
        while idle not in get_metrics(self.address):
            self.assertLess(time.monotonic(), end)
            time.sleep(0.05)


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
class HostileLoadTest(HostileTestCase):
    """Ten thousand requests to a server that runs by itself."""

    NUM_REQUESTS = 10_000
    # The memory that bodies of the largest size take while two at a time are
    # parsed and answered, and the part that the allocator keeps.
    MAX_PEAK = 2500 * MEBIBYTE
    MAX_GROWTH = 500 * MEBIBYTE

    def test_requests(self):
        _, folder = small_saved_model()
        with server_process().ServerProcess(folder) as server:
            address = server.address
            # Imports and compilation belong to the start.
            send_all(address, hostile_requests(500, seed=1))
            before = server.memory()
            _, faults, seconds = send_all(
                address, hostile_requests(self.NUM_REQUESTS, seed=2)
            )
            after, peak = server.memory(), server.memory("VmHWM")
            self.assertTrue(server.is_running, list(server.lines)[-20:])
            metrics = get_metrics(address)
            self.assert_answers(address)
            server.terminate()
            self.assertEqual(server.wait(60.0), 0)
        self.assert_no_faults(faults)
        self.assertLess(len(metrics), MEBIBYTE)
        self.assertLess(after - before, self.MAX_GROWTH)
        self.assertLess(peak, self.MAX_PEAK)
        slowest, kind = max(seconds)
        self.assertLess(slowest, 30.0, kind)
