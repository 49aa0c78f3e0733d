import io
import json
import threading
import time

import httpx
import numpy as np
from absl.testing import parameterized

from keras_comic.export.batching import BatchingParameters
from keras_comic.serving.model_repository import ModelRepository
from keras_comic.serving.request_body import Limits
from keras_comic.serving.request_log import json_logging
from keras_comic.serving.rest_api import make_application
from tests.serving.rest_servers import add_version
from tests.serving.rest_servers import saved_model
from tests.serving.rest_servers import start_server
from tests.test_case import TestCase
from tests.test_case import photos

PREDICT = "/v1/models/comic:predict"


def _half(*values):
    return {"signature_name": "half_plus", "instances": list(values)}


def _wait(seconds):
    return {"signature_name": "wait", "instances": [seconds]}


class RESTAPITest(TestCase, parameterized.TestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.server, cls.client = start_server(
            cls, limits=Limits(max_request_bytes=100_000)
        )

    def test_application(self):
        repository = ModelRepository(
            {"comic": saved_model()}, poll_seconds=None
        )
        self.addCleanup(repository.close)
        transport = httpx.ASGITransport(make_application(repository))

        async def ask():
            async with httpx.AsyncClient(
                transport=transport, base_url="http://comic"
            ) as client:
                return await client.post(PREDICT, json=_half(1))

        import asyncio

        self.assertEqual(asyncio.run(ask()).json(), {"predictions": [2.5]})

    def test_images(self):
        images = photos(2, 30, 31, 3)
        response = self.client.post(PREDICT, json={"inputs": images.tolist()})
        self.assertEqual(response.status_code, 200, response.text[:200])
        self.assertAllEqual(
            np.array(response.json()["outputs"], "uint8"), 255 - images
        )

    def test_request_id(self):
        response = self.client.get(
            "/v1/models/comic", headers={"X-Request-Id": "mine-1"}
        )
        self.assertEqual(response.headers["x-request-id"], "mine-1")
        response = self.client.get("/nothing")
        self.assertRegex(response.headers["x-request-id"], "^[0-9a-f]{32}$")

    def test_size_limit(self):
        body = json.dumps(_half(*[1.0] * 8)).encode()
        fits = body + b" " * (100_000 - len(body))
        self.assertEqual(
            self.client.post(PREDICT, content=fits).status_code, 200
        )
        for content in (fits + b" ", iter([fits, b" "])):
            response = self.client.post(PREDICT, content=content)
            self.assertEqual(response.status_code, 413)
            self.assertIn("at most 100000 bytes", response.json()["error"])
        # The next request is as if nothing had been.
        self.assertEqual(
            self.client.post(PREDICT, content=fits).status_code, 200
        )

    def test_body_without_end(self):
        def parts():
            for _ in range(3000):
                yield b" " * 65536

        start = time.monotonic()
        try:
            response = self.client.post(PREDICT, content=parts())
            self.assertEqual(response.status_code, 413)
        except httpx.TransportError:
            # It is cut off, at last.
            pass
        self.assertLess(time.monotonic() - start, 20)

    def test_logs(self):
        stream = io.StringIO()
        self.enterContext(json_logging(stream))
        images = photos(3, 8, 8, 3)
        self.client.post(
            PREDICT,
            json={"instances": images.tolist()},
            headers={"X-Request-Id": "first"},
        )
        self.client.post(
            PREDICT, content=b"{", headers={"X-Request-Id": "second"}
        )
        self.client.get("/healthz")
        end = time.monotonic() + 10
        while stream.getvalue().count("\n") < 2:
            self.assertLess(time.monotonic(), end)
            time.sleep(0.01)
        first, second = map(json.loads, stream.getvalue().splitlines())
        self.assertEqual(first["request_id"], "first")
        self.assertEqual(
            [first[k] for k in ("model", "version", "signature", "status")],
            ["comic", 1, "serving_default", "OK"],
        )
        self.assertEqual(first["batch_size"], 3)
        self.assertGreater(first["request_bytes"], 3 * 8 * 8 * 3)
        self.assertGreater(first["response_bytes"], 3 * 8 * 8 * 3)
        self.assertGreater(first["milliseconds"], 0)
        # What is in the image is in no line.
        self.assertLess(len(stream.getvalue()), 1500)
        self.assertEqual(second["request_id"], "second")
        self.assertEqual(second["status"], "INVALID_ARGUMENT")
        self.assertEqual(second["http_status"], 400)
        self.assertStartsWith(second["error"], "JSON Parse error")

    def test_health(self):
        for path, status in (("/healthz", "alive"), ("/readyz", "ready")):
            response = self.client.get(path)
            self.assertEqual(response.status_code, 200)
            self.assertEqual(response.json(), {"status": status})
        self.server._is_draining = True
        try:
            self.assertEqual(self.client.get("/healthz").status_code, 200)
            response = self.client.get("/readyz")
            self.assertEqual(response.status_code, 503)
            self.assertEqual(
                response.json(), {"error": "The server is not ready."}
            )
            self.assertEqual(response.headers["connection"], "close")
        finally:
            self.server._is_draining = False

    def test_deadline(self):
        _, client = start_server(self, limits=Limits(request_timeout=0.2))
        response = client.post(PREDICT, json=_wait(1.0))
        self.assertEqual(response.status_code, 504)
        self.assertIn("before the deadline", response.json()["error"])

    def test_token(self):
        _, client = start_server(self, token="s3cret-ü")
        for headers in (
            {},
            {"Authorization": "Bearer wrong"},
            {"Authorization": "s3cret"},
            {"Authorization": b"bearer \xff"},
        ):
            response = client.post(PREDICT, json=_half(1), headers=headers)
            self.assertEqual(response.status_code, 401)
            self.assertEqual(response.headers["www-authenticate"], "Bearer")
            self.assertNotIn("s3cret", response.text)
        for path in ("/metrics", "/openapi.json", "/v1/models/comic"):
            self.assertEqual(client.get(path).status_code, 401)
        for path in ("/healthz", "/readyz"):
            self.assertEqual(client.get(path).status_code, 200)
        right = {"Authorization": "Bearer s3cret-ü".encode()}
        response = client.post(PREDICT, json=_half(1), headers=right)
        self.assertEqual(response.json(), {"predictions": [2.5]})
        page = client.get("/openapi.json", headers=right).json()
        self.assertEqual(page["security"], [{"bearer": []}])

    def test_full_queue(self):
        repository = ModelRepository(
            {"comic": saved_model()},
            max_queue=2,
            poll_seconds=None,
            batching=BatchingParameters(num_batch_threads=1),
        )
        server, client = start_server(self, repository=repository)
        url = f"http://127.0.0.1:{server.rest_port}{PREDICT}"
        statuses = []

        def ask():
            statuses.append(
                httpx.post(url, json=_wait(0.5), timeout=30).status_code
            )

        threads = [threading.Thread(target=ask) for _ in range(2)]
        for thread in threads:
            thread.start()
        (servable,) = repository.servables()
        end = time.monotonic() + 20
        while servable.batcher.held_requests < 2:
            self.assertLess(time.monotonic(), end)
            time.sleep(0.001)
        response = client.post(PREDICT, json=_half(1))
        self.assertEqual(response.status_code, 429)
        self.assertEqual(response.headers["retry-after"], "1")
        self.assertIn("queue of the model is full", response.json()["error"])
        for thread in threads:
            thread.join()
        self.assertEqual(statuses, [200, 200])
        self.assertEqual(client.post(PREDICT, json=_half(1)).status_code, 200)

    def test_bodies_are_bounded_together(self):
        _, client = start_server(self, limits=Limits(max_body_bytes=1000))
        response = client.post(PREDICT, content=b" " * 2000)
        self.assertEqual(response.status_code, 429)
        self.assertEqual(response.headers["retry-after"], "1")
        self.assertEqual(client.post(PREDICT, json=_half(1)).status_code, 200)

    def test_clients_that_go_are_not_answered(self):
        repository = ModelRepository(
            {"comic": saved_model()},
            poll_seconds=None,
            batching=BatchingParameters(num_batch_threads=1),
        )
        server, _ = start_server(self, repository=repository)
        url = f"http://127.0.0.1:{server.rest_port}{PREDICT}"
        with self.assertRaises(httpx.ReadTimeout):
            httpx.post(url, json=_wait(0.6), timeout=0.2)
        with self.assertRaises(httpx.ReadTimeout):
            # It waits behind the other, and is never begun.
            httpx.post(url, json=_wait(20.0), timeout=0.1)
        start = time.monotonic()
        self.assertEqual(
            httpx.post(url, json=_half(1), timeout=30).status_code, 200
        )
        self.assertLess(time.monotonic() - start, 15)

    def test_versions_are_switched_under_load(self):
        base = self.temporary_folder() / "comic"
        add_version(base, 1, 1.0)
        repository = ModelRepository({"comic": base}, poll_seconds=0.05)
        server, client = start_server(self, repository=repository)
        url = f"http://127.0.0.1:{server.rest_port}{PREDICT}"
        seen, stop = [], threading.Event()

        def ask():
            with httpx.Client(timeout=30) as client:
                while not stop.is_set():
                    response = client.post(url, json=_half(2))
                    seen.append((response.status_code, response.text))

        threads = [threading.Thread(target=ask) for _ in range(4)]
        for thread in threads:
            thread.start()
        add_version(base, 2, 2.0)
        new = (200, '{"predictions":[3.0]}')
        end = time.monotonic() + 30
        while new not in seen and time.monotonic() < end:
            time.sleep(0.02)
        stop.set()
        for thread in threads:
            thread.join()
        self.assertEqual(set(seen), {(200, '{"predictions":[2.0]}'), new})
        versions = client.get("/v1/models/comic").json()
        states = {
            v["version"]: v["state"] for v in versions["model_version_status"]
        }
        self.assertEqual(states["2"], "AVAILABLE")
        self.assertIn(states["1"], ("UNLOADING", "END"))

    def test_broken_version_is_told(self):
        base = self.temporary_folder() / "comic"
        add_version(base, 1, 1.0)
        repository = ModelRepository({"comic": base}, poll_seconds=None)
        _, client = start_server(self, repository=repository)
        (base / "2").mkdir()
        with self.assertLogs("keras_comic.serving", "ERROR"):
            repository.refresh()
        versions = client.get("/v1/models/comic").json()
        broken, fine = versions["model_version_status"]
        self.assertEqual(broken["version"], "2")
        self.assertEqual(broken["state"], "END")
        self.assertEqual(broken["status"]["error_code"], "NOT_FOUND")
        self.assertIn("saved_model.pb", broken["status"]["error_message"])
        self.assertEqual(fine["state"], "AVAILABLE")

    def test_internal_errors_tell_nothing(self):
        repository = ModelRepository(
            {"comic": saved_model()}, poll_seconds=None
        )
        _, client = start_server(self, repository=repository)
        (servable,) = repository.servables()

        def fail(*_):
            raise KeyError("/secret/path")

        servable.batcher._run = fail
        response = client.post(PREDICT, json=_half(1))
        self.assertEqual(response.status_code, 500)
        self.assertEqual(response.json(), {"error": "Internal error: KeyError"})
