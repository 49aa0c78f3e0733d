import json
import threading
import time

import httpx
import numpy as np

from keras_comic.serving.content_review import ContentReview
from keras_comic.serving.servable import Servable
from tests.serving.rest_servers import saved_model
from tests.serving.rest_servers import start_server
from tests.test_case import TestCase
from tests.test_case import photos

PREDICT = "/v1/models/comic:predict"


def _half(*values):
    return {"signature_name": "half_plus", "instances": list(values)}


class RestApiTest(TestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.server, cls.client = start_server(cls, max_request_bytes=100_000)

    def test_images(self):
        images = photos(2, 30, 31, 3)
        response = self.client.post(PREDICT, json={"inputs": images.tolist()})
        self.assertEqual(response.status_code, 200, response.text[:200])
        comics = np.array(response.json()["outputs"], "uint8")
        self.assertAllEqual(comics, 255 - images)

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
        for path in ("/metrics", "/v1/models/comic"):
            self.assertEqual(client.get(path).status_code, 401)
        for path, status in (("/healthz", "alive"), ("/readyz", "ready")):
            self.assertEqual(client.get(path).json(), {"status": status})
        right = {"Authorization": "Bearer s3cret-ü".encode()}
        response = client.post(PREDICT, json=_half(1), headers=right)
        self.assertEqual(response.json(), {"predictions": [2.5]})

    def test_full_queue(self):
        servable = Servable("comic", saved_model(), max_queue=2)
        server, client = start_server(self, {"comic": servable})
        answers = []

        def ask():
            body = {"signature_name": "wait", "instances": [0.5]}
            url = f"{server.url}{PREDICT}"
            answers.append(httpx.post(url, json=body, timeout=30))

        threads = [threading.Thread(target=ask) for _ in range(2)]
        for thread in threads:
            thread.start()
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
        self.assertEqual([a.status_code for a in answers], [200, 200])
        self.assertEqual(client.post(PREDICT, json=_half(1)).status_code, 200)

    def test_content_review(self):
        review = ContentReview(
            lambda images: [image.mean() > 100 for image in images]
        )
        _, client = start_server(self, content_review=review)
        dark = np.full((1, 8, 8, 3), 9, "uint8")
        # The model inverts its pictures.
        response = client.post(PREDICT, json={"instances": dark.tolist()})
        self.assertEqual(response.status_code, 200)
        response = client.post(
            PREDICT, json={"instances": (255 - dark).tolist()}
        )
        self.assertEqual(response.status_code, 403)
        self.assertEqual(
            response.json(),
            {"error": "The result is withheld by the content review."},
        )
        with self.assertLogs("keras_comic.serving", "ERROR"):
            response = client.post(PREDICT, json=_half(1))
        self.assertEqual(response.status_code, 500)
        self.assertIn("review failed", response.json()["error"])
