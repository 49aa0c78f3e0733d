import json
import os
import signal
import subprocess
import sys
import threading
import time

import grpc
import httpx
import pytest
import tensorflow as tf
from absl.testing import parameterized
from tensorflow_serving.apis import predict_pb2
from tensorflow_serving.apis import prediction_service_pb2_grpc

from keras_comic.serving.model_repository import ModelRepository
from keras_comic.serving.server import ModelServer
from tests.serving.rest_servers import saved_model
from tests.serving.rest_servers import start_server
from tests.test_case import ROOT
from tests.test_case import TestCase

PREDICT = "/v1/models/comic:predict"
HALF = {"signature_name": "half_plus", "instances": [1]}
WAIT = {"signature_name": "wait", "instances": [0.5]}

# Serves until a signal; tells its ports on the standard output.
PROGRAM = """
import sys, threading, time
from keras_comic.serving.model_repository import ModelRepository
from keras_comic.serving.request_log import json_logging
from keras_comic.serving.server import ModelServer

repository = ModelRepository({"comic": sys.argv[1]}, poll_seconds=None)
server = ModelServer(repository, rest_port=0, grpc_port=0)

def tell():
    while not (server.rest_port and server.grpc_port):
        time.sleep(0.01)
    print(server.rest_port, server.grpc_port, flush=True)

threading.Thread(target=tell).start()
with json_logging():
    server.run(grace=float(sys.argv[2]))
print("stopped", flush=True)
"""


def _grpc_request():
    request = predict_pb2.PredictRequest()
    request.model_spec.name = "comic"
    request.model_spec.signature_name = "half_plus"
    request.inputs["x"].CopyFrom(tf.make_tensor_proto([1.0]))
    return request


class ModelServerTest(TestCase, parameterized.TestCase):
    def repository(self):
        repository = ModelRepository(
            {"comic": saved_model()}, poll_seconds=None
        )
        self.addCleanup(repository.close, 5)
        return repository

    def test_both_apis(self):
        server, client = start_server(self, grpc_port=0)
        self.assertGreater(server.rest_port, 0)
        self.assertGreater(server.grpc_port, 0)
        self.assertTrue(server.is_ready)
        self.assertEqual(
            client.post(PREDICT, json=HALF).json(), {"predictions": [2.5]}
        )
        with grpc.insecure_channel(f"127.0.0.1:{server.grpc_port}") as channel:
            stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)
            response = stub.Predict(_grpc_request(), 30)
        self.assertEqual(tf.make_ndarray(response.outputs["y"]), [2.5])

    def test_token_of_both_apis(self):
        server, client = start_server(self, grpc_port=0, token="s3cret")
        self.assertEqual(client.post(PREDICT, json=HALF).status_code, 401)
        with grpc.insecure_channel(f"127.0.0.1:{server.grpc_port}") as channel:
            stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)
            with self.assertRaises(grpc.RpcError) as raised:
                stub.Predict(_grpc_request(), 30)
            self.assertEqual(
                raised.exception.code(), grpc.StatusCode.UNAUTHENTICATED
            )
            stub.Predict(
                _grpc_request(),
                30,
                metadata=[("authorization", "Bearer s3cret")],
            )

    @parameterized.parameters("0.0.0.0", "192.0.2.1", "::", "example.org", "")
    def test_loopback_unless_told_otherwise(self, host):
        repository = self.repository()
        with self.assertRaisesRegex(ValueError, "must be loopback"):
            ModelServer(repository, host=host)
        ModelServer(repository, host=host, token="s3cret")
        ModelServer(repository, host=host, public_without_token=True)

    @parameterized.parameters("127.0.0.1", "::1", "localhost", "127.9.9.9")
    def test_loopback(self, host):
        ModelServer(self.repository(), host=host)

    def test_empty_token(self):
        with self.assertRaisesRegex(ValueError, "must not be empty"):
            ModelServer(self.repository(), token=" ")

    def test_port_that_is_taken(self):
        server, _ = start_server(self, grpc_port=0)
        for ports in (
            {"rest_port": server.rest_port, "grpc_port": None},
            {"rest_port": None, "grpc_port": server.grpc_port},
        ):
            with self.assertRaisesRegex(OSError, "cannot listen on 127.0.0.1"):
                ModelServer(self.repository(), **ports).start()

    def test_stop_answers_what_was_accepted(self):
        server, client = start_server(self, grpc_port=0)
        answers = []

        def ask():
            answers.append(client.post(PREDICT, json=WAIT))

        thread = threading.Thread(target=ask)
        thread.start()
        (servable,) = server.repository.servables()
        end = time.monotonic() + 20
        while not servable.batcher.held_requests:
            self.assertLess(time.monotonic(), end)
            time.sleep(0.001)
        server.stop(20)
        thread.join(20)
        (answer,) = answers
        self.assertEqual(answer.json(), {"predictions": [0.5]})
        self.assertEqual(answer.headers["connection"], "close")
        with self.assertRaises(httpx.ConnectError):
            httpx.get(client.base_url)
        server.stop(20)

    def test_grace_ends(self):
        server, client = start_server(self)
        thread = threading.Thread(
            target=self._ask_in_vain, args=(client, {**WAIT, "instances": [4]})
        )
        thread.start()
        (servable,) = server.repository.servables()
        end = time.monotonic() + 20
        while not servable.batcher.held_requests:
            self.assertLess(time.monotonic(), end)
            time.sleep(0.001)
        start = time.monotonic()
        server.stop(0.3)
        self.assertLess(time.monotonic() - start, 3.5)
        thread.join(20)

    def _ask_in_vain(self, client, body):
        try:
            client.post(PREDICT, json=body)
        except httpx.TransportError:
            pass

    def test_drain_delay(self):
        server, client = start_server(self)
        thread = threading.Thread(target=server.stop, args=(5, 1.0))
        thread.start()
        while not server._is_draining:
            time.sleep(0.001)
        # Whoever balances loads is told; who comes anyway is answered.
        self.assertEqual(
            httpx.get(f"{client.base_url}/readyz").status_code, 503
        )
        self.assertEqual(
            httpx.post(f"{client.base_url}{PREDICT}", json=HALF).status_code,
            200,
        )
        thread.join(20)

    def start_process(self, grace):
        process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, str(saved_model()), str(grace)],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"},
        )
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.stderr.close)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        ports = process.stdout.readline().split()
        if len(ports) != 2:
            process.kill()
            self.fail(process.stderr.read())
        lines = []
        reader = threading.Thread(target=lambda: lines.extend(process.stderr))
        reader.start()
        self.addCleanup(reader.join)
        return process, *map(int, ports), lines, reader

    @pytest.mark.slow
    def test_sigterm_under_load_loses_nothing(self):
        process, rest_port, grpc_port, lines, reader = self.start_process(20)
        url = f"http://127.0.0.1:{rest_port}{PREDICT}"
        answered, lost, refused = [], [], []
        stop = threading.Event()

        def ask_rest(number, keeps_connection):
            client = httpx.Client(timeout=30)
            count = 0
            while not stop.is_set():
                if not keeps_connection:
                    client.close()
                    client = httpx.Client(timeout=30)
                count += 1
                name = f"rest-{number}-{count}"
                try:
                    response = client.post(
                        url, json=HALF, headers={"X-Request-Id": name}
                    )
                except httpx.TransportError as error:
                    # It never got in, or what came was lost?
                    (
                        refused
                        if isinstance(error, httpx.ConnectError)
                        else lost
                    ).append(name)
                    break
                answered.append((name, response.status_code))
            client.close()

        def ask_grpc(number):
            with grpc.insecure_channel(f"127.0.0.1:{grpc_port}") as channel:
                stub = prediction_service_pb2_grpc.PredictionServiceStub(
                    channel
                )
                count = 0
                while not stop.is_set():
                    count += 1
                    name = f"grpc-{number}-{count}"
                    try:
                        stub.Predict(
                            _grpc_request(),
                            30,
                            metadata=[("x-request-id", name)],
                        )
                    except grpc.RpcError as error:
                        if error.code() == grpc.StatusCode.UNAVAILABLE:
                            refused.append(name)
                            break
                        lost.append(name)
                    else:
                        answered.append((name, 200))

        threads = [
            threading.Thread(target=ask_rest, args=(n, n % 2)) for n in range(6)
        ] + [threading.Thread(target=ask_grpc, args=(n,)) for n in range(2)]
        for thread in threads:
            thread.start()
        end = time.monotonic() + 30
        while len(answered) < 80 and time.monotonic() < end:
            time.sleep(0.01)
        process.send_signal(signal.SIGTERM)
        code = process.wait(30)
        stop.set()
        for thread in threads:
            thread.join(30)
        self.assertEqual(code, 0)
        self.assertEqual(process.stdout.readline(), "stopped\n")
        reader.join(10)
        self.assertGreaterEqual(len(answered), 80)
        self.assertEqual({status for _, status in answered}, {200})
        logged = [json.loads(line) for line in lines if line.startswith("{")]
        done = {r["request_id"]: r["status"] for r in logged if "api" in r}
        # What the server took, its client has: nothing that is in the log as
        # answered failed at the other end, and nothing was lost on the way.
        names = {name for name, _ in answered}
        self.assertEqual(set(done.values()), {"OK"})
        self.assertEqual(set(done), names)
        self.assertEmpty([name for name in lost if name in done])

    @pytest.mark.slow
    def test_second_signal_ends_at_once(self):
        process, rest_port, _, _, _ = self.start_process(60)
        url = f"http://127.0.0.1:{rest_port}{PREDICT}"
        thread = threading.Thread(
            target=self._ask_in_vain,
            args=(httpx.Client(base_url=url[: -len(PREDICT)]), {**WAIT}),
        )
        with httpx.Client(timeout=30) as client:
            client.post(url, json=HALF)
        thread.start()
        time.sleep(0.2)
        process.send_signal(signal.SIGINT)
        time.sleep(0.2)
        process.send_signal(signal.SIGINT)
        process.wait(15)
        thread.join(30)
