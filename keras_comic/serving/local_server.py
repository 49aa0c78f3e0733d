"""What `keras-comic serve` does."""

import tempfile

from keras_comic.export.batching import read_batching_parameters
from keras_comic.export.model_config import read_model_config
from keras_comic.serving.batcher import DEFAULT_MAX_REQUESTS
from keras_comic.serving.content_review import ReviewedRepository
from keras_comic.serving.content_review import check_is_reviewed
from keras_comic.serving.local_models import find_models
from keras_comic.serving.model_repository import ModelRepository
from keras_comic.serving.request_log import json_logging
from keras_comic.serving.server import DEFAULT_GRACE
from keras_comic.serving.server import DEFAULT_GRPC_PORT
from keras_comic.serving.server import DEFAULT_REST_PORT
from keras_comic.serving.server import ModelServer


def serve(
    sources=(),
    host="127.0.0.1",
    rest_port=DEFAULT_REST_PORT,
    grpc_port=DEFAULT_GRPC_PORT,
    models_config=None,
    batching_parameters=None,
    poll_seconds=1.0,
    max_queue=DEFAULT_MAX_REQUESTS,
    token=None,
    public_without_token=False,
    limits=None,
    grace=DEFAULT_GRACE,
    drain_delay=0.0,
    content_review=None,
    without_content_review=False,
):
    """Serves presets and SavedModels until SIGTERM or SIGINT.

    The local server answers TensorFlow Serving's REST and gRPC APIs, so that
    a client that is written against it works unchanged against TensorFlow
    Serving. The log goes to the standard error, a JSON object on each line.

    Args:
        sources: Sequence of strings or paths: presets, which are exported
            into a temporary folder, version folders such as
            `models/comic/1`, or folders with numbered versions, which are
            watched for new ones. `NAME=` before a source says what the model
            is called in requests. Defaults to `()`.
        host: String. Where it listens. Defaults to `"127.0.0.1"`.
        rest_port: Integer, 0 for any that is free, or `None` for no REST.
            Defaults to `8501`.
        grpc_port: Integer, 0 for any that is free, or `None` for no gRPC.
            Defaults to `8500`.
        models_config: String or path. TensorFlow Serving's `models.config`,
            in place of or beside `sources`. Defaults to `None`.
        batching_parameters: String or path. TensorFlow Serving's
            `batching_parameters.txt`. Defaults to `None`, for the defaults of
            the local server.
        poll_seconds: Float, seconds between two looks for new versions.
            Defaults to `1.0`.
        max_queue: Integer. Most requests that wait or run, of each version;
            more are refused with 429 or RESOURCE_EXHAUSTED. Defaults to
            `256`.
        token: String. What clients must send as `Authorization: Bearer
            TOKEN`. Defaults to `None`, for no check.
        public_without_token: Boolean. Whether anybody may connect from
            anywhere. Defaults to `False`.
        limits: `Limits` of one request and of all together. Defaults to
            `None`, for its defaults.
        grace: Float, seconds that accepted requests are given at the end.
            Defaults to `30.0`.
        drain_delay: Float, seconds from the signal until no new connection is
            taken. Defaults to `0.0`.
        content_review: `ContentReview` that is asked before a result leaves
            the server. Defaults to `None`, nothing is reviewed.
        without_content_review: Boolean. Whether others than this machine may
            be given results that nobody has reviewed. Defaults to `False`.
    Raises:
        ValueError: If no model is given or one cannot be served, or it would
            be open to everybody, or unreviewed, unasked.
        FileNotFoundError: If a file or preset is missing.
        OSError: If a port is taken.
    Example:

    >>> keras_comic.serving.serve(["no_such_folder"])
    Traceback (most recent call last):
    ...
    ValueError: ...

    Reference:
        - [RESTful API](https://www.tensorflow.org/tfx/serving/api_rest);
          differs in that `classify` and `regress` are refused.
    """
    check_is_reviewed(host, content_review, without_content_review)
    batching = None
    if batching_parameters is not None:
        batching = read_batching_parameters(batching_parameters)
    configs = []
    if models_config is not None:
        configs.extend(read_model_config(models_config))
    with (
        json_logging(),
        tempfile.TemporaryDirectory(prefix="keras_comic_") as folder,
    ):
        if sources or not configs:
            configs.extend(find_models(sources, folder))
        repository = ModelRepository(
            configs,
            batching=batching,
            max_queue=max_queue,
            poll_seconds=poll_seconds,
        )
        models = repository
        if content_review is not None:
            models = ReviewedRepository(repository, content_review)
        try:
            server = ModelServer(
                models,
                host=host,
                rest_port=rest_port,
                grpc_port=grpc_port,
                token=token,
                limits=limits,
                public_without_token=public_without_token,
            )
            server.run(grace, drain_delay)
        finally:
            repository.close(0)
