"""Errors of requests, by the names that gRPC has for them."""

import re

# As TensorFlow Serving's REST server answers for each, in the order of their
# numbers in gRPC and TensorFlow, from 0.
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
CODES = tuple(HTTP_STATUS)
_MESSAGE_LENGTH = 1000


class ServingError(Exception):
    """A request that is answered with an error.

    Args:
        code: String. The name of a gRPC status, such as `"NOT_FOUND"`.
        message: String, for whoever sent the request.
        http_status: Integer. The status of the HTTP response. Defaults to
            `None`, the one that TensorFlow Serving has for the code.
        headers: Dict of further headers of the HTTP response. Defaults to
            `None`, for none.
    Raises:
        ValueError: If there is no such code.
    Example:

    >>> error = keras_comic.serving.ServingError("NOT_FOUND", "No such model.")
    >>> error.http_status
    404
    """

    def __init__(self, code, message, http_status=None, headers=None):
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
        self.http_status = http_status or HTTP_STATUS[code]
        self.headers = dict(headers or {})

    def __str__(self):
        return self.message


def invalid(message):
    """Makes the error of a request that is wrong in itself."""
    return ServingError("INVALID_ARGUMENT", message)


def as_serving_error(error):
    """Turns any exception into the error that a client is told."""
    import tensorflow as tf

    if isinstance(error, ServingError):
        return error
    if isinstance(error, tf.errors.OpError):
        message = _without_graph(error.message or type(error).__name__)
        return ServingError(CODES[error.error_code], message)
    if isinstance(error, TimeoutError):
        return ServingError("DEADLINE_EXCEEDED", "The deadline has passed.")
    if isinstance(error, MemoryError):
        return ServingError(
            "RESOURCE_EXHAUSTED", "There is not enough memory for the request."
        )
    return ServingError("INTERNAL", f"Internal error: {type(error).__name__}")


def _without_graph(message):
    """Removes the places in the graph from a message of TensorFlow."""
    message = re.sub(r"\s*\[\[\{\{node .*?\}\}\]\]", "", message)
    message = re.sub(r"\s*\[Op:[^\]]*\]", "", message)
    message = re.sub(r"\{\{\w+ [^}]*\}\}:? ?", "", message)
    message = re.sub(r" name: $", "", message).strip()
    if message.startswith("Graph execution error:"):
        # The lines that say where each node was defined come first.
        message = "\n".join(
            line
            for line in message.splitlines()[1:]
            if line.strip()
            and not line.startswith(("Detected at node", "<stack", "  "))
        )
    assertion = re.fullmatch(
        r"assertion failed: \[(.*)\]", message, flags=re.DOTALL
    )
    if assertion:
        first, *values = assertion[1].split("] [")
        values = [f"[{value}]" if " " in value else value for value in values]
        message = " ".join([first, *values])
    return message or "Graph execution error"
