"""TensorFlow Serving's REST API, as an ASGI application."""

import asyncio
import contextlib
import hmac
import re
import time
import urllib.parse
from concurrent.futures import ThreadPoolExecutor

from google.protobuf import json_format

from keras_comic.serving.batcher import num_bytes
from keras_comic.serving.errors import ServingError
from keras_comic.serving.errors import as_serving_error
from keras_comic.serving.json_tensors import dump_json
from keras_comic.serving.json_tensors import read_predict_request
from keras_comic.serving.json_tensors import write_predict_response
from keras_comic.serving.monitoring import METRICS_PATHS
from keras_comic.serving.monitoring import ServerMetrics
from keras_comic.serving.openapi import make_openapi_page
from keras_comic.serving.request_body import BodyReader
from keras_comic.serving.request_body import ByteBudget
from keras_comic.serving.request_body import HTTPError
from keras_comic.serving.request_body import Limits
from keras_comic.serving.request_log import LOGGER
from keras_comic.serving.request_log import RequestRecord
from keras_comic.serving.request_log import log_request
from keras_comic.serving.request_log import make_request_id

try:
    from starlette.routing import Route
    from starlette.routing import Router
except ImportError as error:
    raise ImportError(
        "The local server needs starlette. Install it with "
        "`pip install 'keras-comic[serving]'`."
    ) from error

_MODEL = (
    r"/v1/models/(?P<name>[^/:]+)"
    r"(?:/versions/(?P<version>\d+)|/labels/(?P<label>[^/:]+))?"
)
_PREDICTION = re.compile(
    _MODEL + r":(?P<method>classify|regress|predict)", re.IGNORECASE
)
_STATUS = re.compile(_MODEL + r"(?P<metadata>/metadata)?", re.IGNORECASE)
_NO_MODEL = re.compile(r"/v1/models/?", re.IGNORECASE)
_API = re.compile(r"/v1/.*", re.IGNORECASE)
# Larger bodies and answers are parsed and written beside the event loop. For
# smaller ones, such as encoded pictures of 64 pixels, the way there and back
# takes longer than the work.
_SMALL = 2**14
_MAX_VERSION = 2**63 - 1
_OPEN_PATHS = ("/healthz", "/readyz")
_JSON = "application/json"


def make_application(
    repository, token=None, limits=None, metrics=None, is_ready=None
):
    """Makes the application that answers TensorFlow Serving's REST API.

    Predict in rows and columns, model status, metadata, versions and labels
    are answered as TensorFlow Serving does, with its words for errors;
    `classify` and `regress` are refused with 501. Beside them are `/healthz`,
    `/readyz`, `/openapi.json`, and metrics for Prometheus at `/metrics` and
    `/monitoring/prometheus/metrics`.

    Args:
        repository: `ModelRepository`.
        token: String. If given, every request but those to `/healthz` and
            `/readyz` must have the header `Authorization: Bearer TOKEN`.
            Defaults to `None`.
        limits: `Limits`. Defaults to `None`, for its defaults.
        metrics: `ServerMetrics` of the repository. Defaults to `None`, for
            new ones.
        is_ready: Function without arguments that gives a boolean; while it
            gives `False`, `/readyz` answers 503 and every answer ends its
            connection. Defaults to `None`, for `repository.is_ready`.
    Returns:
        An ASGI application.
    Example:

    >>> import tensorflow as tf
    >>> module = tf.Module()
    >>> module.invert = tf.function(
    ...     lambda images: {"comics": 255 - images},
    ...     [tf.TensorSpec((None, None, None, 3), tf.uint8, name="images")],
    ... )
    >>> tf.saved_model.save(
    ...     module, "models/comic/1", {"serving_default": module.invert}
    ... )
    >>> repository = keras_comic.serving.ModelRepository(
    ...     {"comic": "models/comic"}
    ... )
    >>> application = keras_comic.serving.make_application(repository)
    >>> from starlette.testclient import TestClient
    >>> TestClient(application).get("/v1/models/comic").json()
    {'model_version_status': [{'version': '1', 'state': 'AVAILABLE', ...}]}
    >>> repository.close()

    Reference:
        - [RESTful API](https://www.tensorflow.org/tfx/serving/api_rest)
    """
    if is_ready is None:

        def is_ready():
            return repository.is_ready

    if metrics is None:
        metrics = ServerMetrics(repository)
    api = _RestApi(
        repository, limits or Limits(), metrics, is_ready, token is not None
    )
    endpoint = _Endpoint(api)
    # The second is for targets that are no path, such as `*`.
    application = Router(
        [Route("/{path:path}", endpoint=endpoint)], default=endpoint
    )
    return _Gate(application, token, metrics, is_ready)


class _Gate:
    """What happens before and after every request."""

    def __init__(self, application, token, metrics, is_ready):
        self._application = application
        self._token = token
        self._metrics = metrics
        self._is_ready = is_ready

    async def __call__(self, scope, receive, send):
        if scope["type"] != "http":
            await self._application(scope, receive, send)
            return
        start = time.monotonic()
        headers = dict(scope["headers"])
        record = RequestRecord(
            "rest",
            "other",
            make_request_id(
                headers.get(b"x-request-id", b"").decode("latin-1")
            ),
            is_probe=scope["path"] in (*_OPEN_PATHS, *METRICS_PATHS),
        )
        exchange = _Exchange(record, receive, send, self._is_ready)
        in_flight = self._metrics.in_flight.labels("rest")
        in_flight.inc()
        try:
            if {b"content-length", b"transfer-encoding"} <= headers.keys():
                # A proxy before it may see another end of the request.
                raise HTTPError(
                    400,
                    "A request has Content-Length or Transfer-Encoding, not "
                    "both.",
                    {"Connection": "close"},
                )
            self._authorize(scope["path"], headers)
            scope.setdefault("state", {})["record"] = record
            await self._application(scope, exchange.receive, exchange.send)
        except asyncio.CancelledError:
            record.status = "CANCELLED"
            raise
        except Exception as raised:
            await self._answer_error(raised, exchange, headers)
        finally:
            in_flight.dec()
            record.seconds = time.monotonic() - start
            self._metrics.observe(record)
            log_request(record)

    def _authorize(self, path, headers):
        if self._token is None or path in _OPEN_PATHS:
            return
        wanted = f"Bearer {self._token}".encode()
        if not hmac.compare_digest(headers.get(b"authorization", b""), wanted):
            raise HTTPError(
                401,
                "The request must have the header `Authorization: Bearer "
                "TOKEN`, with the server's token.",
                {"WWW-Authenticate": "Bearer"},
            )

    async def _answer_error(self, raised, exchange, headers):
        error = as_serving_error(raised)
        record = exchange.record
        record.status = error.code
        record.error = str(error)
        if error.code == "INTERNAL" and error is not raised:
            LOGGER.error(
                "a request has failed",
                exc_info=raised,
                extra={"fields": {"request_id": record.request_id}},
            )
        if exchange.is_started or exchange.is_disconnected:
            return
        extra = dict(getattr(error, "headers", {}))
        if error.code == "RESOURCE_EXHAUSTED":
            extra["Retry-After"] = "1"
        body = dump_json({"error": str(error)})
        if exchange.has_body_left(headers):
            extra["Connection"] = "close"
        await exchange.start(error.http_status, _JSON, body, extra)
        if "Connection" in extra:
            # The answer is on its way; a client that is still sending must
            # get to read it.
            await exchange.discard()
        await exchange.finish()


class _Exchange:
    """A request and its answer: what passes is counted."""

    def __init__(self, record, receive, send, is_ready):
        self.record = record
        self._receive = receive
        self._send = send
        self._is_ready = is_ready
        self.is_started = False
        self.is_complete = False
        self.is_disconnected = False

    async def receive(self):
        message = await self._receive()
        if message["type"] == "http.disconnect":
            self.is_disconnected = True
        else:
            self.record.request_bytes += len(message.get("body", b""))
            self.is_complete = not message.get("more_body", False)
        return message

    async def send(self, message):
        if message["type"] == "http.response.start":
            self.is_started = True
            self.record.http_status = message["status"]
            headers = list(message.get("headers", ()))
            headers.append((b"x-request-id", self.record.request_id.encode()))
            if not self._is_ready() and not any(
                name.lower() == b"connection" for name, _ in headers
            ):
                headers.append((b"connection", b"close"))
            message = {**message, "headers": headers}
        else:
            self.record.response_bytes += len(message.get("body", b""))
        await self._send(message)

    async def start(self, status, content_type, body, headers=None):
        """Sends all of an answer, but does not end it yet."""
        fields = {
            "Content-Type": content_type,
            "Content-Length": str(len(body)),
            **(headers or {}),
        }
        await self.send(
            {
                "type": "http.response.start",
                "status": status,
                "headers": [
                    (name.lower().encode(), value.encode("latin-1"))
                    for name, value in fields.items()
                ],
            }
        )
        await self.send(
            {"type": "http.response.body", "body": body, "more_body": True}
        )

    async def finish(self):
        await self.send({"type": "http.response.body", "body": b""})

    def has_body_left(self, headers):
        has_body = (
            headers.get(b"content-length", b"0") != b"0"
            or b"transfer-encoding" in headers
        )
        return has_body and not self.is_complete

    async def discard(self):
        reader = BodyReader(self.receive, {}, None)
        reader.is_complete = self.is_complete
        await reader.discard()


class _Endpoint:
    """Starlette's way to an answer, for every path and method."""

    def __init__(self, api):
        self._api = api

    async def __call__(self, scope, receive, send):
        record = scope["state"]["record"]
        status, content_type, body = await self._api.answer(
            scope, receive, record
        )
        await send(
            {
                "type": "http.response.start",
                "status": status,
                "headers": [
                    (b"content-type", content_type.encode("latin-1")),
                    (b"content-length", str(len(body)).encode()),
                ],
            }
        )
        await send({"type": "http.response.body", "body": body})


class _RestApi:
    """Answers requests."""

    def __init__(self, repository, limits, metrics, is_ready, needs_token):
        self._repository = repository
        self._needs_token = needs_token
        self._limits = limits
        self._metrics = metrics
        self._is_ready = is_ready
        self._budget = ByteBudget(limits.max_body_bytes)
        # A parsed body takes many times its bytes: two of them at a time.
        self._parsers = ThreadPoolExecutor(2, "rest-parse")
        self._writers = ThreadPoolExecutor(2, "rest-write")
        self._pages = {
            "/healthz": self._health,
            "/readyz": self._readiness,
            "/openapi.json": self._openapi,
            **dict.fromkeys(METRICS_PATHS, self._metrics_page),
        }

    async def answer(self, scope, receive, record):
        """`(status, content_type, body)` of the answer to a request."""
        method, path = scope["method"], _raw_path(scope)
        page = self._pages.get(scope["path"])
        if page is not None:
            record.method = scope["path"].rpartition("/")[2]
            _check_method(method, path, ("GET", "HEAD"))
            return page()
        if not _API.fullmatch(path):
            raise HTTPError(404, "Not Found")
        prediction = _PREDICTION.fullmatch(path)
        if prediction:
            record.method = prediction["method"].lower()
            record.model = _decoded(prediction["name"])
            _check_method(method, path, ("POST",))
            return await self._predict(scope, receive, prediction, record)
        status = _STATUS.fullmatch(path)
        if status:
            record.method = "metadata" if status["metadata"] else "status"
            record.model = _decoded(status["name"])
            _check_method(method, path, ("GET", "HEAD"))
            if status["metadata"]:
                return self._metadata(status, record)
            return self._status(status, record)
        if _NO_MODEL.fullmatch(path) and method == "GET":
            raise _invalid("Missing model name in request.")
        raise _malformed(method, path)

    def _health(self):
        return 200, _JSON, b'{"status":"alive"}'

    def _readiness(self):
        if self._is_ready():
            return 200, _JSON, b'{"status":"ready"}'
        raise ServingError("UNAVAILABLE", "The server is not ready.")

    def _openapi(self):
        return (
            200,
            _JSON,
            dump_json(make_openapi_page(self._repository, self._needs_token)),
        )

    def _metrics_page(self):
        content, content_type = self._metrics.page()
        return 200, content_type, content

    def _status(self, match, record):
        versions = self._repository.status(
            record.model, _version(match), _label(match)
        )
        found = [
            {
                "version": str(version),
                "state": state,
                "status": {
                    "error_code": "OK" if error is None else error.code,
                    "error_message": "" if error is None else str(error),
                },
            }
            for version, state, error in versions
        ]
        return 200, _JSON, dump_json({"model_version_status": found})

    def _metadata(self, match, record):
        servable = self._repository.find(
            record.model, _version(match), _label(match)
        )
        record.version = servable.version
        definitions = {
            name: _message_to_dict(definition)
            for name, definition in servable.signature_defs.items()
        }
        page = {
            "model_spec": {
                "name": servable.name,
                "signature_name": "",
                "version": str(servable.version),
            },
            "metadata": {"signature_def": {"signature_def": definitions}},
        }
        return 200, _JSON, dump_json(page)

    async def _predict(self, scope, receive, match, record):
        if record.method != "predict":
            raise ServingError(
                "UNIMPLEMENTED",
                f"This server does not {record.method}: its models turn images "
                "into images, which `:predict` answers.",
            )
        servable = self._repository.find(
            record.model, _version(match), _label(match)
        )
        record.version = servable.version
        reader = BodyReader(receive, dict(scope["headers"]), self._limits)
        loop = asyncio.get_running_loop()
        with self._budget.account() as take:
            body = await reader.read(take)
            deadline = time.monotonic() + self._limits.request_timeout
            arguments = servable, body, record, deadline
            if len(body) <= _SMALL:
                result, in_rows = _begin(*arguments)
            else:
                result, in_rows = await loop.run_in_executor(
                    self._parsers, _begin, *arguments
                )
            del body, arguments
        outputs = await _outcome(result, deadline, reader)
        record.batch_size = result.batch_size
        if sum(map(num_bytes, outputs.values())) <= _SMALL:
            answer = write_predict_response(outputs, in_rows)
        else:
            answer = await loop.run_in_executor(
                self._writers, write_predict_response, outputs, in_rows
            )
        return 200, _JSON, answer


def _begin(servable, body, record, deadline):
    """Parses a request and has the servable take it."""

    def find_inputs(name):
        if name not in servable.signatures:
            raise _invalid(
                f'Serving signature name: "{name}" not found in signature def'
            )
        # It becomes a label of the metrics.
        record.signature = name
        return servable.signatures[name].inputs

    signature_name, inputs, in_rows = read_predict_request(body, find_inputs)
    return servable.predict(signature_name, inputs, deadline), in_rows


async def _outcome(result, deadline, reader):
    """Waits for a result, as long as somebody wants to have it."""
    waiting = asyncio.wrap_future(result)
    gone = asyncio.ensure_future(reader.wait_for_disconnect())
    try:
        await asyncio.wait(
            {waiting, gone},
            timeout=max(0.0, deadline - time.monotonic()),
            return_when=asyncio.FIRST_COMPLETED,
        )
        if waiting.done():
            return waiting.result()
        if gone.done():
            raise ServingError("CANCELLED", "The client has gone.")
        raise ServingError(
            "DEADLINE_EXCEEDED", "There was no answer before the deadline."
        )
    finally:
        for future in (waiting, gone):
            future.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await gone


def _raw_path(scope):
    raw = scope.get("raw_path")
    if raw is None:
        return urllib.parse.quote(scope["path"], safe="/:")
    return raw.decode("latin-1")


def _decoded(name):
    try:
        return urllib.parse.unquote(name, errors="strict")
    except UnicodeDecodeError as error:
        raise _invalid(f"Failed to decode model name:{name}") from error


def _version(match):
    if match["version"] is None:
        return None
    # Thousands of digits are no number that Python converts.
    if len(match["version"]) > 19 or int(match["version"]) > _MAX_VERSION:
        raise _invalid(
            f"Failed to convert version: {match['version'][:40]} to numeric."
        )
    return int(match["version"])


def _label(match):
    return None if match["label"] is None else _decoded(match["label"])


def _check_method(method, path, allowed):
    if method not in allowed:
        raise HTTPError(
            405,
            f"Malformed request: {method} {path}",
            {"Allow": ", ".join(allowed)},
        )


def _malformed(method, path):
    return _invalid(f"Malformed request: {method} {path}")


def _invalid(message):
    return ServingError("INVALID_ARGUMENT", message)


def _message_to_dict(message):
    """With every field, as TensorFlow Serving writes it."""
    try:
        return json_format.MessageToDict(
            message,
            preserving_proto_field_name=True,
            always_print_fields_with_no_presence=True,
        )
    except TypeError:
        # The name of the argument before protobuf 5.26.
        return json_format.MessageToDict(
            message,
            preserving_proto_field_name=True,
            including_default_value_fields=True,
        )
