"""Logs and metrics of requests, without what is in their images."""

import contextlib
import dataclasses
import datetime
import ipaddress
import json
import logging
import re
import sys
import uuid

LOGGER = logging.getLogger("keras_comic.serving")
_MAX_NAME = 100
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)


@dataclasses.dataclass
class RequestRecord:
    """The facts of a request that are logged once it is answered."""

    request_id: str
    method: str = "other"
    model: str = ""
    version: int | None = None
    signature: str = ""
    status: str = "OK"
    http_status: int | None = None
    request_bytes: int = 0
    response_bytes: int = 0
    milliseconds: float = 0.0
    batch_size: int | None = None
    error: str = ""

    def log(self):
        """Writes the line of the request."""
        fields = {
            **dataclasses.asdict(self),
            "model": self.model[:_MAX_NAME],
            "signature": self.signature[:_MAX_NAME],
        }
        is_probe = self.method in ("healthz", "readyz", "metrics")
        level = logging.DEBUG if is_probe else logging.INFO
        LOGGER.log(level, "request", extra={"fields": fields})


def make_request_id(wanted):
    """Returns the name that a request has in the log."""
    return wanted if _REQUEST_ID.fullmatch(wanted) else uuid.uuid4().hex


class ServerMetrics:
    """Counts requests and batches, for Prometheus."""

    def __init__(self, servables):
        import prometheus_client as prometheus

        self._prometheus = prometheus
        self._models = set(servables)
        self._registry = prometheus.CollectorRegistry()
        self._requests = prometheus.Counter(
            "keras_comic_requests",
            "Requests that were answered.",
            ["method", "model", "status"],
            registry=self._registry,
        )
        self._request_seconds = prometheus.Histogram(
            "keras_comic_request_seconds",
            "Seconds from a request's headers to the end of its answer.",
            ["method", "model"],
            registry=self._registry,
            buckets=_SECONDS,
        )
        batch_size = prometheus.Histogram(
            "keras_comic_batch_size",
            "Rows of the batches that were run.",
            ["model"],
            registry=self._registry,
            buckets=(1, 2, 4, 8, 16, 32, 64),
        )
        run_seconds = prometheus.Histogram(
            "keras_comic_run_seconds",
            "Seconds that the model took for a batch.",
            ["model"],
            registry=self._registry,
            buckets=_SECONDS,
        )
        queue = prometheus.Gauge(
            "keras_comic_queue_requests",
            "Requests that wait or run.",
            ["model"],
            registry=self._registry,
        )
        for name, servable in servables.items():
            batcher = servable.batcher
            queue.labels(name).set_function(lambda b=batcher: b.held_requests)

            def observe(rows, seconds, name=name):
                batch_size.labels(name).observe(rows)
                run_seconds.labels(name).observe(seconds)

            batcher.observers.append(observe)

    def observe(self, record):
        """Counts a request that was answered."""
        model = record.model if record.model in self._models else ""
        self._requests.labels(record.method, model, record.status).inc()
        self._request_seconds.labels(record.method, model).observe(
            record.milliseconds / 1000
        )

    def page(self):
        """Returns the page that Prometheus reads, and its type."""
        return (
            self._prometheus.generate_latest(self._registry),
            self._prometheus.CONTENT_TYPE_LATEST,
        )


class JSONFormatter(logging.Formatter):
    """Formats a record of `logging` as a JSON object on one line."""

    def format(self, record):
        time = datetime.datetime.fromtimestamp(record.created, datetime.UTC)
        line = {
            "time": time.isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "message": record.getMessage(),
            **getattr(record, "fields", {}),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line)


@contextlib.contextmanager
def json_logging(stream=None):
    """Writes the server's log as JSON, within it."""
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(JSONFormatter())
    before = LOGGER.level, LOGGER.propagate
    LOGGER.addHandler(handler)
    LOGGER.setLevel(logging.INFO)
    LOGGER.propagate = False
    try:
        yield
    finally:
        handler.flush()
        LOGGER.removeHandler(handler)
        LOGGER.setLevel(before[0])
        LOGGER.propagate = before[1]


def is_loopback(host):
    """Tells whether a host is this computer alone."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False
