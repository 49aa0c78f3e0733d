"""Requests to a TensorFlow Serving API, over gRPC or over HTTP."""

import base64
import datetime
import email.utils
import importlib
import time
import urllib.parse
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from keras_comic.serving.errors import HTTP_STATUS
from keras_comic.serving.errors import ServingError
from keras_comic.serving.retries import TryAgain
from keras_comic.serving.servable import Signature
from keras_comic.serving.servable import TensorInfo

GRPC_PORT = 8500
# Codes of a server that may answer later, and what else says that a
# connection was lost.
RETRIED_CODES = ("UNAVAILABLE", "RESOURCE_EXHAUSTED")
LOST_CONNECTION = ("RST_STREAM", "Connection reset", "GOAWAY")
# No server takes this message later either.
TOO_LARGE = "larger than max"
# What a status of HTTP says where the body does not.
HTTP_CODES = {
    **{status: code for code, status in reversed(HTTP_STATUS.items())},
    400: "INVALID_ARGUMENT",
    405: "UNIMPLEMENTED",
    408: "DEADLINE_EXCEEDED",
    412: "FAILED_PRECONDITION",
    413: "INVALID_ARGUMENT",
    415: "INVALID_ARGUMENT",
    422: "INVALID_ARGUMENT",
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
# What every SavedModel has and nobody asks for.
INITIALIZER = "__saved_model_init_op"


class VersionStatus(NamedTuple):
    """State of a version of a model."""

    version: int
    state: str
    error: str | None


def open_transport(address, model, version, token):
    """Opens what carries requests to one model of a server."""
    url = address if "://" in str(address) else f"grpc://{address}"
    parts = urllib.parse.urlsplit(url)
    is_grpc = parts.scheme in ("grpc", "grpcs")
    try:
        port = parts.port
    except ValueError:
        port = -1
    known = is_grpc or parts.scheme in ("http", "https")
    extra = parts.query or parts.fragment or parts.username
    if is_grpc:
        extra = extra or parts.path.strip("/")
    if not known or not parts.hostname or port == -1 or extra:
        raise ValueError(
            "`address` must be 'host:port', 'grpc://host:port', "
            "'grpcs://host:port', 'http://host:port' or 'https://host:port'. "
            f"Received: address={address!r}"
        )
    if not is_grpc:
        return RestTransport(url, model, version, token)
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    target = f"{host}:{port or GRPC_PORT}"
    is_secure = parts.scheme == "grpcs"
    return GrpcTransport(target, is_secure, model, version, token)


class GrpcTransport:
    """Requests to PredictionService and ModelService."""

    # Arrays are sent as they are.
    packs_arrays = True
    bytes_per_value = 1

    def __init__(self, target, is_secure, model, version, token):
        self._grpc = _import("grpc")
        apis = "tensorflow_serving.apis."
        self._tensors = importlib.import_module(
            "keras_comic.serving.grpc_tensors"
        )
        self._predict_messages = _import(apis + "predict_pb2")
        self._metadata_messages = _import(apis + "get_model_metadata_pb2")
        self._status_messages = _import(apis + "get_model_status_pb2")
        self._specs = _import(apis + "model_pb2")
        self._model_name = model
        self._version = version
        self._metadata = ()
        if token is not None:
            self._metadata = (("authorization", f"Bearer {token}"),)
        if is_secure:
            self._channel = self._grpc.secure_channel(
                target, self._grpc.ssl_channel_credentials(), GRPC_OPTIONS
            )
        else:
            self._channel = self._grpc.insecure_channel(target, GRPC_OPTIONS)
        services = _import(apis + "prediction_service_pb2_grpc")
        self._prediction = services.PredictionServiceStub(self._channel)
        services = _import(apis + "model_service_pb2_grpc")
        self._model = services.ModelServiceStub(self._channel)

    def _spec(self, version=None, signature=""):
        spec = self._specs.ModelSpec(
            name=self._model_name, signature_name=signature
        )
        version = self._version if version is None else version
        if isinstance(version, str):
            spec.version_label = version
        elif version is not None:
            spec.version.value = version
        return spec

    def predict(self, signature, inputs, output, version, timeout):
        """One try of a request."""
        request = self._predict_messages.PredictRequest(
            model_spec=self._spec(version, signature),
            inputs={
                name: self._tensors.write_tensor(array)
                for name, array in inputs.items()
            },
            output_filter=[output[0]],
        )
        response = self._call(self._prediction.Predict, request, timeout)
        if output[0] not in response.outputs:
            raise _not_expected(f"no output {output[0]!r}")
        try:
            array = self._tensors.read_tensor(response.outputs[output[0]])
        except ValueError as error:
            raise _not_expected(str(error)) from error
        if array.dtype != output[1]:
            raise _not_expected(f"{output[0]} of type {array.dtype}")
        return array

    def status(self, timeout):
        """Asks for the states of the versions."""
        # TensorFlow Serving gives all versions for a label.
        request = self._status_messages.GetModelStatusRequest(
            model_spec=self._spec()
        )
        response = self._call(self._model.GetModelStatus, request, timeout)
        states = self._status_messages.ModelVersionStatus.State
        return [
            VersionStatus(
                found.version,
                states.Name(found.state),
                found.status.error_message or None,
            )
            for found in response.model_version_status
        ]

    def metadata(self, timeout):
        """Asks for the signatures."""
        request = self._metadata_messages.GetModelMetadataRequest(
            model_spec=self._spec(), metadata_field=["signature_def"]
        )
        response = self._call(
            self._prediction.GetModelMetadata, request, timeout
        )
        found = self._metadata_messages.SignatureDefMap()
        if not response.metadata["signature_def"].Unpack(found):
            raise _not_expected("metadata without signatures")
        return response.model_spec.version.value, {
            name: Signature(*map(_tensor_infos, (s.inputs, s.outputs)))
            for name, s in found.signature_def.items()
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
            # What this client cancels itself, it asks for no more.
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

    # An array is text of up to four characters a value.
    packs_arrays = False
    bytes_per_value = 4

    def __init__(self, url, model, version, token):
        self._httpx = _import("httpx")
        self._orjson = _import("orjson")
        self._model = f"/v1/models/{urllib.parse.quote(model, safe='')}"
        self._version = version
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

    def _path(self, version=None):
        version = self._version if version is None else version
        if isinstance(version, str):
            label = urllib.parse.quote(version, safe="")
            return f"{self._model}/labels/{label}"
        return self._model + ("" if version is None else f"/versions/{version}")

    def predict(self, signature, inputs, output, version, timeout):
        """As `GrpcTransport.predict`."""
        body = {
            "signature_name": signature,
            "inputs": {n: _to_json(array) for n, array in inputs.items()},
        }
        response = self._call(
            "POST",
            f"{self._path(version)}:predict",
            timeout,
            self._orjson.dumps(body, option=self._orjson.OPT_SERIALIZE_NUMPY),
        )
        found = response.get("outputs")
        # A signature of one output gives it without its name.
        if isinstance(found, dict) and output[0] in found:
            found = found[output[0]]
        try:
            return _from_json(found, output[1])
        except (
            AttributeError,
            KeyError,
            OverflowError,
            TypeError,
            ValueError,
        ) as error:
            raise _not_expected(f"{output[0]}: {error}") from error

    def status(self, timeout):
        """As `GrpcTransport.status`."""
        response = self._call("GET", self._path(), timeout)
        try:
            return [
                VersionStatus(
                    int(found["version"]),
                    found["state"],
                    found.get("status", {}).get("error_message") or None,
                )
                for found in response["model_version_status"]
            ]
        except (KeyError, TypeError, ValueError) as error:
            raise _not_expected(f"a status without {error}") from error

    def metadata(self, timeout):
        """As `GrpcTransport.metadata`."""
        response = self._call("GET", f"{self._path()}/metadata", timeout)
        try:
            version = int(response["model_spec"]["version"])
            found = response["metadata"]["signature_def"]["signature_def"]
            return version, {
                name: Signature(
                    _json_infos(s.get("inputs", {})),
                    _json_infos(s.get("outputs", {})),
                )
                for name, s in found.items()
                if name != INITIALIZER
            }
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise _not_expected(f"metadata without {error}") from error

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
                "DEADLINE_EXCEEDED",
                f"No answer within {timeout:.3g} seconds.",
            ) from raised
        except self._httpx.TransportError as raised:
            text = _sentence(str(raised), type(raised).__name__)
            raise TryAgain(ServingError("UNAVAILABLE", text)) from raised
        except RuntimeError as raised:
            # A client that was closed meanwhile.
            raise ServingError("CANCELLED", f"{raised}") from raised
        try:
            answer = self._orjson.loads(bytes(content))
        except ValueError:
            answer = None
        if response.status_code != 200:
            self._raise(response, answer, bytes(content))
        if not isinstance(answer, dict):
            raise _not_expected("a body that is not a JSON object")
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
            after = _seconds(response.headers.get("Retry-After"))
            raise TryAgain(error, after)
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


def _not_expected(what):
    return ServingError(
        "INTERNAL",
        "The server's answer is not that of TensorFlow Serving with a model "
        f"that `keras-comic export` wrote. Received: {what}",
    )


def _seconds(text):
    """Of a header `Retry-After`: a number of seconds, or a date."""
    if not text:
        return 0.0
    try:
        return max(0.0, float(text))
    except ValueError:
        pass
    try:
        then = email.utils.parsedate_to_datetime(text)
    except ValueError:
        return 0.0
    if then.tzinfo is None:
        then = then.replace(tzinfo=datetime.UTC)
    now = datetime.datetime.now(datetime.UTC)
    return max(0.0, (then - now).total_seconds())


def _to_json(array):
    if array.dtype.kind == "O":
        return [{"b64": base64.b64encode(text).decode()} for text in array]
    return np.ascontiguousarray(array)


def _from_json(value, dtype):
    if not isinstance(value, list):
        raise ValueError(f"an output of type {type(value).__name__}")
    if np.dtype(dtype).kind != "O":
        return np.array(value, dtype)
    texts = np.empty(len(value), "object")
    for number, text in enumerate(value):
        if isinstance(text, dict):
            texts[number] = base64.b64decode(text["b64"], validate=True)
        else:
            texts[number] = text.encode()
    return texts


def _tensor_infos(messages):
    return {
        name: TensorInfo(
            tf.as_dtype(found.dtype), tf.TensorShape(found.tensor_shape)
        )
        for name, found in messages.items()
    }


def _json_infos(entries):
    infos = {}
    for name, found in entries.items():
        shape = found["tensor_shape"]
        sides = None
        if not shape.get("unknown_rank"):
            sizes = [int(dim["size"]) for dim in shape.get("dim", [])]
            sides = [None if size < 0 else size for size in sizes]
        dtype = tf.as_dtype(found["dtype"].removeprefix("DT_").lower())
        infos[name] = TensorInfo(dtype, tf.TensorShape(sides))
    return infos
