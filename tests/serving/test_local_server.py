import json
import os
import signal
import threading
import time

import httpx
import numpy as np

from keras_comic.export.batching import BatchingParameters
from keras_comic.export.batching import write_batching_parameters
from keras_comic.export.model_config import ModelConfig
from keras_comic.export.model_config import write_model_config
from keras_comic.serving.content_review import ContentReview
from keras_comic.serving.local_server import serve
from keras_comic.serving.request_log import LOGGER
from tests.serving.rest_servers import add_version
from tests.serving.rest_servers import saved_model
from tests.test_case import TestCase

SHAPE = (32, 33, 3)


class ServeTest(TestCase):
    def setUp(self):
        super().setUp()
        before = list(LOGGER.handlers), LOGGER.level, LOGGER.propagate

        def check_log():
            after = list(LOGGER.handlers), LOGGER.level, LOGGER.propagate
            self.assertEqual(after, before)

        self.addCleanup(check_log)

    def serve(self, ask, *arguments, **options):
        """Serves until `ask`, given a client, has returned."""
        results = []

        def run(port):
            try:
                with httpx.Client(
                    base_url=f"http://127.0.0.1:{port}", timeout=30
                ) as client:
                    results.append(ask(client))
            finally:
                os.kill(os.getpid(), signal.SIGTERM)

        class Watch:
            """Sees the port in the log."""

            def write(self, text):
                if "server is listening" in text:
                    port = json.loads(text)["rest_port"]
                    threading.Thread(target=run, args=(port,)).start()

            def flush(self):
                pass

        from keras_comic.serving import request_log

        before = request_log.sys.stderr
        request_log.sys.stderr = Watch()
        try:
            serve(*arguments, rest_port=0, grpc_port=None, grace=10, **options)
        finally:
            request_log.sys.stderr = before
        (result,) = results
        return result

    def test_folder_and_batching_parameters(self):
        path = write_batching_parameters(
            self.temporary_folder() / "batching_parameters.txt",
            BatchingParameters(max_batch_size=2, num_batch_threads=1),
        )

        def ask(client):
            return [
                client.post(
                    "/v1/models/comic:predict",
                    json={"signature_name": "half_plus", "instances": [1] * n},
                ).json()
                for n in (2, 3)
            ]

        fine, too_many = self.serve(
            ask, [saved_model()], batching_parameters=path
        )
        self.assertEqual(fine, {"predictions": [2.5, 2.5]})
        self.assertEqual(
            too_many,
            {"error": "Batch size 3 is larger than the largest batch size 2"},
        )

    def test_content_review(self):
        review = ContentReview(
            lambda images: [image.mean() > 100 for image in images]
        )

        def ask(client):
            return [
                client.post(
                    "/v1/models/comic:predict",
                    json={
                        "signature_name": signature,
                        "instances": [{key: value}],
                    },
                )
                for signature, key, value in (
                    ("serving_default", "images", np.full(SHAPE, 9).tolist()),
                    ("serving_default", "images", np.full(SHAPE, 200).tolist()),
                    ("half_plus", "x", 1),
                )
            ]

        with self.assertLogs(LOGGER, "ERROR"):
            light, dark, numbers = self.serve(
                ask, [saved_model()], content_review=review
            )
        # The model inverts its pictures.
        self.assertEqual(light.status_code, 200, light.text)
        self.assertEqual(dark.status_code, 403)
        self.assertEqual(
            dark.json(),
            {"error": "The result is withheld by the content review."},
        )
        self.assertEqual(numbers.status_code, 500)
        self.assertIn("review failed", numbers.json()["error"])

    def test_models_config(self):
        folder = self.temporary_folder()
        for number in (1, 2):
            add_version(folder / "noir", number, float(number))
        config = write_model_config(
            folder / "models.config",
            [
                ModelConfig(
                    "noir",
                    folder / "noir",
                    versions=(1, 2),
                    labels={"stable": 1},
                )
            ],
        )

        def ask(client):
            return [
                client.post(
                    f"/v1/models/noir{target}:predict",
                    json={"signature_name": "half_plus", "instances": [0]},
                ).json()["predictions"]
                for target in ("", "/versions/1", "/labels/stable")
            ]

        start = time.monotonic()
        answers = self.serve(ask, models_config=config)
        self.assertEqual(answers, [[2.0], [1.0], [1.0]])
        self.assertLess(time.monotonic() - start, 60)

    def test_errors(self):
        with self.assertRaisesRegex(ValueError, "at least one preset"):
            serve()
        with self.assertRaisesRegex(ValueError, "must be loopback"):
            serve([saved_model()], host="0.0.0.0", without_content_review=True)
        with self.assertRaisesRegex(ValueError, "must have a content class"):
            serve([saved_model()], host="0.0.0.0", token="secret")
        with self.assertRaisesRegex(FileNotFoundError, "none.txt"):
            serve([saved_model()], batching_parameters="none.txt")
