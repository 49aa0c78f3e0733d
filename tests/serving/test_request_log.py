import io
import json
import logging

from absl.testing import parameterized

from keras_comic.serving.request_log import LOGGER
from keras_comic.serving.request_log import RequestRecord
from keras_comic.serving.request_log import json_logging
from keras_comic.serving.request_log import log_request
from keras_comic.serving.request_log import make_request_id
from tests.test_case import TestCase


class RequestLogTest(TestCase, parameterized.TestCase):
    def setUp(self):
        super().setUp()
        self.stream = io.StringIO()
        self.enterContext(json_logging(self.stream))

    def lines(self):
        return [json.loads(x) for x in self.stream.getvalue().splitlines()]

    def test_request(self):
        log_request(
            RequestRecord(
                "rest",
                "predict",
                "abc",
                model="comic\nx",
                version=3,
                signature="serving_default",
                request_bytes=7,
                response_bytes=9,
                seconds=0.0123456,
                batch_size=4,
            )
        )
        (line,) = self.lines()
        self.assertRegex(line.pop("time"), r"^\d{4}-\d\d-\d\dT.*\+00:00$")
        self.assertEqual(
            line,
            {
                "level": "INFO",
                "logger": "keras_comic.serving",
                "message": "request",
                "request_id": "abc",
                "api": "rest",
                "method": "predict",
                "model": "comic\nx",
                "version": 3,
                "signature": "serving_default",
                "status": "OK",
                "http_status": 200,
                "request_bytes": 7,
                "response_bytes": 9,
                "milliseconds": 12.346,
                "batch_size": 4,
            },
        )

    def test_failed_request(self):
        record = RequestRecord(
            "grpc",
            "predict",
            model="x" * 1000,
            signature="y" * 1000,
            status="NOT_FOUND",
            error="not there",
        )
        log_request(record)
        (line,) = self.lines()
        self.assertEqual(line["error"], "not there")
        self.assertNotIn("http_status", line)
        self.assertLen(line["model"], 100)
        self.assertLen(line["signature"], 100)

    def test_probes_are_not_logged(self):
        log_request(RequestRecord("rest", "healthz", is_probe=True))
        self.assertEmpty(self.lines())

    def test_exceptions_are_one_line(self):
        try:
            raise KeyError("x")
        except KeyError:
            LOGGER.exception("broken")
        (line,) = self.lines()
        self.assertIn("KeyError: 'x'", line["exception"])
        self.assertEqual(line["level"], "ERROR")

    def test_other_loggers_are_left_alone(self):
        logging.getLogger("other").warning("not here")
        self.assertEmpty(self.lines())

    def test_request_id(self):
        self.assertEqual(make_request_id("a-B_1.2"), "a-B_1.2")
        for wanted in (None, "", "a b", 'a"b', "x" * 65, "ü"):
            self.assertRegex(make_request_id(wanted), "^[0-9a-f]{32}$")
        self.assertNotEqual(make_request_id(), make_request_id())
