"""`keras-comic web`."""

from typing import Annotated

import typer

from keras_comic.cli.backend import import_models
from keras_comic.cli.errors import reported_errors
from keras_comic.cli.options import argument
from keras_comic.cli.options import option

LOOPBACK = ("127.0.0.1", "localhost", "::1")


def web(
    presets: Annotated[
        list[str] | None,
        argument(
            "Names that `keras-comic presets` lists, folders, or handles "
            "hf://... or kaggle://...; by default, all built-in ones.",
            "[PRESET]...",
        ),
    ] = None,
    host: Annotated[
        str,
        typer.Option(
            help="The address to listen at. 0.0.0.0 lets other computers of "
            "the network in."
        ),
    ] = "127.0.0.1",
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="0 takes a free one.")
    ] = 7860,
    max_side: Annotated[
        int, typer.Option(min=32, help="Shrink larger photos to it, pixels.")
    ] = 1280,
    max_video_side: Annotated[
        int, typer.Option(min=32, help="Shrink larger videos to it, pixels.")
    ] = 640,
    max_seconds: Annotated[
        float,
        typer.Option(min=0.1, help="Longest video that is taken, seconds."),
    ] = 15.0,
    max_upload_mb: Annotated[
        float, typer.Option(min=0.01, help="Largest file that is taken, MB.")
    ] = 64.0,
    content_classifier: Annotated[
        str | None,
        option(
            "Your classifier, asked about every comic before it is "
            "shown: see keras_comic.serving.ContentReview.",
            metavar="MODULE:FUNCTION",
        ),
    ] = None,
    without_content_review: Annotated[
        bool,
        option(
            "Serve others without a classifier.", "--without-content-review"
        ),
    ] = False,
):
    """Serve a web page that turns photos and short videos into comics."""
    with reported_errors():
        import_models()
        from keras_comic.serving.content_review import ContentReview
        from keras_comic.serving.content_review import check_is_reviewed
        from keras_comic.serving.content_review import load_classifier
        from keras_comic.serving.web_media import MediaLimits
        from keras_comic.serving.web_page import make_page
        from keras_comic.serving.web_page import serve_page

        review = None
        if content_classifier is not None:
            review = ContentReview(load_classifier(content_classifier))
        # Before anything is loaded.
        check_is_reviewed(host, review, without_content_review)
        limits = MediaLimits(
            max_side, max_video_side, max_seconds, max_upload_mb
        )
        page = make_page(presets or None, limits, review)
        url = serve_page(
            page,
            host,
            port,
            wait=False,
            without_content_review=without_content_review,
        )
    typer.echo(f"Open {url} in a browser; Ctrl+C ends it.")
    if host not in LOOPBACK:
        typer.echo(
            "Others of the network can open it too, and nothing asks them who "
            "they are.",
            err=True,
        )
    page.block_thread()
