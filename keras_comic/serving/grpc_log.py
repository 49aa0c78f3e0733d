"""Logs and metrics of gRPC requests."""

import time

import grpc

from keras_comic.serving.request_log import RequestRecord
from keras_comic.serving.request_log import log_request
from keras_comic.serving.request_log import make_request_id
from keras_comic.serving.servable import LAST_PREDICTION

REQUEST_ID = "x-request-id"


class LoggingInterceptor(grpc.ServerInterceptor):
    """Writes the line of each request in the log, and counts it."""

    def __init__(self, metrics):
        self._metrics = metrics
        self._in_flight = metrics.in_flight.labels("grpc")
        # By their methods, of which there are a few.
        self._wrapped = {}

    def intercept_service(self, continuation, handler_call_details):
        """Wraps the method that answers; gRPC calls it."""
        wrapped = self._wrapped.get(handler_call_details.method)
        if wrapped is not None:
            return wrapped
        handler = continuation(handler_call_details)
        if handler is None or handler.unary_unary is None:
            return handler
        method = handler_call_details.method.rpartition("/")[2]

        def answer(request, context):
            return self._answer(handler.unary_unary, method, request, context)

        wrapped = grpc.unary_unary_rpc_method_handler(
            answer,
            request_deserializer=handler.request_deserializer,
            response_serializer=handler.response_serializer,
        )
        self._wrapped[handler_call_details.method] = wrapped
        return wrapped

    def _answer(self, behavior, method, request, context):
        start = time.monotonic()
        wanted = next(
            (v for k, v in context.invocation_metadata() if k == REQUEST_ID),
            None,
        )
        record = RequestRecord(
            "grpc",
            method.lower(),
            make_request_id(wanted if isinstance(wanted, str) else None),
            request_bytes=request.ByteSize(),
        )
        spec = getattr(request, "model_spec", None)
        record.model = "" if spec is None else spec.name
        record.signature = "" if spec is None else spec.signature_name
        LAST_PREDICTION.set(None)
        self._in_flight.inc()
        # It goes with the answer: metadata before it is a packet more.
        context.set_trailing_metadata(((REQUEST_ID, record.request_id),))
        try:
            response = behavior(request, context)
            record.response_bytes = response.ByteSize()
            spec = getattr(response, "model_spec", None)
            if spec is not None and spec.HasField("version"):
                record.version = spec.version.value
                record.signature = spec.signature_name
            return response
        except BaseException:
            code = context.code()
            record.status = "UNKNOWN" if code is None else code.name
            details = context.details() or ""
            record.error = (
                details if isinstance(details, str) else details.decode()
            )
            raise
        finally:
            self._in_flight.dec()
            prediction = LAST_PREDICTION.get()
            if prediction is not None:
                record.batch_size = prediction.batch_size
            record.seconds = time.monotonic() - start
            self._metrics.observe(record)
            log_request(record)
