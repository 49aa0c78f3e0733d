"""`keras-comic serve`."""

from pathlib import Path
from typing import Annotated

import typer

from keras_comic.cli.backend import import_models
from keras_comic.cli.errors import reported_errors
from keras_comic.cli.options import Port


def serve(
    sources: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[NAME=]PRESET-or-FOLDER...",
            help="Presets, version folders such as models/comic/1, or folders "
            "with numbered versions, which are watched for new ones. Alone, a "
            "preset is called comic in requests.",
            show_default=False,
        ),
    ] = None,
    host: Annotated[
        str,
        typer.Option(
            help="Where to listen. Anything but loopback needs a token, or "
            "--public-without-token."
        ),
    ] = "127.0.0.1",
    rest_port: Port = 8501,
    grpc_port: Port = 8500,
    no_grpc: Annotated[
        bool, typer.Option("--no-grpc", help="REST alone.")
    ] = False,
    models_config: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="TensorFlow Serving's models.config: models, versions and "
            "labels.",
            show_default=False,
        ),
    ] = None,
    batching_parameters: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="TensorFlow Serving's batching_parameters.txt. By default, "
            "batches of at most 16 images, fewer if they are large, without a "
            "delay, two at a time where they are small: what comes meanwhile "
            "is the next.",
            show_default=False,
        ),
    ] = None,
    max_request_bytes: Annotated[
        int, typer.Option(min=1, help="Bytes of a request, at most.")
    ] = 2**25,
    max_queue: Annotated[
        int,
        typer.Option(
            min=1,
            help="Requests that wait or run, of each model, at most; more are "
            "told to come again.",
        ),
    ] = 256,
    request_timeout: Annotated[
        float, typer.Option(min=0.001, help="Seconds for an answer.")
    ] = 60.0,
    poll_seconds: Annotated[
        float,
        typer.Option(
            min=0.01, help="Seconds between two looks for new versions."
        ),
    ] = 1.0,
    token: Annotated[
        str | None,
        typer.Option(
            envvar="KERAS_COMIC_TOKEN",
            help="What clients must send as `Authorization: Bearer TOKEN`. "
            "Others on this machine can read it in the list of processes: "
            "rather use the variable or --token-file.",
            show_default=False,
        ),
    ] = None,
    token_file: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="A file that holds the token.",
            show_default=False,
        ),
    ] = None,
    public_without_token: Annotated[
        bool,
        typer.Option(
            "--public-without-token",
            help="Let anybody who reaches --host ask for comics.",
        ),
    ] = False,
    grace: Annotated[
        float,
        typer.Option(
            min=0.0,
            help="Seconds that accepted requests are given after SIGTERM.",
        ),
    ] = 30.0,
    drain_delay: Annotated[
        float,
        typer.Option(
            min=0.0,
            help="Seconds after SIGTERM in which connections are still taken "
            "while /readyz answers 503.",
        ),
    ] = 0.0,
    content_classifier: Annotated[
        str | None,
        typer.Option(
            metavar="MODULE:FUNCTION",
            help="A function of a batch of pictures that says which of them "
            "may leave the server; see examples/content_review.py.",
            show_default=False,
        ),
    ] = None,
    review_timeout: Annotated[
        float,
        typer.Option(
            min=0.001,
            help="Seconds for the review of a result, which is withheld then.",
        ),
    ] = 10.0,
    without_content_review: Annotated[
        bool,
        typer.Option(
            "--without-content-review",
            help="Let others than this machine have results that nobody has "
            "reviewed.",
        ),
    ] = False,
):
    """Serve presets and SavedModels, as TensorFlow Serving does.

    Answers TensorFlow Serving's REST API (also /healthz, /readyz, /metrics
    and /openapi.json) and its gRPC API. Logs are JSON, one line a request.
    """
    with reported_errors():
        import_models()
        from keras_comic.serving.content_review import ContentReview
        from keras_comic.serving.content_review import load_classifier
        from keras_comic.serving.local_server import serve
        from keras_comic.serving.request_body import Limits

        if token_file is not None:
            token = token_file.read_text(encoding="utf-8").strip()
        review = None
        if content_classifier is not None:
            review = ContentReview(
                load_classifier(content_classifier), timeout=review_timeout
            )
        serve(
            sources or (),
            host=host,
            rest_port=rest_port,
            grpc_port=None if no_grpc else grpc_port,
            models_config=models_config,
            batching_parameters=batching_parameters,
            poll_seconds=poll_seconds,
            max_queue=max_queue,
            token=token,
            public_without_token=public_without_token,
            limits=Limits(
                max_request_bytes=max_request_bytes,
                request_timeout=request_timeout,
            ),
            grace=grace,
            drain_delay=drain_delay,
            content_review=review,
            without_content_review=without_content_review,
        )
