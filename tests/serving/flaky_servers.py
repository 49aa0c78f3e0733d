"""Other servers, which do not always answer: peers for tests of the client.

They speak TensorFlow Serving's two protocols for a model `comic`, and have
nothing of this project's own server.
"""

import base64
import collections
import functools
import http.server
import json
import pathlib
import re
import socket
import ssl
import struct
import threading
import time
from concurrent import futures

import grpc
import numpy as np
import tensorflow as tf
from tensorflow_serving.apis import get_model_metadata_pb2
from tensorflow_serving.apis import get_model_status_pb2
from tensorflow_serving.apis import model_service_pb2_grpc
from tensorflow_serving.apis import predict_pb2
from tensorflow_serving.apis import prediction_service_pb2_grpc

from keras_comic.serving.errors import ServingError
from keras_comic.serving.servable import Servable
from tests.export.small_models import served_folder

# A failure in place of an answer. `status` is one of HTTP, and
# `code` one of gRPC.
Failure = collections.namedtuple(
    "Failure",
    ["status", "code", "headers", "message", "seconds"],
    defaults=[{}, "Not now.", 0.0],
)
BUSY = Failure(429, "RESOURCE_EXHAUSTED")
GONE = Failure(503, "UNAVAILABLE")
BAD = Failure(400, "INVALID_ARGUMENT", {}, "Bad input.")
# The connection is broken, over HTTP.
LOST = Failure(None, "UNAVAILABLE")
SLOW = Failure(None, None, seconds=1.5)


@functools.cache
def small_servable(family):
    """A family's SavedModel, loaded once in a process."""
    return Servable("comic", served_folder(family))


class FlakyModel:
    """A SavedModel of a tiny family, whose requests may fail.

    Attributes:
        failures: What the next requests meet, one after the other.
        calls: List of the paths or methods of all requests.
        requests: List of (signature, inputs) that were answered.
        token: String, or `None`; what a request must carry.
        state: String, that of the only version.
        seconds: Float, how long an answer takes at least.
    """

    def __init__(self, family):
        self.servable = small_servable(family)
        self.failures = []
        self.calls = []
        self.requests = []
        self.token = None
        self.version = 1
        self.state = "AVAILABLE"
        self.seconds = 0.0
        self.is_stopped = False
        self.num_running = self.most_running = 0
        # Over HTTP.
        self.num_connections = 0
        self._lock = threading.Lock()

    @property
    def predictions(self):
        """Integer. How many requests for comics have come."""
        return sum("redict" in call for call in self.calls)

    def meet(self, call, authorization):
        """Returns the failure of the next request, or `None`."""
        with self._lock:
            self.calls.append(call)
            if self.token and authorization != f"Bearer {self.token}":
                return Failure(401, "UNAUTHENTICATED", {}, "No token.")
            return self.failures.pop(0) if self.failures else None

    def answer(self, signature, inputs):
        """Name and array of the output."""
        with self._lock:
            self.requests.append((signature, inputs))
            self.num_running += 1
            self.most_running = max(self.most_running, self.num_running)
        try:
            time.sleep(self.seconds)
            outputs = self.servable.predict(signature, inputs).result()
            ((name, output),) = outputs.items()
            return name, output
        finally:
            with self._lock:
                self.num_running -= 1


def start_flaky_server(test, protocol, family="painter", port=0, files=None):
    """Starts a peer, which ends with the test.

    Args:
        test: The test case.
        protocol: `"grpc"` or `"http"`.
        family: String, one of `tests.export.small_models`.
        port: Integer, or `0` for a free one.
        files: Paths of a key and its certificate, to encrypt, or `None`.

    Returns:
        `FlakyModel`, the address, and a function that ends the server now.
    """
    model = FlakyModel(family)
    start = _start_http if protocol == "http" else _start_grpc
    address, stop = start(model, port, files)
    test.addCleanup(stop)
    return model, address, stop


# HTTP.


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    model = None

    def do_GET(self):
        self._handle(b"")

    def do_POST(self):
        self._handle(self.rfile.read(int(self.headers["Content-Length"])))

    def log_message(self, *args):
        pass

    def _handle(self, body):
        if self.model.is_stopped:
            self._reset()
            return
        failure = self.model.meet(self.path, self.headers["Authorization"])
        if failure is not None:
            time.sleep(failure.seconds)
            if failure.status is not None:
                content = {"error": failure.message}
                self._send(failure.status, content, failure.headers)
                return
            if not failure.seconds:
                self._reset()
                return
        match = re.fullmatch(
            r"/v1/models/comic(?:/versions/(\d+)|/labels/(\w+))?"
            "(/metadata|:predict)?",
            self.path,
        )
        if not match or (match[1] and int(match[1]) != self.model.version):
            self._send(404, {"error": "Servable not found for request"})
        elif match[3] == ":predict":
            self._predict(json.loads(body))
        elif match[3]:
            self._send(200, self._metadata())
        else:
            status = {"error_code": "OK", "error_message": ""}
            version = {
                "version": str(self.model.version),
                "state": self.model.state,
                "status": status,
            }
            self._send(200, {"model_version_status": [version]})

    def _reset(self):
        self.connection.setsockopt(
            socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)
        )
        self.close_connection = True
        self.connection.close()

    def _predict(self, request):
        signature = request["signature_name"]
        infos = self.model.servable.signatures[signature].inputs
        inputs = {}
        for name, value in request["inputs"].items():
            if infos[name].dtype == tf.string:
                files = [base64.b64decode(entry["b64"]) for entry in value]
                inputs[name] = np.array(files, object)
            else:
                dtype = infos[name].dtype.as_numpy_dtype
                inputs[name] = np.array(value, dtype)
        try:
            name, output = self.model.answer(signature, inputs)
        except ServingError as error:
            self._send(error.http_status, {"error": str(error)})
            return
        if name.endswith("_bytes"):
            output = [{"b64": base64.b64encode(t).decode()} for t in output]
        else:
            output = [text.decode() for text in output]
        self._send(200, {"outputs": output})

    def _metadata(self):
        def infos(entries):
            return {
                name: {
                    "dtype": "DT_" + info.dtype.name.upper(),
                    "tensor_shape": {
                        "dim": [
                            {"size": str(-1 if side is None else side)}
                            for side in info.shape
                        ],
                        "unknown_rank": False,
                    },
                }
                for name, info in entries.items()
            }

        found = {
            name: {"inputs": infos(entry.inputs), "outputs": {}}
            for name, entry in self.model.servable.signatures.items()
        }
        return {"metadata": {"signature_def": {"signature_def": found}}}

    def _send(self, status, content, headers=None):
        content = json.dumps(content).encode()
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


class _Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    allow_reuse_address = True

    def get_request(self):
        self.RequestHandlerClass.model.num_connections += 1
        return super().get_request()

    def handle_error(self, request, client_address):
        """A client may go away."""


def _start_http(model, port, files):
    handler = type("Handler", (_Handler,), {"model": model})
    server = _Server(("127.0.0.1", port), handler)
    if files:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(files[1], files[0])
        server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(
        target=server.serve_forever, kwargs={"poll_interval": 0.02}
    )
    thread.start()

    def stop():
        # Connections that are kept open have threads of their own.
        model.is_stopped = True
        server.shutdown()
        server.server_close()
        thread.join()

    return f"http://127.0.0.1:{server.server_port}", stop


# gRPC.


class _Service(
    prediction_service_pb2_grpc.PredictionServiceServicer,
    model_service_pb2_grpc.ModelServiceServicer,
):
    def __init__(self, model):
        self.model = model

    def _meet(self, method, request, context):
        metadata = dict(context.invocation_metadata())
        failure = self.model.meet(method, metadata.get("authorization"))
        if failure is not None:
            time.sleep(failure.seconds)
            if failure.code is not None:
                code = grpc.StatusCode[failure.code]
                context.abort(code, failure.message)
        spec = request.model_spec
        version = self.model.version
        if spec.name != "comic" or spec.version.value not in (0, version):
            context.abort(
                grpc.StatusCode.NOT_FOUND, "Servable not found for request"
            )

    def Predict(self, request, context):
        self._meet("Predict", request, context)
        inputs = {n: tf.make_ndarray(t) for n, t in request.inputs.items()}
        signature = request.model_spec.signature_name
        try:
            name, output = self.model.answer(signature, inputs)
        except ServingError as error:
            context.abort(grpc.StatusCode[error.code], str(error))
        response = predict_pb2.PredictResponse()
        response.outputs[name].CopyFrom(tf.make_tensor_proto(output))
        return response

    def GetModelMetadata(self, request, context):
        self._meet("GetModelMetadata", request, context)
        found = get_model_metadata_pb2.SignatureDefMap()
        for name, definition in self.model.servable.signature_defs.items():
            found.signature_def[name].CopyFrom(definition)
        response = get_model_metadata_pb2.GetModelMetadataResponse()
        response.metadata["signature_def"].Pack(found)
        return response

    def GetModelStatus(self, request, context):
        self._meet("GetModelStatus", request, context)
        response = get_model_status_pb2.GetModelStatusResponse()
        states = get_model_status_pb2.ModelVersionStatus.State
        response.model_version_status.add(
            version=self.model.version, state=states.Value(self.model.state)
        )
        return response


def _start_grpc(model, port, files):
    server = grpc.server(
        futures.ThreadPoolExecutor(16),
        options=[
            ("grpc.so_reuseport", 0),
            ("grpc.max_receive_message_length", 2**22),
        ],
    )
    service = _Service(model)
    prediction_service_pb2_grpc.add_PredictionServiceServicer_to_server(
        service, server
    )
    model_service_pb2_grpc.add_ModelServiceServicer_to_server(service, server)
    if files:
        contents = [pathlib.Path(path).read_bytes() for path in files]
        credentials = grpc.ssl_server_credentials([contents])
        port = server.add_secure_port(f"127.0.0.1:{port}", credentials)
    else:
        port = server.add_insecure_port(f"127.0.0.1:{port}")
    server.start()
    return f"127.0.0.1:{port}", lambda: server.stop(0).wait()
