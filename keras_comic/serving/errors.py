"""What may go wrong with a request, by the names that gRPC has for it."""

import re

import tensorflow as tf

# In the order of their numbers in gRPC and TensorFlow, from 0.
CODES = (
    "OK",
    "CANCELLED",
    "UNKNOWN",
    "INVALID_ARGUMENT",
    "DEADLINE_EXCEEDED",
    "NOT_FOUND",
    "ALREADY_EXISTS",
    "PERMISSION_DENIED",
    "RESOURCE_EXHAUSTED",
    "FAILED_PRECONDITION",
    "ABORTED",
    "OUT_OF_RANGE",
    "UNIMPLEMENTED",
    "INTERNAL",
    "UNAVAILABLE",
    "DATA_LOSS",
    "UNAUTHENTICATED",
)

# As TensorFlow Serving's REST server answers for each.
HTTP_STATUS = {
    "OK": 200,
    "CANCELLED": 499,
    "UNKNOWN": 500,
    "INVALID_ARGUMENT": 400,
    "DEADLINE_EXCEEDED": 504,
    "NOT_FOUND": 404,
    "ALREADY_EXISTS": 409,
    "PERMISSION_DENIED": 403,
    "RESOURCE_EXHAUSTED": 429,
    "FAILED_PRECONDITION": 400,
    "ABORTED": 409,
    "OUT_OF_RANGE": 400,
    "UNIMPLEMENTED": 501,
    "INTERNAL": 500,
    "UNAVAILABLE": 503,
    "DATA_LOSS": 500,
    "UNAUTHENTICATED": 401,
}

_MESSAGE_LENGTH = 1000


class ServingError(Exception):
    """An answer that is not the one that was asked for.

    Args:
        code: String. A canonical name of a gRPC status, such as
            `"NOT_FOUND"`.
        message: String, for whoever sent the request.
    Raises:
        ValueError: If there is no such code.
    Example:

    >>> error = keras_comic.serving.ServingError("NOT_FOUND", "No such model.")
    >>> error.http_status
    404
    """

    def __init__(self, code, message):
        if code not in HTTP_STATUS:
            raise ValueError(
                "`code` must be the name of a gRPC status, one of "
                f"{', '.join(HTTP_STATUS)}. Received: code={code!r}"
            )
        # It may repeat what was sent, which may be long.
        if len(message) > _MESSAGE_LENGTH:
            message = f"{message[:_MESSAGE_LENGTH]}..."
        super().__init__(code, message)
        self.code = code
        self.message = message

    def __str__(self):
        return self.message

    @property
    def http_status(self):
        """Integer. The status of the HTTP response."""
        return HTTP_STATUS[self.code]


def as_serving_error(error):
    """What a request is told about an exception."""
    if isinstance(error, ServingError):
        return error
    if isinstance(error, tf.errors.OpError):
        message = _told_by_graph(error.message or type(error).__name__)
        return ServingError(CODES[error.error_code], message)
    if isinstance(error, TimeoutError):
        return ServingError("DEADLINE_EXCEEDED", "The deadline has passed.")
    if isinstance(error, MemoryError):
        return ServingError(
            "RESOURCE_EXHAUSTED", "There is not enough memory for the request."
        )
    return ServingError("INTERNAL", f"Internal error: {type(error).__name__}")


def _told_by_graph(message):
    """A message of TensorFlow, without where in a graph it arose."""
    message = re.sub(r"\s*\[\[\{\{node .*?\}\}\]\]", "", message)
    message = re.sub(r"\s*\[Op:[^\]]*\]", "", message)
    message = re.sub(r"\{\{\w+ [^}]*\}\}:? ?", "", message)
    message = re.sub(r" name: $", "", message).strip()
    if message.startswith("Graph execution error:"):
        # Where each node was defined, then what happened.
        message = "\n".join(
            line
            for line in message.splitlines()[1:]
            if line.strip()
            and not line.startswith(("Detected at node", "<stack", "  "))
        )
    asserted = re.fullmatch(
        r"assertion failed: \[(.*)\]", message, flags=re.DOTALL
    )
    if asserted:
        parts = asserted[1].split("] [")
        if len(parts) == 2:
            value = f"[{parts[1]}]" if " " in parts[1] else parts[1]
            sign = " " if parts[0].endswith(":") else "="
            message = f"{parts[0]}{sign}{value}"
        else:
            message = " ".join(parts)
    return message or "Graph execution error"
