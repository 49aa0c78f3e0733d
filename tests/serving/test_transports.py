import http.server
import json
import re
import threading
import time

import numpy as np
from absl.testing import parameterized

from keras_comic.serving.comic_requests import read_png
from keras_comic.serving.comic_requests import write_png
from keras_comic.serving.errors import ServingError
from keras_comic.serving.retries import TryAgain
from keras_comic.serving.transports import GrpcTransport
from keras_comic.serving.transports import RestTransport
from keras_comic.serving.transports import open_transport
from tests.serving.flaky_servers import Failure
from tests.serving.flaky_servers import start_flaky_server
from tests.test_case import TestCase
from tests.test_case import photos

PROTOCOLS = ("grpc", "http")
SECONDS = 30.0


class TransportTestCase(TestCase, parameterized.TestCase):
    def start(self, protocol, version=None, token=None):
        self.model, self.address, _ = start_flaky_server(self, protocol)
        return self.open(self.address, version, token)

    def open(self, address, version=None, token=None, model="comic"):
        transport = open_transport(address, model, version, token)
        self.addCleanup(transport.close)
        return transport


class AddressTest(TransportTestCase):
    @parameterized.parameters(
        ("localhost:8500", GrpcTransport),
        ("localhost", GrpcTransport),
        ("[::1]:8500", GrpcTransport),
        ("grpc://10.0.0.1:9000", GrpcTransport),
        ("grpcs://comics.example:443", GrpcTransport),
        ("http://localhost:8501", RestTransport),
        ("https://comics.example", RestTransport),
        ("https://comics.example/prefix/", RestTransport),
    )
    def test_kinds(self, address, kind):
        self.assertIsInstance(self.open(address), kind)

    @parameterized.parameters(
        "",
        "ftp://host:21",
        "grpc://",
        "http://",
        "host:port",
        "http://host:99999",
        "grpc://host:8500/comic",
        "http://user:word@host",
        "http://host?x=1",
    )
    def test_errors(self, address):
        with self.assertRaisesRegex(
            ValueError, f"`address` must be 'host:port'.*{re.escape(address)}'$"
        ):
            self.open(address)


class PredictTest(TransportTestCase):
    @parameterized.parameters(*PROTOCOLS)
    def test_every_type(self, protocol):
        transport = self.start(protocol)
        inputs = {
            "image_bytes": np.array([write_png(photos(32, 40, 3))], object),
            "style_weights": np.array([[0.1, 2.0, 0.0]], "float32"),
            "strength": np.array([1 / 3], "float32"),
            "keep_color": np.array([True]),
        }
        files = transport.predict(
            "serving_bytes_style_weights", inputs, SECONDS
        )
        self.assertEqual(read_png(files[0]).shape, (32, 40, 3))
        _, sent = self.model.requests[0]
        for name, array in inputs.items():
            self.assertEqual(sent[name].dtype, array.dtype)
            # To the last bit.
            self.assertAllEqual(sent[name], array)

    def test_addresses_of_versions(self):
        transport = self.start("http", version="blue")
        transport.status(SECONDS)
        transport.metadata(SECONDS)
        self.open(self.address, 1).status(SECONDS)
        with self.assertRaises(ServingError):
            self.open(self.address, model="a/b c").status(SECONDS)
        self.assertEqual(
            self.model.calls,
            [
                "/v1/models/comic/labels/blue",
                "/v1/models/comic/labels/blue/metadata",
                "/v1/models/comic/versions/1",
                "/v1/models/a%2Fb%20c",
            ],
        )

    @parameterized.parameters(*PROTOCOLS)
    def test_one_try(self, protocol):
        transport = self.start(protocol)
        for status, code, is_retried in (
            (429, "RESOURCE_EXHAUSTED", True),
            (503, "UNAVAILABLE", True),
            (400, "INVALID_ARGUMENT", False),
            (401, "UNAUTHENTICATED", False),
            (403, "PERMISSION_DENIED", False),
            (404, "NOT_FOUND", False),
            (500, "INTERNAL", False),
            (501, "UNIMPLEMENTED", False),
            (504, "DEADLINE_EXCEEDED", False),
        ):
            self.model.failures.append(Failure(status, code, {}, "So it is."))
            kind = TryAgain if is_retried else ServingError
            with self.assertRaises(kind) as raised:
                transport.status(SECONDS)
            error = raised.exception
            error = error.error if is_retried else error
            self.assertEqual(error.code, code)
            self.assertRegex(str(error), r"^So it is\.")

    def test_cancelled_by_the_server(self):
        # As gRPC does with what reaches a server that is about to stop.
        transport = self.start("grpc")
        self.model.failures.append(Failure(499, "CANCELLED", {}, "CANCELLED"))
        with self.assertRaises(TryAgain) as raised:
            transport.status(SECONDS)
        self.assertEqual(raised.exception.error.code, "UNAVAILABLE")
        self.assertLen(transport.status(SECONDS), 1)

    def test_retry_after(self):
        transport = self.start("http")
        for text, seconds in (("3", 3.0), ("0.5", 0.5), ("soon", 0), ("-1", 0)):
            headers = {"Retry-After": text}
            self.model.failures.append(Failure(429, None, headers))
            with self.assertRaises(TryAgain) as raised:
                transport.status(SECONDS)
            self.assertEqual(raised.exception.after, seconds)


class OtherServersTest(TransportTestCase):
    """Whatever listens at a port."""

    def serve(self, content, seconds=0.0):
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                self.rfile.read(int(self.headers["Content-Length"]))
                self.do_GET()

            def do_GET(self):
                self.send_response(200)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                try:
                    for byte in content if seconds else [content]:
                        time.sleep(seconds)
                        part = bytes([byte]) if seconds else byte
                        self.wfile.write(part)
                except OSError:
                    pass

            def log_message(self, *args):
                pass

        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        self.addCleanup(thread.join)
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        return self.open(f"http://127.0.0.1:{server.server_port}")

    @parameterized.parameters(
        b"<html>Hello</html>",
        b"[1, 2]",
        b"{}",
        b'{"outputs": [[1, 2], [3]]}',
        b'{"outputs": [{"b64": "?"}]}',
        b'{"outputs": [{"b": 1}]}',
        b'{"outputs": 3}',
    )
    def test_other_answers(self, content):
        transport = self.serve(content)
        with self.assertRaisesRegex(
            ServingError, "not that of TensorFlow Serving"
        ) as raised:
            transport.predict("serving_bytes", {}, SECONDS)
        self.assertEqual(raised.exception.code, "INTERNAL")

    @parameterized.parameters(b"{}", b'{"model_version_status": [{}]}', b"[]")
    def test_other_status(self, content):
        with self.assertRaisesRegex(ServingError, "not that of TensorFlow"):
            self.serve(content).status(SECONDS)

    @parameterized.parameters(b"{}", b'{"metadata": {}}', b'{"metadata": 3}')
    def test_other_metadata(self, content):
        with self.assertRaisesRegex(ServingError, "not that of TensorFlow"):
            self.serve(content).metadata(SECONDS)

    def test_files(self):
        content = {"outputs": [{"b64": "AAD/"}, "text"]}
        transport = self.serve(json.dumps(content).encode())
        texts = transport.predict("x", {}, SECONDS)
        self.assertEqual(texts.tolist(), [b"\0\0\xff", b"text"])

    def test_answer_that_comes_in_drops(self):
        transport = self.serve(b'{"model_version_status": []}', 0.1)
        start = time.monotonic()
        with self.assertRaises(ServingError) as raised:
            transport.status(0.5)
        self.assertEqual(raised.exception.code, "DEADLINE_EXCEEDED")
        self.assertLess(time.monotonic() - start, 1.5)
