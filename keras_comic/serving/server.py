"""The local server: TensorFlow Serving's REST API for laptops and tests."""

import asyncio
import signal
import socket
import tempfile
import threading
import time
from pathlib import Path

from keras_comic.export.versions import list_versions
from keras_comic.serving.content_review import check_is_reviewed
from keras_comic.serving.request_log import LOGGER
from keras_comic.serving.request_log import is_loopback
from keras_comic.serving.request_log import json_logging
from keras_comic.serving.servable import DEFAULT_MAX_QUEUE
from keras_comic.serving.servable import GRAPH_FILE
from keras_comic.serving.servable import Servable

DEFAULT_PORT = 8501
DEFAULT_NAME = "comic"
DEFAULT_GRACE = 30.0
DEFAULT_MAX_REQUEST_BYTES = 2**25
MAX_CONNECTIONS = 1024
_KEEP_ALIVE = 75
# A server that is to stop waits so long, without a request, for more of them
# on the connections that it has.
_QUIET_SECONDS = 0.3
_START_SECONDS = 30.0


class ModelServer:
    """Answers TensorFlow Serving's REST API.

    For a laptop, and for tests: a client that is written against it works
    with TensorFlow Serving unchanged. Requests are run in batches; the queue,
    bodies and connections are bounded. Use it in a `with` block, or call
    `run`, which ends with a signal.

    Args:
        models: Dict of name to `Servable`, or to the folder of one.
        host: String. Where it listens. Another host than this one's loopback
            needs a token. Defaults to `"127.0.0.1"`.
        port: Integer, 0 for any that is free. Defaults to `8501`.
        token: String. What clients must send as `Authorization: Bearer
            TOKEN`. Defaults to `None`, for no check.
        max_request_bytes: Integer. Most bytes of a request's body. Defaults
            to 32 MiB.
        content_review: `ContentReview` that is asked before a result leaves
            the server. Defaults to `None`, nothing is reviewed.
        without_content_review: Boolean. Lets others than this machine have
            results that nobody has reviewed. Defaults to `False`.
    Raises:
        ValueError: If `host` is not loopback and there is no token or no
            review, the token is empty, or there is no model.
        FileNotFoundError: If a folder holds no SavedModel.
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
    >>> models = {"comic": "models/comic"}
    >>> with keras_comic.serving.ModelServer(models, port=0) as server:
    ...     server.url.startswith("http://127.0.0.1:")
    True

    Reference:
        - [RESTful API](https://www.tensorflow.org/tfx/serving/api_rest);
          differs in that `classify` and `regress` are refused, and one
          version of each model is served.
    """

    def __init__(
        self,
        models,
        host="127.0.0.1",
        port=DEFAULT_PORT,
        token=None,
        max_request_bytes=DEFAULT_MAX_REQUEST_BYTES,
        content_review=None,
        without_content_review=False,
    ):
        check_access(host, token)
        check_is_reviewed(host, content_review, without_content_review)
        if not models:
            raise ValueError("`models` must name a model. Received: models={}")
        if max_request_bytes < 1:
            raise ValueError(
                "`max_request_bytes` must be a positive integer. "
                f"Received: max_request_bytes={max_request_bytes}"
            )
        try:
            from keras_comic.serving.rest_api import RestApi
        except ImportError as error:
            raise ImportError(
                "The local server needs further packages. Install them with "
                f"`pip install 'keras-comic[serving]'`. {error}"
            ) from error
        self.servables = {
            name: model
            if isinstance(model, Servable)
            else Servable(name, model)
            for name, model in models.items()
        }
        self.host = host
        self.port = port
        self._api = RestApi(
            self.servables, token, max_request_bytes, content_review
        )
        self._http = None
        self._thread = None
        self._loop = None

    @property
    def url(self):
        """String. The address of the server."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}"

    def start(self):
        """Begins to listen; `port` then is the port it listens on.

        Returns:
            The server itself.
        Raises:
            OSError: If the port is taken.
        """
        import uvicorn

        listener = _listen(self.host, self.port)
        self.port = listener.getsockname()[1]
        config = uvicorn.Config(
            self._api,
            http="h11",
            ws="none",
            lifespan="off",
            loop="asyncio",
            log_config=None,
            log_level="critical",
            access_log=False,
            server_header=False,
            limit_concurrency=MAX_CONNECTIONS,
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
                raise OSError(f"The server has not started: {listener}")
            time.sleep(0.005)
        LOGGER.info(
            "server is listening",
            extra={"fields": {"url": self.url, "models": [*self.servables]}},
        )
        return self

    def __enter__(self):
        return self.start()

    def __exit__(self, *exception):
        self.stop()

    def _run_http(self, listener):
        async def serve():
            self._loop = asyncio.get_running_loop()
            await self._http.serve(sockets=[listener])

        with listener:
            asyncio.run(serve())

    def run(self, grace=DEFAULT_GRACE):
        """Starts, and serves until SIGTERM or SIGINT; then stops.

        A second signal stops at once.

        Args:
            grace: Float, seconds that accepted requests are given. Defaults
                to `30.0`.
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
            self.stop(grace)
        except KeyboardInterrupt:
            self.stop(0)
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def stop(self, grace=DEFAULT_GRACE):
        """Stops, once what was accepted is answered.

        No new connection is taken, `/readyz` answers 503, and every answer
        ends its connection.

        Args:
            grace: Float, seconds that accepted requests are given. Defaults
                to `30.0`.
        """
        self._api.is_draining = True
        end = time.monotonic() + grace
        if self._thread is not None and self._thread.is_alive():
            if grace:
                drained = asyncio.run_coroutine_threadsafe(
                    self._drain(end), self._loop
                )
                drained.result()
            left = max(0.0, end - time.monotonic())
            self._http.config.timeout_graceful_shutdown = left
            self._http.should_exit = True
            self._thread.join(left + 5.0)
        for servable in self.servables.values():
            servable.close(max(0.0, end - time.monotonic()))
        LOGGER.info("server has stopped")

    async def _drain(self, end):
        """Takes no more connections, and waits until all are quiet."""
        # Let those in that are waiting at the door.
        await asyncio.sleep(0.01)
        for server in self._http.servers:
            server.close()
        quiet_since = time.monotonic()
        while time.monotonic() < end and self._http.server_state.connections:
            if self._api.num_open:
                quiet_since = time.monotonic()
            elif time.monotonic() - quiet_since >= _QUIET_SECONDS:
                return
            await asyncio.sleep(0.01)


def serve(
    sources,
    host="127.0.0.1",
    port=DEFAULT_PORT,
    token=None,
    max_request_bytes=DEFAULT_MAX_REQUEST_BYTES,
    max_queue=DEFAULT_MAX_QUEUE,
    content_review=None,
    without_content_review=False,
):
    """Serves presets and SavedModels until SIGTERM or SIGINT.

    The log goes to the standard error, a JSON object on each line.

    Args:
        sources: Sequence of strings or paths: presets, which are exported
            into a temporary folder, version folders such as
            `models/comic/1`, or folders with numbered versions, of which the
            newest is served. `NAME=` before a source says what the model is
            called in requests.
        host: As in `ModelServer`.
        port: As in `ModelServer`.
        token: As in `ModelServer`.
        max_request_bytes: As in `ModelServer`.
        max_queue: Integer. Most requests that wait or run, of each model;
            more are refused with 429. Defaults to `256`.
        content_review: As in `ModelServer`.
        without_content_review: As in `ModelServer`.
    Raises:
        ValueError: If no model is given or one cannot be served, or it would
            be open to everybody, or unreviewed, unasked.
        FileNotFoundError: If a file or preset is missing.
        OSError: If the port is taken.
    Example:

    >>> keras_comic.serving.serve(["no_such_folder"])
    Traceback (most recent call last):
    ...
    ValueError: ...
    """
    check_access(host, token)
    check_is_reviewed(host, content_review, without_content_review)
    with (
        json_logging(),
        tempfile.TemporaryDirectory(prefix="keras_comic_") as folder,
    ):
        models = {
            name: Servable(name, path, max_queue)
            for name, path in find_models(sources, folder).items()
        }
        ModelServer(
            models,
            host,
            port,
            token,
            max_request_bytes,
            content_review,
            without_content_review,
        ).run()


def find_models(sources, folder):
    """Finds the folders of models by name; presets are exported."""
    if not sources:
        raise ValueError(
            "`sources` must hold at least one preset or folder. Received: "
            "sources=[]"
        )
    models = {}
    for source in map(str, sources):
        name, sign, path = source.partition("=")
        if not (sign and name) or "/" in name or Path(source).exists():
            name, path = None, source
        is_folder = _is_saved_model(path)
        if name is None:
            name = _default_name(path, is_folder, len(sources))
        if name in models:
            raise ValueError(
                "Models must differ in name; write NAME=SOURCE. Received: "
                f"{name!r} twice"
            )
        models[name] = path if is_folder else _export(path, folder, name)
    return models


def _is_saved_model(path):
    folders = [Path(path), *list_versions(path).values()]
    return any((folder / GRAPH_FILE).is_file() for folder in folders)


def _default_name(path, is_folder, count):
    if is_folder:
        folder = Path(path).resolve()
        return (folder.parent if folder.name.isdecimal() else folder).name
    return DEFAULT_NAME if count == 1 else Path(path).name


def _export(preset, folder, name):
    if Path(preset).is_dir() and not (Path(preset) / "config.json").is_file():
        raise ValueError(
            f"The folder must hold a SavedModel ({GRAPH_FILE}), numbered "
            f"folders that do, or a preset. Received: {preset!r}"
        )
    # A SavedModel is served without the code that exports one.
    from keras_comic.export.saved_model import save_served_model

    return save_served_model(preset, Path(folder, name, "1"))


def check_access(host, token):
    """Raises an error if anybody could connect without a token."""
    if token is not None and not token.strip():
        raise ValueError("`token` must not be empty. Received: token=''")
    if token is None and not is_loopback(host):
        raise ValueError(
            "`host` must be loopback, such as 127.0.0.1, unless a token is "
            f"given. Received: host={host!r}"
        )


def _listen(host, port):
    listener = None
    try:
        ((family, kind, protocol, _, address), *_) = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
        # asyncio sends at once (TCP_NODELAY) where the protocol is named.
        listener = socket.socket(family, kind, protocol)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(1024)
        return listener
    except OSError as error:
        if listener is not None:
            listener.close()
        raise OSError(
            error.errno,
            f"The server cannot listen on {host}:{port}: {error}",
        ) from error
