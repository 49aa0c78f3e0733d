"""Logs and metrics of gRPC requests."""

import time

import grpc

from keras_comic.serving.request_log import RequestRecord
from keras_comic.serving.request_log import log_request
from keras_comic.serving.request_log import make_request_id
from keras_comic.serving.servable import LAST_PREDICTION

REQUEST_ID = "x-request-id"


class LoggingInterceptor(grpc.ServerInterceptor):
    """Writes the line of each request in the log, and counts it.

    Args:
        metrics: `ServerMetrics`.
    """

    def __init__(self, metrics):
        self._metrics = metrics

    def intercept_service(self, continuation, handler_call_details):
        """Wraps the method that answers; gRPC calls it."""
        handler = continuation(handler_call_details)
        if handler is None or handler.unary_unary is None:
            return handler
        method = handler_call_details.method.rpartition("/")[2]
        sent = dict(handler_call_details.invocation_metadata)

        def answer(request, context):
            return self._answer(
                handler.unary_unary, method, sent, request, context
            )

        return grpc.unary_unary_rpc_method_handler(
            answer,
            request_deserializer=handler.request_deserializer,
            response_serializer=handler.response_serializer,
        )

    def _answer(self, behavior, method, sent, request, context):
        start = time.monotonic()
        wanted = sent.get(REQUEST_ID)
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
        in_flight = self._metrics.in_flight.labels("grpc")
        in_flight.inc()
        try:
            context.send_initial_metadata(((REQUEST_ID, record.request_id),))
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
            in_flight.dec()
            prediction = LAST_PREDICTION.get()
            if prediction is not None:
                record.batch_size = prediction.batch_size
            record.seconds = time.monotonic() - start
            self._metrics.observe(record)
            log_request(record)
