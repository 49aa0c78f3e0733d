"""Requests to a TensorFlow Serving API, over gRPC or over HTTP."""

import base64
import importlib
import json
import time
import urllib.parse

import numpy as np

from keras_comic.serving.errors import HTTP_STATUS
from keras_comic.serving.errors import ServingError
from keras_comic.serving.retries import TryAgain

GRPC_PORT = 8500
# Codes of a server that may answer later, and words of gRPC for a connection
# that was lost.
RETRIED_CODES = ("UNAVAILABLE", "RESOURCE_EXHAUSTED")
LOST_CONNECTION = ("RST_STREAM", "Connection reset", "GOAWAY")
# No server takes this message later either.
TOO_LARGE = "larger than max"
# Codes of the statuses of HTTP that several codes share, and of others.
HTTP_CODES = {
    **{status: code for code, status in reversed(HTTP_STATUS.items())},
    400: "INVALID_ARGUMENT",
    408: "DEADLINE_EXCEEDED",
    413: "INVALID_ARGUMENT",
    415: "INVALID_ARGUMENT",
    500: "INTERNAL",
    502: "UNAVAILABLE",
}
GRPC_OPTIONS = [
    ("grpc.max_receive_message_length", -1),
    ("grpc.max_send_message_length", -1),
    # A server that was started again is found soon.
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 2000),
    # `call_with_retries` does that.
    ("grpc.enable_retries", 0),
    # Each client has its own connection.
    ("grpc.use_local_subchannel_pool", 1),
]
ERROR_CHARACTERS = 500
# A signature of every SavedModel, which nobody asks for.
INITIALIZER = "__saved_model_init_op"


def open_transport(address, model, version, token):
    """Opens what carries requests to one model of a server."""
    url = address if "://" in str(address) else f"grpc://{address}"
    parts = urllib.parse.urlsplit(url)
    is_grpc = parts.scheme in ("grpc", "grpcs")
    try:
        port = parts.port
    except ValueError:
        port = -1
    is_known = is_grpc or parts.scheme in ("http", "https")
    extra = parts.query or parts.fragment or parts.username
    if is_grpc:
        extra = extra or parts.path.strip("/")
    if not is_known or not parts.hostname or port == -1 or extra:
        raise ValueError(
            "`address` must be 'host:port', 'grpc://host:port', "
            "'grpcs://host:port', 'http://host:port' or 'https://host:port'. "
            f"Received: address={address!r}"
        )
    if not is_grpc:
        return RestTransport(url, model, version, token)
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    target = f"{host}:{port or GRPC_PORT}"
    return GrpcTransport(target, parts.scheme == "grpcs", model, version, token)


class GrpcTransport:
    """Requests to PredictionService and ModelService."""

    def __init__(self, target, is_secure, model, version, token):
        self._grpc = _import("grpc")
        self._messages = {
            name: _import(f"tensorflow_serving.apis.{name}")
            for name in (
                "predict_pb2",
                "get_model_metadata_pb2",
                "get_model_status_pb2",
            )
        }
        specs = _import("tensorflow_serving.apis.model_pb2")
        self._spec = specs.ModelSpec(name=model)
        if isinstance(version, str):
            self._spec.version_label = version
        elif version is not None:
            self._spec.version.value = version
        self._metadata = ()
        if token is not None:
            self._metadata = (("authorization", f"Bearer {token}"),)
        if is_secure:
            self._channel = self._grpc.secure_channel(
                target, self._grpc.ssl_channel_credentials(), GRPC_OPTIONS
            )
        else:
            self._channel = self._grpc.insecure_channel(target, GRPC_OPTIONS)
        services = _import(
            "tensorflow_serving.apis.prediction_service_pb2_grpc"
        )
        self._prediction = services.PredictionServiceStub(self._channel)
        services = _import("tensorflow_serving.apis.model_service_pb2_grpc")
        self._model = services.ModelServiceStub(self._channel)

    def predict(self, signature, inputs, timeout):
        """Tries a request once; returns its only output, an array."""
        import tensorflow as tf

        request = self._messages["predict_pb2"].PredictRequest(
            model_spec=self._spec
        )
        request.model_spec.signature_name = signature
        for name, value in inputs.items():
            request.inputs[name].CopyFrom(tf.make_tensor_proto(value))
        response = self._call(self._prediction.Predict, request, timeout)
        try:
            (output,) = response.outputs.values()
            return tf.make_ndarray(output)
        except (TypeError, ValueError) as error:
            raise _unexpected(str(error)) from error

    def status(self, timeout):
        """Asks for the states of the versions: dict of number to state."""
        messages = self._messages["get_model_status_pb2"]
        request = messages.GetModelStatusRequest(model_spec=self._spec)
        response = self._call(self._model.GetModelStatus, request, timeout)
        states = messages.ModelVersionStatus.State
        return {
            entry.version: states.Name(entry.state)
            for entry in response.model_version_status
        }

    def metadata(self, timeout):
        """Asks for the signatures: dict of name to inputs' shapes."""
        messages = self._messages["get_model_metadata_pb2"]
        request = messages.GetModelMetadataRequest(
            model_spec=self._spec, metadata_field=["signature_def"]
        )
        response = self._call(
            self._prediction.GetModelMetadata, request, timeout
        )
        signatures = messages.SignatureDefMap()
        if not response.metadata["signature_def"].Unpack(signatures):
            raise _unexpected("metadata without signatures")
        return {
            name: {
                key: [dim.size for dim in entry.tensor_shape.dim]
                for key, entry in signature.inputs.items()
            }
            for name, signature in signatures.signature_def.items()
            if name != INITIALIZER
        }

    def close(self):
        """Ends the connection, and with it the requests under way."""
        self._channel.close()

    def _call(self, method, request, timeout):
        try:
            return method(request, timeout=timeout, metadata=self._metadata)
        except self._grpc.RpcError as raised:
            code, details = raised.code().name, raised.details() or ""
            # The server has cancelled it: a client that cancels asks no more.
            is_lost = code == "CANCELLED" or (
                code == "INTERNAL"
                and any(words in details for words in LOST_CONNECTION)
            )
            error = ServingError(
                "UNAVAILABLE" if is_lost else code, _sentence(details, code)
            )
            if error.code in RETRIED_CODES and TOO_LARGE not in details:
                raise TryAgain(error) from raised
            raise error from raised
        except ValueError as raised:
            # A channel that was closed meanwhile.
            raise ServingError("CANCELLED", f"{raised}.") from raised


class RestTransport:
    """Requests to `/v1/models/...`."""

    def __init__(self, url, model, version, token):
        self._httpx = _import("httpx")
        self._path = f"/v1/models/{urllib.parse.quote(model, safe='')}"
        if isinstance(version, str):
            self._path += f"/labels/{urllib.parse.quote(version, safe='')}"
        elif version is not None:
            self._path += f"/versions/{version}"
        headers = {"Content-Type": "application/json"}
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
        self._client = self._httpx.Client(
            base_url=url,
            headers=headers,
            limits=self._httpx.Limits(
                max_connections=None, max_keepalive_connections=None
            ),
        )

    def predict(self, signature, inputs, timeout):
        """Tries a request once; returns its only output, an array."""
        body = {
            "signature_name": signature,
            "inputs": {n: _to_json(value) for n, value in inputs.items()},
        }
        path = f"{self._path}:predict"
        answer = self._call("POST", path, timeout, json.dumps(body).encode())
        try:
            return _from_json(answer["outputs"])
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise _unexpected(f"outputs without {error}") from error

    def status(self, timeout):
        """Asks for the states of the versions: dict of number to state."""
        answer = self._call("GET", self._path, timeout)
        try:
            return {
                int(entry["version"]): entry["state"]
                for entry in answer["model_version_status"]
            }
        except (KeyError, TypeError, ValueError) as error:
            raise _unexpected(f"a status without {error}") from error

    def metadata(self, timeout):
        """Asks for the signatures: dict of name to inputs' shapes."""
        answer = self._call("GET", f"{self._path}/metadata", timeout)
        try:
            signatures = answer["metadata"]["signature_def"]["signature_def"]
            return {
                name: {
                    key: [
                        int(dim["size"])
                        for dim in entry["tensor_shape"].get("dim", [])
                    ]
                    for key, entry in signature.get("inputs", {}).items()
                }
                for name, signature in signatures.items()
                if name != INITIALIZER
            }
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise _unexpected(f"metadata without {error}") from error

    def close(self):
        """Ends the connections."""
        self._client.close()

    def _call(self, method, path, timeout, body=None):
        end = time.monotonic() + timeout
        try:
            with self._client.stream(
                method, path, content=body, timeout=max(timeout, 1e-3)
            ) as response:
                content = bytearray()
                for part in response.iter_bytes():
                    content += part
                    if time.monotonic() > end:
                        raise self._httpx.ReadTimeout("The answer is slow")
        except self._httpx.TimeoutException as raised:
            raise ServingError(
                "DEADLINE_EXCEEDED", f"No answer within {timeout:.3g} seconds."
            ) from raised
        except self._httpx.TransportError as raised:
            text = _sentence(str(raised), type(raised).__name__)
            raise TryAgain(ServingError("UNAVAILABLE", text)) from raised
        except RuntimeError as raised:
            # A client that was closed meanwhile.
            raise ServingError("CANCELLED", f"{raised}") from raised
        try:
            answer = json.loads(bytes(content))
        except ValueError:
            answer = None
        if response.status_code != 200:
            self._raise(response, answer, bytes(content))
        if not isinstance(answer, dict):
            raise _unexpected("a body that is not a JSON object")
        return answer

    def _raise(self, response, answer, content):
        status = response.status_code
        code = HTTP_CODES.get(status, "UNKNOWN")
        text = content.decode("utf-8", "replace")
        if isinstance(answer, dict) and "error" in answer:
            text = str(answer["error"])
        message = _sentence(text, response.reason_phrase)
        error = ServingError(code, f"{message} (HTTP {status})")
        if code in RETRIED_CODES:
            raise TryAgain(error, _seconds(response.headers.get("Retry-After")))
        raise error


def _import(name):
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise ImportError(
            f"The client needs `{name}`, which cannot be imported ({error}). "
            "Install it with `pip install 'keras-comic[serving]'`."
        ) from error


def _sentence(text, otherwise):
    return text.strip()[:ERROR_CHARACTERS] or otherwise


def _unexpected(received):
    return ServingError(
        "INTERNAL",
        "The server's answer is not that of TensorFlow Serving with a model "
        f"that `keras-comic export` wrote. Received: {received}",
    )


def _seconds(text):
    """Returns the seconds in a header `Retry-After`; a date counts as none."""
    try:
        return max(0.0, float(text or 0))
    except ValueError:
        return 0.0


def _to_json(array):
    if array.dtype.kind == "O":
        return [{"b64": base64.b64encode(text).decode()} for text in array]
    return array.tolist()


def _from_json(values):
    """Returns the strings of an output: base64, or text."""
    texts = np.empty(len(values), "object")
    for number, text in enumerate(values):
        if isinstance(text, dict):
            texts[number] = base64.b64decode(text["b64"], validate=True)
        else:
            texts[number] = text.encode()
    return texts
