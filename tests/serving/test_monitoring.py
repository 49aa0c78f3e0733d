from prometheus_client.parser import text_string_to_metric_families

from keras_comic.serving.model_repository import ModelRepository
from keras_comic.serving.monitoring import METRICS_PATHS
from keras_comic.serving.monitoring import ServerMetrics
from keras_comic.serving.request_log import RequestRecord
from tests.serving.rest_servers import saved_model
from tests.serving.rest_servers import start_server
from tests.test_case import TestCase


def read(page):
    """Dict of a sample's name and labels to its value."""
    return {
        (sample.name, *sorted(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(page)
        for sample in family.samples
    }


class MonitoringTest(TestCase):
    def test_requests(self):
        _, client = start_server(self)
        body = {"signature_name": "half_plus", "instances": [1, 2, 3]}
        for _ in range(2):
            client.post("/v1/models/comic:predict", json=body)
        client.post("/v1/models/comic:predict", content=b"{")
        client.post("/v1/models/unknown:predict", json=body)
        for path in METRICS_PATHS:
            response = client.get(path)
            self.assertEqual(response.status_code, 200)
            self.assertIn("text/plain", response.headers["content-type"])
        samples = read(response.text)

        def sample(name, **labels):
            return samples[(name, *sorted(labels.items()))]

        labels = {"api": "rest", "method": "predict", "model": "comic"}
        self.assertEqual(
            sample(
                "keras_comic_requests_total",
                **labels,
                version="1",
                signature="half_plus",
                status="OK",
            ),
            2,
        )
        self.assertEqual(
            sample("keras_comic_request_seconds_count", **labels), 3
        )
        self.assertEqual(
            sample(
                ":tensorflow:serving:request_count",
                model_name="comic",
                status="OK",
            ),
            2,
        )
        self.assertEqual(
            sample(
                ":tensorflow:serving:request_latency_count",
                model_name="comic",
                API="predict",
                entrypoint="REST",
            ),
            3,
        )
        version = {"model": "comic", "version": "1"}
        self.assertEqual(sample("keras_comic_batch_size_sum", **version), 6)
        self.assertEqual(sample("keras_comic_run_seconds_count", **version), 2)
        self.assertEqual(
            sample("keras_comic_queue_seconds_count", **version), 2
        )
        self.assertEqual(sample("keras_comic_queue_requests", **version), 0)
        self.assertEqual(sample("keras_comic_queue_bytes", **version), 0)
        self.assertEqual(
            sample("keras_comic_model_available", **version, state="AVAILABLE"),
            1,
        )
        # The request for this page itself.
        self.assertEqual(
            sample("keras_comic_requests_in_flight", api="rest"), 1
        )

    def test_names_of_clients_are_no_labels(self):
        repository = ModelRepository(
            {"comic": saved_model()}, poll_seconds=None
        )
        self.addCleanup(repository.close)
        metrics = ServerMetrics(repository)
        for number in range(10):
            metrics.observe(
                RequestRecord(
                    "rest",
                    "predict",
                    model=f"model{number}",
                    signature=f"signature{number}",
                    status="NOT_FOUND",
                )
            )
        page = metrics.page()[0].decode()
        self.assertNotIn("model0", page)
        self.assertNotIn("signature0", page)
        self.assertEqual(
            read(page)[
                (
                    ":tensorflow:serving:request_count",
                    ("model_name", ""),
                    ("status", "NOT_FOUND"),
                )
            ],
            10,
        )

    def test_two_servers_count_apart(self):
        _, first = start_server(self)
        _, second = start_server(self)
        first.get("/v1/models/comic")
        self.assertIn('method="status"', first.get("/metrics").text)
        self.assertNotIn('method="status"', second.get("/metrics").text)
