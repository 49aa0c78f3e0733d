from absl.testing import parameterized

from keras_comic.serving.errors import ServingError
from keras_comic.serving.model_connection import ModelConnection
from tests.serving.flaky_servers import GONE
from tests.serving.flaky_servers import start_flaky_server
from tests.test_case import TestCase


class ModelConnectionTest(parameterized.TestCase, TestCase):
    @parameterized.parameters("grpc", "http")
    def test_asks_until_it_is_closed(self, protocol):
        peer, address, _ = start_flaky_server(self, protocol, "comic")
        with ModelConnection(address) as connection:
            peer.failures = [GONE]
            self.assertEqual(connection.status(), {1: "AVAILABLE"})
            self.assertIn("serving_bytes_strength", connection.metadata())
        with self.assertRaisesRegex(ServingError, "The client is closed"):
            connection.status()

    @parameterized.parameters("grpc", "http")
    def test_another_version(self, protocol):
        _, address, _ = start_flaky_server(self, protocol, "comic")
        with ModelConnection(address, version=2) as connection:
            with self.assertRaisesRegex(ServingError, "not found") as caught:
                connection.metadata()
        self.assertEqual(caught.exception.code, "NOT_FOUND")
