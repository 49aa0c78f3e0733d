import io
import json
import time

from keras_comic.serving.request_log import json_logging
from keras_comic.serving.request_log import make_request_id
from tests.serving.rest_servers import start_server
from tests.test_case import TestCase
from tests.test_case import photos

PREDICT = "/v1/models/comic:predict"


class RequestLogTest(TestCase):
    def test_logs_and_metrics(self):
        _, client = start_server(self)
        stream = io.StringIO()
        with json_logging(stream):
            client.post(
                PREDICT,
                json={"instances": photos(3, 8, 8, 3).tolist()},
                headers={"X-Request-Id": "first"},
            )
            client.post(
                PREDICT, content=b"{", headers={"X-Request-Id": "second"}
            )
            client.get("/healthz")
            end = time.monotonic() + 10
            while stream.getvalue().count("\n") < 2:
                self.assertLess(time.monotonic(), end)
                time.sleep(0.01)
        first, second = map(json.loads, stream.getvalue().splitlines())
        expected = {
            "message": "request",
            "request_id": "first",
            "model": "comic",
            "version": 1,
            "signature": "serving_default",
            "status": "OK",
            "http_status": 200,
            "batch_size": 3,
        }
        self.assertEqual({name: first[name] for name in expected}, expected)
        self.assertGreater(first["response_bytes"], 3 * 8 * 8 * 3)
        self.assertGreater(first["milliseconds"], 0)
        # The image itself is in no line.
        self.assertLess(len(stream.getvalue()), 1500)
        self.assertEqual(second["request_id"], "second")
        self.assertEqual(second["http_status"], 400)
        self.assertIn("JSON Parse error", second["error"])
        # A request leaves the queue when its answer is on the way.
        end, page = time.monotonic() + 10, ""
        while 'queue_requests{model="comic"} 0.0' not in page:
            self.assertLess(time.monotonic(), end, page)
            page = client.get("/monitoring/prometheus/metrics").text
        self.assertIn(
            'requests_total{method="predict",model="comic",'
            'status="INVALID_ARGUMENT"}',
            page,
        )
        self.assertIn('keras_comic_batch_size_sum{model="comic"}', page)

    def test_names_of_requests(self):
        self.assertEqual(make_request_id("mine-1"), "mine-1")
        for wanted in ("", "a" * 65, "a b", "\xff"):
            self.assertRegex(make_request_id(wanted), "^[0-9a-f]{32}$")
