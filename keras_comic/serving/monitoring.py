"""Metrics of the local server, for Prometheus."""

import threading
import weakref

from keras_comic.serving.model_repository import AVAILABLE

try:
    import prometheus_client
    from prometheus_client.core import GaugeMetricFamily
    from prometheus_client.core import UnknownMetricFamily
except ImportError as error:
    raise ImportError(
        "The local server needs prometheus-client. Install it with "
        "`pip install 'keras-comic[serving]'`."
    ) from error

# Where TensorFlow Serving has them by its monitoring configuration.
METRICS_PATHS = ("/monitoring/prometheus/metrics", "/metrics")
_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
_BATCH_SIZES = (1, 2, 4, 8, 16, 32, 64)
_BYTES = tuple(4**n for n in range(5, 15))


class ServerMetrics:
    """Counts requests, and tells how queues and models are."""

    def __init__(self, repository):
        self._repository = weakref.ref(repository)
        self._lock = threading.Lock()
        self._counts = {}
        self.registry = prometheus_client.CollectorRegistry()
        labels = ["api", "method", "model"]
        self.requests = self._counter(
            "keras_comic_requests",
            "Requests that were answered.",
            [*labels, "version", "signature", "status"],
        )
        self.request_seconds = self._histogram(
            "keras_comic_request_seconds",
            "Seconds from a request's first byte to its last answer.",
            labels,
            _SECONDS,
        )
        self.request_bytes = self._histogram(
            "keras_comic_request_bytes", "Bytes of requests.", labels, _BYTES
        )
        self.response_bytes = self._histogram(
            "keras_comic_response_bytes", "Bytes of answers.", labels, _BYTES
        )
        self.in_flight = prometheus_client.Gauge(
            "keras_comic_requests_in_flight",
            "Requests that are being answered.",
            ["api"],
            registry=self.registry,
        )
        self.batch_size = self._histogram(
            "keras_comic_batch_size",
            "Images of the batches that were run.",
            ["model", "version"],
            _BATCH_SIZES,
        )
        self.run_seconds = self._histogram(
            "keras_comic_run_seconds",
            "Seconds that the model took for a batch.",
            ["model", "version"],
            _SECONDS,
        )
        self.queue_seconds = self._histogram(
            "keras_comic_queue_seconds",
            "Seconds that requests waited for their batch.",
            ["model", "version"],
            _SECONDS,
        )
        self.latency = self._histogram(
            ":tensorflow:serving:request_latency",
            "Microseconds of requests, as TensorFlow Serving counts them.",
            ["model_name", "API", "entrypoint"],
            tuple(s * 1e6 for s in _SECONDS),
        )
        self.registry.register(_States(self._repository, self._counts))
        repository.observe(self._watch)

    def _counter(self, name, text, labels):
        return prometheus_client.Counter(
            name, text, labels, registry=self.registry
        )

    def _histogram(self, name, text, labels, buckets):
        return prometheus_client.Histogram(
            name, text, labels, registry=self.registry, buckets=buckets
        )

    def _watch(self, servable):
        labels = servable.name, str(servable.version)
        batch_size = self.batch_size.labels(*labels)
        run_seconds = self.run_seconds.labels(*labels)
        queue_seconds = self.queue_seconds.labels(*labels)

        def observe(rows, seconds, waited):
            batch_size.observe(rows)
            run_seconds.observe(seconds)
            for seconds in waited:
                queue_seconds.observe(seconds)

        servable.batcher.observers.append(observe)

    def observe(self, record):
        """Counts a request that was answered."""
        repository = self._repository()
        known = repository is not None and record.model in repository.names
        model = record.model if known else ""
        version = "" if record.version is None else str(record.version)
        signature = record.signature if version else ""
        labels = record.api, record.method, model
        self.requests.labels(*labels, version, signature, record.status).inc()
        self.request_seconds.labels(*labels).observe(record.seconds)
        self.request_bytes.labels(*labels).observe(record.request_bytes)
        self.response_bytes.labels(*labels).observe(record.response_bytes)
        if record.method == "predict":
            key = model, record.status
            with self._lock:
                self._counts[key] = self._counts.get(key, 0) + 1
            entrypoint = "REST" if record.api == "rest" else "GRPC"
            self.latency.labels(model, "predict", entrypoint).observe(
                record.seconds * 1e6
            )

    def page(self):
        """The page that Prometheus reads."""
        return (
            prometheus_client.generate_latest(self.registry),
            prometheus_client.CONTENT_TYPE_LATEST,
        )


class _States:
    """What is looked up when Prometheus asks."""

    def __init__(self, repository, counts):
        self._repository = repository
        self._counts = counts

    def describe(self):
        return []

    def collect(self):
        counts = UnknownMetricFamily(
            ":tensorflow:serving:request_count",
            "Requests to predict, as TensorFlow Serving counts them.",
            labels=["model_name", "status"],
        )
        for labels, count in dict(self._counts).items():
            counts.add_metric(labels, count)
        yield counts
        repository = self._repository()
        if repository is None:
            return
        available = GaugeMetricFamily(
            "keras_comic_model_available",
            "1 for a version that answers, 0 for one that does not.",
            labels=["model", "version", "state"],
        )
        for name in repository.names:
            for version, state, _ in repository.status(name):
                available.add_metric(
                    [name, str(version), state], float(state == AVAILABLE)
                )
        yield available
        queued = GaugeMetricFamily(
            "keras_comic_queue_requests",
            "Requests that wait or run.",
            labels=["model", "version"],
        )
        queued_bytes = GaugeMetricFamily(
            "keras_comic_queue_bytes",
            "Bytes of inputs that wait or run.",
            labels=["model", "version"],
        )
        for servable in repository.servables():
            labels = [servable.name, str(servable.version)]
            queued.add_metric(labels, servable.batcher.held_requests)
            queued_bytes.add_metric(labels, servable.batcher.held_bytes)
        yield queued
        yield queued_bytes
