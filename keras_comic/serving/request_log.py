"""Logs as JSON: one line for each request, without what is in its images."""

import contextlib
import dataclasses
import datetime
import logging
import re
import sys
import traceback
import uuid

from keras_comic.serving.errors import HTTP_STATUS
from keras_comic.serving.json_tensors import dump_json

LOGGER = logging.getLogger("keras_comic.serving")
MAX_NAME = 100
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")


@dataclasses.dataclass
class RequestRecord:
    """What is known of a request once it is answered.

    Args:
        api: String, `"rest"` or `"grpc"`.
        method: String, such as `"predict"`.
        request_id: String.
        model: String, the model that was asked for.
        version: Integer, the version that answered, or `None`.
        signature: String.
        status: String, the name of a gRPC status.
        http_status: Integer, or `None` for that of `status`.
        request_bytes: Integer.
        response_bytes: Integer.
        seconds: Float.
        batch_size: Integer, images of the batch in which it was run, or
            `None`.
        error: String, what the client was told, or `None`.
        is_probe: Boolean. Whether a machine asks for health or metrics; such
            requests are logged at the level of debugging only.
    """

    api: str
    method: str
    request_id: str = ""
    model: str = ""
    version: int | None = None
    signature: str = ""
    status: str = "OK"
    http_status: int | None = None
    request_bytes: int = 0
    response_bytes: int = 0
    seconds: float = 0.0
    batch_size: int | None = None
    error: str | None = None
    is_probe: bool = False

    def fields(self):
        """Dict of what is written to the log."""
        fields = {
            "request_id": self.request_id,
            "api": self.api,
            "method": self.method,
            "model": self.model[:MAX_NAME],
            "version": self.version,
            "signature": self.signature[:MAX_NAME],
            "status": self.status,
            "request_bytes": self.request_bytes,
            "response_bytes": self.response_bytes,
            "milliseconds": round(1000 * self.seconds, 3),
            "batch_size": self.batch_size,
        }
        if self.api == "rest":
            fields["http_status"] = self.http_status or HTTP_STATUS[self.status]
        if self.error is not None:
            fields["error"] = self.error
        return fields


def log_request(record):
    """Writes the line of a request.

    Args:
        record: `RequestRecord`.
    """
    level = logging.DEBUG if record.is_probe else logging.INFO
    LOGGER.log(level, "request", extra={"fields": record.fields()})


def make_request_id(wanted=None):
    """The name that a request has in the log.

    Args:
        wanted: String that the client sent, or `None`. Defaults to `None`.
    Returns:
        String: what the client sent, if it is one of 1 to 64 letters, digits,
        `.`, `_` and `-`; else 32 hexadecimal digits.
    """
    if wanted and _REQUEST_ID.fullmatch(wanted):
        return wanted
    return uuid.uuid4().hex


class JSONFormatter(logging.Formatter):
    """Formats a record of `logging` as a JSON object on one line."""

    def format(self, record):
        time = datetime.datetime.fromtimestamp(record.created, datetime.UTC)
        line = {
            "time": time.isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            **getattr(record, "fields", {}),
        }
        if record.exc_info:
            line["exception"] = "".join(
                traceback.format_exception(*record.exc_info)
            )
        return dump_json(line).decode()


@contextlib.contextmanager
def json_logging(stream=None, level=logging.INFO):
    """Within it, the server's log is written as JSON.

    Args:
        stream: File object of text. Defaults to `None`, the standard error.
        level: Integer or string. Defaults to `logging.INFO`.
    """
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(JSONFormatter())
    before = LOGGER.level, LOGGER.propagate
    LOGGER.addHandler(handler)
    LOGGER.setLevel(level)
    LOGGER.propagate = False
    try:
        yield
    finally:
        handler.flush()
        LOGGER.removeHandler(handler)
        LOGGER.setLevel(before[0])
        LOGGER.propagate = before[1]
