"""`keras-comic serve`."""

from pathlib import Path
from typing import Annotated

import typer

from keras_comic.cli.backend import import_models
from keras_comic.cli.errors import reported_errors
from keras_comic.cli.options import argument
from keras_comic.cli.options import option


def serve(
    sources: Annotated[
        list[str] | None,
        argument(
            "Presets, version folders such as models/comic/1, or folders "
            "with numbered versions, of which the newest is served. Alone, a "
            "preset is called comic in requests.",
            "[NAME=]PRESET-or-FOLDER...",
        ),
    ] = None,
    host: Annotated[
        str,
        typer.Option(
            help="Where to listen. Anything but loopback needs a token."
        ),
    ] = "127.0.0.1",
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="0 for any that is free.")
    ] = 8501,
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
    token: Annotated[
        str | None,
        option(
            "What clients must send as `Authorization: Bearer TOKEN`. "
            "Others on this machine can read it in the list of processes: "
            "rather use the variable or --token-file.",
            envvar="KERAS_COMIC_TOKEN",
        ),
    ] = None,
    token_file: Annotated[
        Path | None, option("A file that holds the token.", metavar="FILE")
    ] = None,
    content_classifier: Annotated[
        str | None,
        option(
            "A function of a batch of pictures that says which of them "
            "may leave the server; see examples/content_review.py.",
            metavar="MODULE:FUNCTION",
        ),
    ] = None,
    without_content_review: Annotated[
        bool,
        option(
            "Let others than this machine have results that nobody has "
            "reviewed.",
            "--without-content-review",
        ),
    ] = False,
):
    """Serve presets and SavedModels on a laptop, as TensorFlow Serving does.

    Answers TensorFlow Serving's REST API; also /healthz, /readyz and
    /metrics. Logs are JSON, one line a request.
    """
    with reported_errors():
        import_models()
        from keras_comic.serving.content_review import ContentReview
        from keras_comic.serving.content_review import load_classifier
        from keras_comic.serving.server import serve

        if token_file is not None:
            token = token_file.read_text(encoding="utf-8").strip()
        review = None
        if content_classifier is not None:
            review = ContentReview(load_classifier(content_classifier))
        serve(
            sources or (),
            host=host,
            port=port,
            token=token,
            max_request_bytes=max_request_bytes,
            max_queue=max_queue,
            content_review=review,
            without_content_review=without_content_review,
        )
