import io
import json
import time

import grpc
import tensorflow as tf
from tensorflow_serving.apis import get_model_status_pb2
from tensorflow_serving.apis import model_service_pb2_grpc
from tensorflow_serving.apis import predict_pb2
from tensorflow_serving.apis import prediction_service_pb2_grpc

from keras_comic.serving.request_log import json_logging
from tests.serving.rest_servers import start_server
from tests.test_case import TestCase


class GRPCLogTest(TestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.server, cls.client = start_server(cls, grpc_port=0)
        cls.channel = grpc.insecure_channel(f"127.0.0.1:{cls.server.grpc_port}")
        cls.addClassCleanup(cls.channel.close)

    def setUp(self):
        super().setUp()
        self.stream = io.StringIO()
        self.enterContext(json_logging(self.stream))

    def line(self):
        end = time.monotonic() + 10
        while not self.stream.getvalue().endswith("\n"):
            self.assertLess(time.monotonic(), end)
            time.sleep(0.01)
        return json.loads(self.stream.getvalue())

    def request(self, values, signature="half_plus"):
        request = predict_pb2.PredictRequest()
        request.model_spec.name = "comic"
        request.model_spec.signature_name = signature
        request.inputs["x"].CopyFrom(tf.make_tensor_proto(values, tf.float32))
        return request

    def test_predict(self):
        stub = prediction_service_pb2_grpc.PredictionServiceStub(self.channel)
        request = self.request([1.0, 2.0])
        response, call = stub.Predict.with_call(
            request, 30, metadata=[("x-request-id", "mine")]
        )
        self.assertIn(("x-request-id", "mine"), call.trailing_metadata())
        line = self.line()
        self.assertGreaterEqual(line.pop("milliseconds"), 0)
        line.pop("time")
        self.assertEqual(
            line,
            {
                "level": "INFO",
                "logger": "keras_comic.serving",
                "message": "request",
                "request_id": "mine",
                "api": "grpc",
                "method": "predict",
                "model": "comic",
                "version": 1,
                "signature": "half_plus",
                "status": "OK",
                "request_bytes": request.ByteSize(),
                "response_bytes": response.ByteSize(),
                "batch_size": 2,
            },
        )

    def test_error(self):
        stub = prediction_service_pb2_grpc.PredictionServiceStub(self.channel)
        with self.assertRaises(grpc.RpcError) as raised:
            stub.Predict(self.request([1.0], "unknown"), 30)
        self.assertEqual(
            raised.exception.code(), grpc.StatusCode.FAILED_PRECONDITION
        )
        line = self.line()
        self.assertEqual(line["status"], "FAILED_PRECONDITION")
        self.assertEqual(line["error"], raised.exception.details())
        self.assertIsNone(line["batch_size"])
        page = self.client.get("/metrics").text
        self.assertIn(
            'keras_comic_requests_total{api="grpc",method="predict",'
            'model="comic",signature="",status="FAILED_PRECONDITION",'
            'version=""} 1.0',
            page,
        )

    def test_status(self):
        stub = model_service_pb2_grpc.ModelServiceStub(self.channel)
        request = get_model_status_pb2.GetModelStatusRequest()
        request.model_spec.name = "comic"
        stub.GetModelStatus(request, 30)
        line = self.line()
        self.assertEqual(line["method"], "getmodelstatus")
        self.assertEqual(line["status"], "OK")
