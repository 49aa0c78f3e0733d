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
    """What is known of a request once it is answered."""

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
    """Writes the line of a request."""
    level = logging.DEBUG if record.is_probe else logging.INFO
    LOGGER.log(level, "request", extra={"fields": record.fields()})


def make_request_id(wanted=None):
    """The name that a request has in the log."""
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
    """Within it, the server's log is written as JSON."""
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
