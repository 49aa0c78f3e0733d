"""Real gRPC servers, and a SavedModel that takes its time."""

import contextlib
import functools
import socket
import struct
import tempfile
from concurrent import futures
from pathlib import Path

import grpc
import tensorflow as tf

from keras_comic.serving.grpc_service import add_prediction_service
from keras_comic.serving.grpc_service import grpc_server_options

_folder = tempfile.TemporaryDirectory()


class _Waiting(tf.Module):
    """Gives what it is given, after so many seconds."""

    @tf.function(
        input_signature=[tf.TensorSpec([None], tf.float32, name="seconds")]
    )
    def wait(self, seconds):
        end = tf.timestamp() + tf.cast(tf.reduce_max(seconds), tf.float64)
        (time,) = tf.while_loop(
            lambda time: time < end, lambda time: (tf.timestamp(),), [end - 1.0]
        )
        return {"waited": seconds + 0.0 * tf.cast(time, tf.float32)}


@functools.cache
def waiting_saved_model():
    """Path of the folder of a model `waiting`, with version 3.

    Its input `seconds`, float32 `(batch,)`, is also its output `waited`.
    """
    module = _Waiting()
    folder = Path(_folder.name, "waiting")
    tf.saved_model.save(
        module, str(folder / "3"), {"serving_default": module.wait}
    )
    return folder


def start_grpc_server(test, repository, num_threads=16, port=0, **options):
    """Starts a server, which ends with the test.

    Returns:
        The `grpc.Server`, and its address.
    """
    max_bytes = options.get("max_message_bytes", 2**24)
    server = grpc.server(
        futures.ThreadPoolExecutor(num_threads),
        options=grpc_server_options(max_bytes),
    )
    add_prediction_service(server, repository, **options)
    port = server.add_insecure_port(f"127.0.0.1:{port}")
    server.start()
    test.addCleanup(lambda: server.stop(0).wait())
    return server, f"127.0.0.1:{port}"


@contextlib.contextmanager
def call_without_reading(address, method, message):
    """Within it, a call that is answered, and takes no byte of the answer."""

    def frame(kind, flags, stream, payload):
        length = struct.pack(">I", len(payload))[1:]
        return length + struct.pack(">BBI", kind, flags, stream) + payload

    def literal(name, value):
        name, value = name.encode(), value.encode()
        return bytes([0, len(name)]) + name + bytes([len(value)]) + value

    headers = b"".join(
        literal(name, value)
        for name, value in (
            (":method", "POST"),
            (":scheme", "http"),
            (":path", method),
            (":authority", address),
            ("content-type", "application/grpc"),
            ("te", "trailers"),
        )
    )
    host, port = address.rsplit(":", 1)
    with socket.create_connection((host, int(port)), timeout=30) as connection:
        connection.sendall(
            b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
            # SETTINGS_INITIAL_WINDOW_SIZE of an answer, in bytes.
            + frame(4, 0, 0, struct.pack(">HI", 4, 0))
            + frame(1, 4, 1, headers)
            + frame(0, 1, 1, struct.pack(">BI", 0, len(message)) + message)
        )
        received = connection.makefile("rb")
        kind = None
        # Until there are headers, which no window holds back.
        while kind != 1:
            head = received.read(9)
            kind, flags = head[3], head[4]
            received.read(int.from_bytes(head[:3]))
        if flags & 1:
            raise AssertionError("The call was refused.")
        yield
