"""TensorFlow Serving's REST API, as an ASGI application."""

import asyncio
import gc
import hmac
import re
import time
import urllib.parse
from concurrent.futures import ThreadPoolExecutor

from google.protobuf import json_format

from keras_comic.serving.batcher import num_bytes
from keras_comic.serving.errors import ServingError
from keras_comic.serving.errors import as_serving_error
from keras_comic.serving.errors import invalid
from keras_comic.serving.json_tensors import dump_json
from keras_comic.serving.json_tensors import read_predict_request
from keras_comic.serving.json_tensors import write_predict_response
from keras_comic.serving.request_log import LOGGER
from keras_comic.serving.request_log import RequestRecord
from keras_comic.serving.request_log import ServerMetrics
from keras_comic.serving.request_log import make_request_id

# Bytes of the bodies of all requests that are being read.
MAX_BODY_BYTES = 2**28
BODY_SECONDS = 60.0
REQUEST_SECONDS = 60.0

_MODEL = r"/v1/models/(?P<name>[^/:]+)(?:/versions/(?P<version>\d+))?"
_PREDICTION = re.compile(
    _MODEL + r":(?P<method>classify|regress|predict)", re.IGNORECASE
)
_STATUS = re.compile(_MODEL + r"(?P<metadata>/metadata)?", re.IGNORECASE)
_NO_MODEL = re.compile(r"/v1/models/?", re.IGNORECASE)
# Larger bodies and answers are parsed and written beside the event loop. For
# smaller ones, such as encoded pictures of 64 pixels, the way there and back
# takes longer than the work.
_SMALL = 2**14
_JSON = "application/json"


class RestApi:
    """Answers predict, status and metadata as TensorFlow Serving does.

    `classify` and `regress` are refused with 501. Beside them are `/healthz`,
    `/readyz`, and metrics for Prometheus at `/metrics` and
    `/monitoring/prometheus/metrics`.
    """

    def __init__(self, servables, token, max_request_bytes, content_review):
        self.is_draining = False
        self.num_open = 0
        self._servables = servables
        self._token = token
        self._max_request_bytes = max_request_bytes
        self._content_review = content_review
        self._metrics = ServerMetrics(servables)
        self._body_bytes = 0
        # A parsed body takes many times its bytes: two of them at a time.
        self._parsers = ThreadPoolExecutor(2, "rest-parse")
        self._writers = ThreadPoolExecutor(2, "rest-write")
        self._reviewers = ThreadPoolExecutor(16, "rest-review")
        self._pages = {
            "/healthz": self._health,
            "/readyz": self._readiness,
            "/metrics": self._metrics.page,
            "/monitoring/prometheus/metrics": self._metrics.page,
        }

    async def __call__(self, scope, receive, send):
        if scope["type"] != "http":
            return
        start = time.monotonic()
        headers = dict(scope["headers"])
        request_id = headers.get(b"x-request-id", b"").decode("latin-1")
        record = RequestRecord(make_request_id(request_id))
        self.num_open += 1
        extra = {}
        try:
            self._check(scope["path"], headers)
            body, content_type = await self._answer(scope, receive, record)
            record.http_status = 200
        except Exception as raised:
            error = as_serving_error(raised)
            record.status, record.error = error.code, str(error)
            record.http_status = error.http_status
            if error.code == "INTERNAL" and error is not raised:
                LOGGER.error("a request has failed", exc_info=raised)
            body, content_type = dump_json({"error": str(error)}), _JSON
            extra = error.headers
        record.response_bytes = len(body)
        try:
            await _send(
                send,
                record.http_status,
                {
                    "content-type": content_type,
                    "content-length": str(len(body)),
                    "x-request-id": record.request_id,
                    **({"connection": "close"} if self.is_draining else {}),
                    **extra,
                },
                body,
            )
        finally:
            self.num_open -= 1
            record.milliseconds = round(1000 * (time.monotonic() - start), 3)
            self._metrics.observe(record)
            record.log()

    def _check(self, path, headers):
        if {b"content-length", b"transfer-encoding"} <= headers.keys():
            # A proxy before it may see another end of the request.
            raise ServingError(
                "INVALID_ARGUMENT",
                "A request has Content-Length or Transfer-Encoding, not both.",
                headers={"connection": "close"},
            )
        if self._token is None or path in ("/healthz", "/readyz"):
            return
        expected = f"Bearer {self._token}".encode()
        sent = headers.get(b"authorization", b"")
        if not hmac.compare_digest(sent, expected):
            raise ServingError(
                "UNAUTHENTICATED",
                "The request must have the header `Authorization: Bearer "
                "TOKEN`, with the server's token.",
                headers={"www-authenticate": "Bearer"},
            )

    async def _answer(self, scope, receive, record):
        """Returns the body of the answer, and its type."""
        method, path = scope["method"], scope["raw_path"].decode("latin-1")
        page = self._pages.get(scope["path"])
        if page is not None:
            record.method = scope["path"].rpartition("/")[2]
            _check_method(method, path, ("GET", "HEAD"))
            return page()
        if not path.lower().startswith("/v1/"):
            raise ServingError("NOT_FOUND", "Not Found")
        prediction = _PREDICTION.fullmatch(path)
        if prediction:
            record.method = prediction["method"].lower()
            record.model = _decode(prediction["name"])
            _check_method(method, path, ("POST",))
            return await self._predict(scope, receive, prediction, record)
        status = _STATUS.fullmatch(path)
        if status:
            record.method = "metadata" if status["metadata"] else "status"
            record.model = _decode(status["name"])
            _check_method(method, path, ("GET", "HEAD"))
            return dump_json(self._describe(status, record)), _JSON
        if _NO_MODEL.fullmatch(path) and method == "GET":
            raise invalid("Missing model name in request.")
        raise invalid(f"Malformed request: {method} {path}")

    def _health(self):
        return b'{"status":"alive"}', _JSON

    def _readiness(self):
        if self.is_draining:
            raise ServingError("UNAVAILABLE", "The server is not ready.")
        return b'{"status":"ready"}', _JSON

    def _find(self, match, record, is_status=False):
        """Finds the servable that a path names."""
        name, version = record.model, match["version"]
        # Thousands of digits are no number that Python converts.
        if version is not None and len(version) > 19:
            raise invalid(
                f"Failed to convert version: {version[:40]} to numeric."
            )
        servable = self._servables.get(name)
        if servable is not None and version in (None, str(servable.version)):
            record.version = servable.version
            return servable
        if is_status and servable is None:
            message = f"Could not find any versions of model {name}"
        elif is_status:
            message = f"Could not find version {version} of model {name}"
        elif version is None:
            message = f"Servable not found for request: Latest({name})"
        else:
            asked = f"Specific({name}, {version})"
            message = f"Servable not found for request: {asked}"
        raise ServingError("NOT_FOUND", message)

    def _describe(self, match, record):
        """Returns the page of a model's status, or of its metadata."""
        is_status = match["metadata"] is None
        servable = self._find(match, record, is_status)
        if is_status:
            status = {
                "version": str(servable.version),
                "state": "AVAILABLE",
                "status": {"error_code": "OK", "error_message": ""},
            }
            return {"model_version_status": [status]}
        definitions = {
            name: _message_to_dict(definition)
            for name, definition in servable.signature_defs.items()
        }
        return {
            "model_spec": {
                "name": servable.name,
                "signature_name": "",
                "version": str(servable.version),
            },
            "metadata": {"signature_def": {"signature_def": definitions}},
        }

    async def _predict(self, scope, receive, match, record):
        if record.method != "predict":
            raise ServingError(
                "UNIMPLEMENTED",
                f"This server does not {record.method}: its models make "
                "pictures, which `:predict` answers.",
            )
        servable = self._find(match, record)
        loop = asyncio.get_running_loop()
        try:
            body = await self._read_body(scope, receive, record)
            deadline = time.monotonic() + REQUEST_SECONDS
            arguments = servable, body, record, deadline
            if len(body) <= _SMALL:
                future, in_rows = _begin(*arguments)
            else:
                future, in_rows = await loop.run_in_executor(
                    self._parsers, _begin, *arguments
                )
            del body, arguments
        finally:
            self._body_bytes -= record.request_bytes
        try:
            async with asyncio.timeout_at(
                loop.time() + deadline - time.monotonic()
            ):
                outputs = await asyncio.wrap_future(future)
        except TimeoutError as error:
            raise ServingError(
                "DEADLINE_EXCEEDED", "There was no answer before the deadline."
            ) from error
        record.batch_size = future.batch_size
        if self._content_review is not None:
            inputs = servable.signatures[record.signature].inputs
            await loop.run_in_executor(
                self._reviewers,
                self._content_review.check_outputs,
                inputs,
                outputs,
            )
        if sum(map(num_bytes, outputs.values())) <= _SMALL:
            return write_predict_response(outputs, in_rows), _JSON
        answer = await loop.run_in_executor(
            self._writers, write_predict_response, outputs, in_rows
        )
        return answer, _JSON

    async def _read_body(self, scope, receive, record):
        headers = dict(scope["headers"])
        encoding = headers.get(b"content-encoding", b"identity")
        if encoding.strip().lower() != b"identity":
            raise ServingError(
                "INVALID_ARGUMENT",
                "The body must not be compressed. Received: Content-Encoding: "
                f"{encoding.decode('latin-1')[:40]}",
                http_status=415,
                headers={"accept-encoding": "identity"},
            )
        length = headers.get(b"content-length", b"")
        if length.isdigit():
            self._check_size(int(length))
        body, has_more = bytearray(), True
        try:
            async with asyncio.timeout(BODY_SECONDS):
                while has_more:
                    message = await receive()
                    if message["type"] == "http.disconnect":
                        raise ServingError("CANCELLED", "The client has gone.")
                    part = message.get("body", b"")
                    self._check_size(len(body) + len(part))
                    if self._body_bytes + len(part) > MAX_BODY_BYTES:
                        raise ServingError(
                            "RESOURCE_EXHAUSTED",
                            "The server has too many requests in its memory.",
                            headers={"retry-after": "1"},
                        )
                    body += part
                    self._body_bytes += len(part)
                    record.request_bytes = len(body)
                    has_more = message.get("more_body", False)
        except TimeoutError as error:
            raise ServingError(
                "DEADLINE_EXCEEDED",
                "The body of the request has not come in time.",
                http_status=408,
            ) from error
        return body

    def _check_size(self, size):
        if size > self._max_request_bytes:
            raise ServingError(
                "INVALID_ARGUMENT",
                "The body of the request must have at most "
                f"{self._max_request_bytes} bytes.",
                http_status=413,
            )


def _begin(servable, body, record, deadline):
    """Parses a request and has the servable take it."""
    is_enabled = gc.isenabled()
    # The many lists of pixels have no cycles, which Python would look for.
    gc.disable()
    try:
        name, inputs, in_rows = read_predict_request(body, servable.signatures)
    finally:
        if is_enabled:
            gc.enable()
    record.signature = name
    return servable.predict(name, inputs, deadline), in_rows


async def _send(send, status, headers, body):
    await send(
        {
            "type": "http.response.start",
            "status": status,
            "headers": [
                (name.lower().encode(), value.encode("latin-1"))
                for name, value in headers.items()
            ],
        }
    )
    await send({"type": "http.response.body", "body": body})


def _decode(name):
    try:
        return urllib.parse.unquote(name, errors="strict")
    except UnicodeDecodeError as error:
        raise invalid(f"Failed to decode model name:{name}") from error


def _check_method(method, path, allowed):
    if method not in allowed:
        raise ServingError(
            "INVALID_ARGUMENT",
            f"Malformed request: {method} {path}",
            http_status=405,
            headers={"allow": ", ".join(allowed)},
        )


def _message_to_dict(message):
    """Converts a message with every field, as TensorFlow Serving does."""
    options = {"preserving_proto_field_name": True}
    try:
        return json_format.MessageToDict(
            message, always_print_fields_with_no_presence=True, **options
        )
    except TypeError:
        # The name of the argument before protobuf 5.26.
        return json_format.MessageToDict(
            message, including_default_value_fields=True, **options
        )
