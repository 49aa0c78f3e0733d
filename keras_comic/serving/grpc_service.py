"""TensorFlow Serving's gRPC services, on a repository of models."""

import contextlib
import hmac
import logging
import threading
import time
from concurrent import futures

import grpc
import tensorflow as tf
from tensorflow.core.protobuf import error_codes_pb2
from tensorflow_serving.apis import get_model_metadata_pb2
from tensorflow_serving.apis import get_model_status_pb2
from tensorflow_serving.apis import model_service_pb2_grpc
from tensorflow_serving.apis import predict_pb2
from tensorflow_serving.apis import prediction_service_pb2_grpc

from keras_comic.serving.errors import ServingError
from keras_comic.serving.errors import as_serving_error
from keras_comic.serving.grpc_tensors import read_tensor
from keras_comic.serving.grpc_tensors import write_tensor
from keras_comic.serving.request_body import ByteBudget

DEFAULT_SIGNATURE = "serving_default"
SIGNATURE_FIELD = "signature_def"
# A photo of 4,096 by 4,096 pixels takes 48 MiB.
MAX_MESSAGE_BYTES = 2**26
MAX_TOTAL_BYTES = 2**28
ONLY_PREDICT = (
    "This server answers Predict, GetModelMetadata and GetModelStatus: its "
    "models turn images into images, which {} has no form for."
)
NO_RELOAD = (
    "This server finds new versions in the folders of its models by itself; "
    "it does not take another configuration while it runs."
)

LOGGER = logging.getLogger("keras_comic.serving")


def grpc_server_options(max_message_bytes=MAX_MESSAGE_BYTES):
    """Options for `grpc.server`, so that messages are bounded both ways."""
    return [
        ("grpc.max_receive_message_length", max_message_bytes),
        ("grpc.max_send_message_length", max_message_bytes),
        # A second server on the port is an error, not a share of requests.
        ("grpc.so_reuseport", 0),
    ]


def add_prediction_service(
    grpc_server,
    repository,
    token=None,
    max_message_bytes=MAX_MESSAGE_BYTES,
    max_total_bytes=MAX_TOTAL_BYTES,
):
    """Adds TensorFlow Serving's services to a gRPC server."""
    answers = _Answers(repository, token, max_message_bytes, max_total_bytes)
    prediction_service_pb2_grpc.add_PredictionServiceServicer_to_server(
        _PredictionService(answers), grpc_server
    )
    model_service_pb2_grpc.add_ModelServiceServicer_to_server(
        _ModelService(answers), grpc_server
    )


class _PredictionService(prediction_service_pb2_grpc.PredictionServiceServicer):
    def __init__(self, answers):
        self._answers = answers

    def Predict(self, request, context):
        return self._answers.give("Predict", request, context)

    def GetModelMetadata(self, request, context):
        return self._answers.give("GetModelMetadata", request, context)

    def Classify(self, request, context):
        return self._answers.give("Classify", request, context)

    def Regress(self, request, context):
        return self._answers.give("Regress", request, context)

    def MultiInference(self, request, context):
        return self._answers.give("MultiInference", request, context)


class _ModelService(model_service_pb2_grpc.ModelServiceServicer):
    def __init__(self, answers):
        self._answers = answers

    def GetModelStatus(self, request, context):
        return self._answers.give("GetModelStatus", request, context)

    def HandleReloadConfigRequest(self, request, context):
        return self._answers.give("HandleReloadConfigRequest", request, context)


@contextlib.contextmanager
def _account(budget, context):
    """Of one call: what it takes is given back once nobody holds it."""
    account = contextlib.ExitStack()
    take = account.enter_context(budget.account())
    lock = threading.Lock()
    holders = 2

    def leave():
        nonlocal holders
        with lock:
            holders -= 1
            if holders:
                return
        account.close()

    if not context.add_callback(leave):
        leave()
    try:
        yield take
    finally:
        leave()


class _Answers:
    """Answers requests, and turns what goes wrong into a status."""

    def __init__(self, repository, token, max_message_bytes, max_total_bytes):
        self._repository = repository
        self._token = token
        self._max_bytes = max_message_bytes
        self._budget = ByteBudget(max_total_bytes)
        self._methods = {
            "Predict": self._predict,
            "GetModelMetadata": self._metadata,
            "GetModelStatus": self._status,
        }

    def give(self, method, request, context):
        try:
            self._authorize(context)
            if method not in self._methods:
                raise _unimplemented(method)
            with _account(self._budget, context) as take:
                take(request.ByteSize())
                response = self._methods[method](request, context)
                # It is computed already; others have to wait until it is read.
                take(response.ByteSize(), force=True)
                return response
        except Exception as raised:
            error = as_serving_error(raised)
            if error.code == "INTERNAL":
                LOGGER.error("%s has failed", method, exc_info=raised)
        # It raises what gRPC waits for.
        context.abort(grpc.StatusCode[error.code], str(error))

    def _authorize(self, context):
        if self._token is None:
            return
        found = dict(context.invocation_metadata()).get("authorization", "")
        wanted = f"Bearer {self._token}"
        if not hmac.compare_digest(_to_bytes(found), wanted.encode()):
            raise ServingError(
                "UNAUTHENTICATED",
                "The metadata must hold `authorization: Bearer TOKEN`, with "
                "the server's token.",
            )

    def _find(self, request):
        """The servable that a request names."""
        _check_spec(request)
        spec = request.model_spec
        if not spec.name:
            raise _invalid("ModelSpec has no name specified.")
        return self._repository.find(spec.name, **_version_of(spec))

    def _predict(self, request, context):
        remaining = context.time_remaining()
        deadline = None
        # Without a deadline, what remains is more than a thread can wait.
        if remaining is not None and remaining < threading.TIMEOUT_MAX:
            deadline = time.monotonic() + remaining
        servable = self._find(request)
        name = request.model_spec.signature_name or DEFAULT_SIGNATURE
        if name not in servable.signatures:
            raise ServingError(
                "FAILED_PRECONDITION",
                f'Serving signature key "{name}" not found.',
            )
        signature = servable.signatures[name]
        inputs = self._read_inputs(request, signature)
        wanted = _wanted_outputs(request.output_filter, signature)

        future = servable.predict(name, inputs, deadline=deadline)
        if not context.add_callback(future.cancel):
            future.cancel()
        try:
            left = deadline and max(0.0, deadline - time.monotonic())
            outputs = future.result(left)
        except futures.TimeoutError as error:
            future.cancel()
            raise ServingError(
                "DEADLINE_EXCEEDED",
                "The deadline passed before there was an answer.",
            ) from error
        except futures.CancelledError as error:
            raise ServingError(
                "CANCELLED", "The client does not wait any longer."
            ) from error
        response = predict_pb2.PredictResponse()
        _fill_spec(response.model_spec, servable)
        response.model_spec.signature_name = name
        for output in wanted:
            response.outputs[output].CopyFrom(write_tensor(outputs[output]))
        return response

    def _read_inputs(self, request, signature):
        """Arrays; whether they fit the signature is for the servable."""
        inputs, left = {}, self._max_bytes
        for name, proto in request.inputs.items():
            info = signature.inputs.get(name)
            if info and proto.dtype != info.dtype.as_datatype_enum:
                number = sorted(signature.inputs).index(name)
                raise _invalid(
                    f"Expects arg[{number}] to be {info.dtype.name} but "
                    f"{_type_name(proto.dtype)} is provided: {name}"
                )
            try:
                inputs[name] = read_tensor(proto, left)
            except ValueError as error:
                raise _invalid(
                    f"tensor parsing error: {name}. {error}"
                ) from error
            left -= inputs[name].nbytes
        return inputs

    def _metadata(self, request, context):
        _check_spec(request)
        if not request.metadata_field:
            raise _invalid(
                "GetModelMetadataRequest must specify at least one "
                "metadata_field"
            )
        for field in request.metadata_field:
            if field != SIGNATURE_FIELD:
                raise _invalid(f"Metadata field {field} is not supported")
        servable = self._find(request)
        response = get_model_metadata_pb2.GetModelMetadataResponse()
        _fill_spec(response.model_spec, servable)
        found = get_model_metadata_pb2.SignatureDefMap()
        for name, definition in servable.signature_defs.items():
            found.signature_def[name].CopyFrom(definition)
        response.metadata[SIGNATURE_FIELD].Pack(found)
        return response

    def _status(self, request, context):
        _check_spec(request)
        spec = request.model_spec
        found = self._repository.status(spec.name, **_version_of(spec))
        response = get_model_status_pb2.GetModelStatusResponse()
        states = get_model_status_pb2.ModelVersionStatus.State
        for number, state, error in found:
            entry = response.model_version_status.add(
                version=number, state=states.Value(state)
            )
            if error is not None:
                code = error_codes_pb2.Code.Value(error.code)
                entry.status.error_code = code
                entry.status.error_message = str(error)
        return response


def _check_spec(request):
    if not request.HasField("model_spec"):
        raise _invalid("Missing ModelSpec")


def _version_of(spec):
    choice = spec.WhichOneof("version_choice")
    return {
        "version": spec.version.value if choice == "version" else None,
        "label": spec.version_label if choice == "version_label" else None,
    }


def _fill_spec(spec, servable):
    spec.name = servable.name
    spec.version.value = servable.version


def _wanted_outputs(output_filter, signature):
    """Names of the outputs that are sent; all, if there is no filter."""
    seen = set()
    for name in output_filter:
        if name not in signature.outputs:
            raise _invalid(
                f"output tensor alias not found in signature: {name} Outputs "
                f"expected to be in the set {_braced(signature.outputs)}."
            )
        if name in seen:
            raise _invalid(f"duplicate output tensor alias: {name}")
        seen.add(name)
    return sorted(seen or signature.outputs)


def _unimplemented(method):
    if method == "HandleReloadConfigRequest":
        return ServingError("UNIMPLEMENTED", NO_RELOAD)
    return ServingError("UNIMPLEMENTED", ONLY_PREDICT.format(method))


def _invalid(message):
    return ServingError("INVALID_ARGUMENT", message)


def _to_bytes(value):
    return value if isinstance(value, bytes) else value.encode()


def _braced(names):
    return "{" + ",".join(sorted(names)) + "}"


def _type_name(number):
    try:
        return tf.as_dtype(number).name
    except TypeError:
        return "invalid"
