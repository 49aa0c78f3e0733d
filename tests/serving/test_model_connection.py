import time

from absl.testing import parameterized

from keras_comic.serving.errors import ServingError
from keras_comic.serving.model_connection import ModelConnection
from tests.serving.flaky_servers import BUSY
from tests.serving.flaky_servers import start_flaky_server
from tests.test_case import TestCase


class ModelConnectionTest(TestCase, parameterized.TestCase):
    def start(self, protocol, model="comic", timeout=10.0):
        self.model, address, self.stop = start_flaky_server(self, protocol)
        connection = ModelConnection(address, model, None, None, timeout)
        self.addCleanup(connection.close)
        return connection

    @parameterized.parameters("grpc", "http")
    def test_questions(self, protocol):
        connection = self.start(protocol)
        connection.wait_until_ready(5.0)
        self.assertEqual(connection.status(), [(1, "AVAILABLE", None)])
        self.assertCountEqual(connection.metadata(), self.model.signatures)

    @parameterized.parameters("grpc", "http")
    def test_tries_again_until_the_time_is_up(self, protocol):
        connection = self.start(protocol, timeout=0.5)
        self.model.failures += [BUSY] * 2
        self.assertLen(connection.status(), 1)
        self.assertLen(self.model.calls, 3)
        self.model.failures += [BUSY] * 1000
        start = time.monotonic()
        with self.assertRaisesRegex(ServingError, "Given up after"):
            connection.metadata()
        self.assertLess(time.monotonic() - start, 2.0)

    def test_not_ready(self):
        connection = self.start("http", model="other")
        with self.assertRaisesRegex(
            ServingError, "'other' was not ready within 0.3 seconds"
        ):
            connection.wait_until_ready(0.3)
        with self.assertRaisesRegex(ValueError, "`timeout` must be"):
            connection.wait_until_ready(0)

    def test_closed(self):
        with self.start("http") as connection:
            connection.status()
        with self.assertRaisesRegex(ServingError, "client is closed") as found:
            connection.status()
        self.assertEqual(found.exception.code, "CANCELLED")

    @parameterized.parameters(
        ({"model": ""}, "`model` must be a string"),
        ({"version": 1.5}, "`version` must be an integer, a label or None"),
        ({"timeout": float("inf")}, "`timeout` must be a positive number"),
        ({"address": "ftp://host"}, "`address` must be"),
    )
    def test_arguments(self, options, message):
        arguments = {
            "address": "localhost:8500",
            "model": "comic",
            "version": None,
            "token": None,
            "timeout": 1.0,
            **options,
        }
        with self.assertRaisesRegex(ValueError, message):
            ModelConnection(**arguments)
