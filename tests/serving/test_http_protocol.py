import contextlib
import json
import socket
import time

from absl.testing import parameterized

from keras_comic.serving.request_body import Limits
from tests.serving.rest_servers import start_server
from tests.test_case import TestCase

STATUS = b"GET /v1/models/comic HTTP/1.1\r\nHost: comic\r\n\r\n"


def read_status(connection):
    """An answer to `STATUS`, whose head and body may come apart."""
    answer = b""
    while not answer.endswith(b"}]}") and (more := connection.recv(65536)):
        answer += more
    return answer.decode()


class HTTPProtocolTest(TestCase, parameterized.TestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.server, cls.client = start_server(
            cls, limits=Limits(io_timeout=0.5, max_connections=8)
        )

    def connect(self):
        connection = socket.create_connection(
            ("127.0.0.1", self.server.rest_port), timeout=20
        )
        self.addCleanup(connection.close)
        return connection

    def read_all(self, connection):
        """What comes until the server closes, and the seconds it took."""
        start, parts = time.monotonic(), []
        with contextlib.suppress(ConnectionResetError):
            while part := connection.recv(65536):
                parts.append(part)
        return b"".join(parts), time.monotonic() - start

    @parameterized.named_parameters(
        ("nothing", b""),
        ("half_of_the_headers", STATUS[:-2]),
    )
    def test_headers_that_do_not_come(self, data):
        connection = self.connect()
        connection.sendall(data)
        answer, seconds = self.read_all(connection)
        self.assertEqual(answer, b"")
        self.assertBetween(seconds, 0.2, 15)

    def test_drops_of_headers(self):
        connection = self.connect()
        start = time.monotonic()
        with contextlib.suppress(OSError):
            for byte in STATUS[:40]:
                connection.sendall(bytes([byte]))
                time.sleep(0.05)
        answer, _ = self.read_all(connection)
        self.assertEqual(answer, b"")
        self.assertLess(time.monotonic() - start, 15)

    def test_half_of_the_next_headers(self):
        connection = self.connect()
        connection.sendall(STATUS)
        self.assertStartsWith(read_status(connection), "HTTP/1.1 200")
        connection.sendall(STATUS[:10])
        answer, seconds = self.read_all(connection)
        self.assertEqual(answer, b"")
        self.assertLess(seconds, 15)

    def test_idle_connections_stay(self):
        connection = self.connect()
        for _ in range(2):
            connection.sendall(STATUS)
            self.assertStartsWith(read_status(connection), "HTTP/1.1 200")
            time.sleep(0.7)

    def test_bodies_that_do_not_come(self):
        connection = self.connect()
        connection.sendall(
            b"POST /v1/models/comic:predict HTTP/1.1\r\nHost: comic\r\n"
            b"Content-Length: 100\r\n\r\n{"
        )
        answer, seconds = self.read_all(connection)
        self.assertStartsWith(answer.decode(), "HTTP/1.1 408")
        self.assertIn(b"has not come in time", answer)
        self.assertLess(seconds, 15)

    def test_answers_that_are_not_read(self):
        server, _ = start_server(self, limits=Limits(io_timeout=3.0))
        connection = socket.socket()
        self.addCleanup(connection.close)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.settimeout(20)
        connection.connect(("127.0.0.1", server.rest_port))
        images = [[[[0, 0, 0]] * 700] * 1000]
        body = json.dumps({"instances": images}).encode()
        connection.sendall(
            b"POST /v1/models/comic:predict HTTP/1.1\r\nHost: comic\r\n"
            b"Content-Length: %d\r\n\r\n" % len(body) + body
        )
        connections = server._http.server_state.connections
        end = time.monotonic() + 60
        begun = False
        while not begun or connections:
            self.assertLess(time.monotonic(), end)
            begun = begun or any(c.flow.write_paused for c in connections)
            time.sleep(0.01)
        answer, _ = self.read_all(connection)
        self.assertLess(len(answer), 8_000_000)

    @parameterized.named_parameters(
        ("no_http", b"hello\r\n\r\n"),
        ("two_lengths", STATUS[:-2] + b"Content-Length: 1, 2\r\n\r\n"),
        ("control_characters", b"GET /\x00 HTTP/1.1\r\nHost: a\r\n\r\n"),
    )
    def test_what_is_no_http(self, data):
        connection = self.connect()
        connection.sendall(data)
        answer, _ = self.read_all(connection)
        head, _, body = answer.partition(b"\r\n\r\n")
        self.assertStartsWith(head.decode(), "HTTP/1.1 400 Bad Request")
        self.assertIn(b"Content-Type: application/json", head)
        self.assertIn("error", json.loads(body))

    def test_headers_without_end(self):
        connection = self.connect()
        with contextlib.suppress(OSError):
            connection.sendall(STATUS[:-2] + b"X: " + b"x" * 10_000_000)
        answer, seconds = self.read_all(connection)
        # Its reset may come before the answer.
        self.assertIn(answer[:12], (b"", b"HTTP/1.1 400"))
        self.assertLess(seconds, 15)

    def test_too_many_connections(self):
        end = time.monotonic() + 10
        while self.server._http.server_state.connections:
            self.assertLess(time.monotonic(), end)
            time.sleep(0.01)
        connections = [self.connect() for _ in range(9)]
        answer, _ = self.read_all(connections[8])
        self.assertStartsWith(answer.decode(), "HTTP/1.1 503")
        self.assertIn(b"too many connections", answer)
        connections[0].sendall(STATUS)
        answer = connections[0].recv(65536).decode()
        self.assertStartsWith(answer, "HTTP/1.1 200")
