"""The local server: REST and gRPC on one repository of models."""

import asyncio
import contextlib
import ipaddress
import signal
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor

from keras_comic.serving.grpc_log import LoggingInterceptor
from keras_comic.serving.grpc_service import add_prediction_service
from keras_comic.serving.grpc_service import grpc_server_options
from keras_comic.serving.http_protocol import make_http_protocol
from keras_comic.serving.monitoring import ServerMetrics
from keras_comic.serving.request_body import Limits
from keras_comic.serving.request_log import LOGGER
from keras_comic.serving.rest_api import make_application

try:
    import grpc
    import uvicorn
except ImportError as error:
    raise ImportError(
        "The local server needs grpcio and uvicorn. Install them with "
        "`pip install 'keras-comic[serving]'`."
    ) from error

DEFAULT_GRACE = 30.0
DEFAULT_REST_PORT = 8501
DEFAULT_GRPC_PORT = 8500
_GRPC_THREADS = 64
_MAX_GRPC_REQUESTS = 256
_KEEP_ALIVE = 75
# So long without a request, a server that is to stop waits for more on the
# connections that it has.
_QUIET_SECONDS = 0.3
_START_SECONDS = 30.0


class ModelServer:
    """Answers TensorFlow Serving's REST and gRPC APIs.

    For a laptop, and for tests: a client that is written against it works
    with TensorFlow Serving unchanged. Requests are run in batches; the queue,
    bodies and connections are bounded. Use it in a `with` block, or call
    `run`, which ends with a signal.

    Args:
        repository: `ModelRepository`. It is closed with the server.
        host: String. Where it listens. Another host than this one's loopback
            needs a token, or `public_without_token`. Defaults to
            `"127.0.0.1"`.
        rest_port: Integer, 0 for any that is free, or `None` for no REST.
            Defaults to `8501`.
        grpc_port: Integer, 0 for any that is free, or `None` for no gRPC.
            Defaults to `8500`.
        token: String. What clients must send as `Authorization: Bearer
            TOKEN`. Defaults to `None`, for no check.
        limits: `Limits`. Defaults to `None`, for its defaults.
        public_without_token: Boolean. Whether anybody may connect from
            anywhere. Defaults to `False`.
    Raises:
        ValueError: If `host` is not loopback and neither a token nor
            `public_without_token` is given, or the token is empty.
    Example:

    >>> import tensorflow as tf
    >>> module = tf.Module()
    >>> module.invert = tf.function(
    ...     lambda images: {"comics": 255 - images},
    ...     [tf.TensorSpec((None, None, None, 3), tf.uint8, name="images")],
    ... )
    >>> tf.saved_model.save(
    ...     module, "models/comic/1", {"serving_default": module.invert}
    ... )
    >>> repository = keras_comic.serving.ModelRepository(
    ...     {"comic": "models/comic"}
    ... )
    >>> with keras_comic.serving.ModelServer(
    ...     repository, rest_port=0, grpc_port=0
    ... ) as server:
    ...     server.is_ready
    True
    """

    def __init__(
        self,
        repository,
        host="127.0.0.1",
        rest_port=DEFAULT_REST_PORT,
        grpc_port=DEFAULT_GRPC_PORT,
        token=None,
        limits=None,
        public_without_token=False,
    ):
        if token is not None and not token.strip():
            raise ValueError("`token` must not be empty. Received: token=''")
        if not (token or public_without_token or _is_loopback(host)):
            raise ValueError(
                "`host` must be loopback, such as 127.0.0.1, unless a token "
                "is given, or `public_without_token` says that everybody may "
                f"connect. Received: host={host!r}"
            )
        self.repository = repository
        self.host = host
        self.rest_port = rest_port
        self.grpc_port = grpc_port
        self.limits = limits or Limits()
        self.metrics = ServerMetrics(repository)
        self._token = token
        self._is_draining = False
        self._stop_once = threading.Lock()
        self._is_stopped = False
        self._grpc = None
        self._http = None
        self._thread = None
        self._loop = None

    @property
    def is_ready(self):
        """Boolean. Whether it takes requests and has models for them."""
        return not self._is_draining and self.repository.is_ready

    def start(self):
        """Begins to listen.

        `rest_port` and `grpc_port` then are the ports it listens on.

        Returns:
            The server itself.
        Raises:
            OSError: If a port is taken.
        """
        try:
            if self.rest_port is not None:
                self._start_http()
            if self.grpc_port is not None:
                self._start_grpc()
        except BaseException:
            self.stop(0)
            raise
        LOGGER.info(
            "server is listening",
            extra={
                "fields": {
                    "host": self.host,
                    "rest_port": self.rest_port,
                    "grpc_port": self.grpc_port,
                    "models": self.repository.names,
                }
            },
        )
        return self

    def __enter__(self):
        return self.start()

    def __exit__(self, *exception):
        self.stop()

    def _start_http(self):
        application = make_application(
            self.repository,
            token=self._token,
            limits=self.limits,
            metrics=self.metrics,
            is_ready=lambda: self.is_ready,
        )
        listener = _listen(self.host, self.rest_port)
        self.rest_port = listener.getsockname()[1]
        config = uvicorn.Config(
            application,
            http=make_http_protocol(
                self.limits.io_timeout, self.limits.max_connections
            ),
            ws="none",
            lifespan="off",
            loop="asyncio",
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_keep_alive=_KEEP_ALIVE,
        )
        self._http = uvicorn.Server(config)
        self._thread = threading.Thread(
            target=self._run_http, args=(listener,), name="rest", daemon=True
        )
        self._thread.start()
        end = time.monotonic() + _START_SECONDS
        while not self._http.started:
            if not self._thread.is_alive() or time.monotonic() > end:
                raise OSError(f"The REST server has not started: {listener}")
            time.sleep(0.005)

    def _run_http(self, listener):
        async def serve():
            self._loop = asyncio.get_running_loop()
            await self._http.serve(sockets=[listener])

        with listener:
            asyncio.run(serve())

    def _start_grpc(self):
        self._grpc = grpc.server(
            ThreadPoolExecutor(_GRPC_THREADS, "grpc"),
            interceptors=[LoggingInterceptor(self.metrics)],
            options=grpc_server_options(self.limits.max_request_bytes),
            maximum_concurrent_rpcs=_MAX_GRPC_REQUESTS,
        )
        add_prediction_service(
            self._grpc,
            self.repository,
            token=self._token,
            max_message_bytes=self.limits.max_request_bytes,
            max_total_bytes=self.limits.max_body_bytes,
        )
        host = f"[{self.host}]" if ":" in self.host else self.host
        try:
            port = self._grpc.add_insecure_port(f"{host}:{self.grpc_port}")
        except RuntimeError as error:
            port = 0
            reason = error
        else:
            reason = "the port is taken"
        if not port:
            raise OSError(
                f"The gRPC server cannot listen on {host}:{self.grpc_port}: "
                f"{reason}"
            )
        self.grpc_port = port
        self._grpc.start()

    def run(self, grace=DEFAULT_GRACE, drain_delay=0.0):
        """Starts, and serves until SIGTERM or SIGINT; then stops.

        A second signal stops at once.

        Args:
            grace: Float, seconds that accepted requests are given. Defaults
                to `30.0`.
            drain_delay: Float, seconds from the signal, when `/readyz` begins
                to answer 503, until no new connection is taken: so long as a
                load balancer needs to notice. Defaults to `0.0`.
        """
        signals = []
        arrived = threading.Event()

        def receive(number, _):
            signals.append(number)
            arrived.set()
            if len(signals) > 1:
                raise KeyboardInterrupt

        before = {
            number: signal.signal(number, receive)
            for number in (signal.SIGTERM, signal.SIGINT)
        }
        try:
            self.start()
            # In steps, since a signal does not end a wait everywhere.
            while not arrived.wait(1.0):
                pass
            LOGGER.info(
                "server is stopping",
                extra={"fields": {"signal": signal.Signals(signals[0]).name}},
            )
            self.stop(grace, drain_delay)
        except KeyboardInterrupt:
            self.stop(0)
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def stop(self, grace=DEFAULT_GRACE, drain_delay=0.0):
        """Stops, once what was accepted is answered.

        `/readyz` answers 503 at once. Then no new connection is taken, and
        every answer ends its connection.

        Args:
            grace: Float, seconds that accepted requests are given. Defaults
                to `30.0`.
            drain_delay: Float, seconds from now, in which new connections are
                still taken. Defaults to `0.0`.
        """
        self._is_draining = True
        with self._stop_once:
            if self._is_stopped:
                return
            self._is_stopped = True
            if drain_delay and grace:
                time.sleep(drain_delay)
            end = time.monotonic() + grace
            grpc_ended = None
            if self._grpc is not None:
                grpc_ended = self._grpc.stop(grace)
            if self._loop is not None:
                self._stop_http(end)
            if grpc_ended is not None:
                grpc_ended.wait(max(0.0, end - time.monotonic()) + 1.0)
            self.repository.close(max(0.0, end - time.monotonic()))
        LOGGER.info("server has stopped")

    def _stop_http(self, end):
        with contextlib.suppress(RuntimeError):
            waiting = asyncio.run_coroutine_threadsafe(
                self._drain_http(end), self._loop
            )
            with contextlib.suppress(TimeoutError):
                waiting.result(max(0.0, end - time.monotonic()) + 1.0)
        left = max(0.0, end - time.monotonic())
        self._http.config.timeout_graceful_shutdown = left
        self._http.should_exit = True
        self._thread.join(left + 5.0)

    async def _drain_http(self, end):
        """Takes no more connections, and waits until all are quiet."""
        # Let those in that are waiting at the door.
        await asyncio.sleep(0.01)
        for server in self._http.servers:
            server.close()
        quiet_since = time.monotonic()
        while time.monotonic() < end:
            connections = self._http.server_state.connections
            if any(connection.is_busy for connection in connections):
                quiet_since = time.monotonic()
            elif (
                not connections
                or time.monotonic() - quiet_since >= _QUIET_SECONDS
            ):
                return
            await asyncio.sleep(0.01)


def _is_loopback(host):
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _listen(host, port):
    try:
        ((family, *_, address), *_) = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
        return socket.create_server(address, family=family, backlog=1024)
    except OSError as error:
        raise OSError(
            error.errno,
            f"The REST server cannot listen on {host}:{port}: {error}",
        ) from error
