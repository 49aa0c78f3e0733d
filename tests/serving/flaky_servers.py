"""Other servers, which do not always answer: peers for tests of the client.

They speak TensorFlow Serving's two protocols for a model `comic` whose comics
are negatives, and have nothing of this project's own server.
"""

import base64
import collections
import http.server
import io
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
from PIL import Image
from tensorflow_serving.apis import get_model_metadata_pb2
from tensorflow_serving.apis import get_model_status_pb2
from tensorflow_serving.apis import model_service_pb2_grpc
from tensorflow_serving.apis import predict_pb2
from tensorflow_serving.apis import prediction_service_pb2_grpc

# What a request may meet instead of an answer. `status` is one of HTTP, and
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

IMAGES = ("DT_UINT8", [-1, -1, -1, 3])
HOW = {"strength": ("DT_FLOAT", [-1]), "keep_color": ("DT_BOOL", [-1])}
COMICS = {"comics": IMAGES}
STRINGS = ("DT_STRING", [-1])
OF_FILES_WITH_STYLES = {
    "serving_bytes_style_image": (
        {"image_bytes": STRINGS, "style_image_bytes": STRINGS, **HOW},
        {"comic_bytes": STRINGS},
    ),
    "serving_bytes_style_weights": (
        {
            "image_bytes": STRINGS,
            "style_weights": ("DT_FLOAT", [-1, 2]),
            **HOW,
        },
        {"comic_bytes": STRINGS},
    ),
}
SIGNATURES = {
    "serving_default": ({"images": IMAGES}, COMICS),
    "serving_bytes": ({"image_bytes": STRINGS}, {"comic_bytes": STRINGS}),
    **OF_FILES_WITH_STYLES,
    "serving_style_image": (
        {"images": IMAGES, "style_images": IMAGES, **HOW},
        COMICS,
    ),
    "serving_style_weights": (
        {"images": IMAGES, "style_weights": ("DT_FLOAT", [-1, 2]), **HOW},
        COMICS,
    ),
    "style_names": (
        {"style_index": ("DT_INT32", [-1])},
        {"style_names": ("DT_STRING", [-1])},
    ),
}


class FlakyModel:
    """Negatives; the second style's are darker.

    Attributes:
        failures: What the next requests meet, one after the other.
        calls: List of the paths or methods of all requests.
        requests: List of (signature, inputs) that were answered.
        token: String, or `None`; what a request must carry.
        style_names: List of two strings.
        version: Integer; requests for others find nothing.
    """

    def __init__(self):
        self.failures = []
        self.calls = []
        self.requests = []
        self.token = None
        self.style_names = ["ink", "wash"]
        self.signatures = dict(SIGNATURES)
        self.version = 1
        self.state = "AVAILABLE"
        self.is_stopped = False
        self.num_running = self.most_running = 0
        # Over HTTP.
        self.num_connections = 0
        self._lock = threading.Lock()

    def meet(self, call, authorization):
        """What the next request meets, or `None`."""
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
            return self._answer(signature, inputs)
        finally:
            with self._lock:
                self.num_running -= 1

    def _answer(self, signature, inputs):
        if signature == "style_names":
            names = [self.style_names[k] for k in inputs["style_index"]]
            return "style_names", np.array([n.encode() for n in names], object)
        if "images" in inputs:
            comics = _negative(inputs["images"])
        else:
            comics = [_negative(unpack(f)) for f in inputs["image_bytes"]]
        if "style_weights" in inputs:
            for number, weights in enumerate(inputs["style_weights"]):
                if weights.argmax() == 1:
                    comics[number] //= 2
        if "images" in inputs:
            return "comics", comics
        found = np.empty(len(comics), object)
        found[:] = [_pack(comic) for comic in comics]
        return "comic_bytes", found


def unpack(contents):
    """Pixels of an image file."""
    return np.asarray(Image.open(io.BytesIO(contents)).convert("RGB"))


def _negative(images):
    # Those whose first value says so take their time.
    time.sleep(0.02 * float(images.flat[0] % 4))
    return 255 - images


def _pack(image):
    file = io.BytesIO()
    Image.fromarray(image).save(file, "PNG")
    return file.getvalue()


def start_flaky_server(test, protocol, port=0, files=None):
    """Starts a peer, which ends with the test.

    Args:
        test: The test case.
        protocol: `"grpc"` or `"http"`.
        port: Integer, or `0` for a free one.
        files: Paths of a key and its certificate, to encrypt, or `None`.

    Returns:
        `FlakyModel`, the address, and a function that ends the server now.
    """
    model = FlakyModel()
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
            r"(?:/prefix)?/v1/models/comic(?:/versions/(\d+)|/labels/(\w+))?"
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
        inputs = {}
        for name, value in request["inputs"].items():
            dtype = self.model.signatures[signature][0][name][0]
            if dtype == "DT_STRING":
                inputs[name] = [base64.b64decode(e["b64"]) for e in value]
            else:
                dtype = dtype.replace("DT_FLOAT", "DT_FLOAT32")
                inputs[name] = np.array(value, dtype[3:].lower())
        name, output = self.model.answer(signature, inputs)
        if name.endswith("_bytes"):
            output = [{"b64": base64.b64encode(t).decode()} for t in output]
        elif output.dtype == object:
            output = [text.decode() for text in output]
        else:
            output = output.tolist()
        self._send(200, {"outputs": output})

    def _metadata(self):
        def infos(entries):
            return {
                name: {
                    "dtype": dtype,
                    "tensor_shape": {
                        "dim": [{"size": str(s), "name": ""} for s in shape],
                        "unknown_rank": False,
                    },
                    "name": name,
                }
                for name, (dtype, shape) in entries.items()
            }

        found = {
            name: {"inputs": infos(inputs), "outputs": infos(outputs)}
            for name, (inputs, outputs) in self.model.signatures.items()
        }
        return {
            "model_spec": {
                "name": "comic",
                "signature_name": "",
                "version": str(self.model.version),
            },
            "metadata": {"signature_def": {"signature_def": found}},
        }

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
        name, output = self.model.answer(signature, inputs)
        response = predict_pb2.PredictResponse()
        proto = response.outputs[name]
        if output.dtype == np.uint8:
            # As TensorFlow Serving does.
            proto.dtype = tf.uint8.as_datatype_enum
            proto.int_val.extend(output.reshape(-1).tolist())
            for side in output.shape:
                proto.tensor_shape.dim.add(size=side)
        else:
            proto.CopyFrom(tf.make_tensor_proto(output))
        return response

    def GetModelMetadata(self, request, context):
        self._meet("GetModelMetadata", request, context)
        found = get_model_metadata_pb2.SignatureDefMap()
        for name, kinds in self.model.signatures.items():
            message = found.signature_def[name]
            for place, entries in zip(
                (message.inputs, message.outputs), kinds, strict=True
            ):
                for tensor, (dtype, shape) in entries.items():
                    place[tensor].dtype = tf.as_dtype(
                        dtype[3:].lower()
                    ).as_datatype_enum
                    for side in shape:
                        place[tensor].tensor_shape.dim.add(size=side)
        response = get_model_metadata_pb2.GetModelMetadataResponse()
        response.model_spec.name = "comic"
        response.model_spec.version.value = self.model.version
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
