"""`keras-comic stylize-beam`."""

from typing import Annotated

import typer

from keras_comic.cli.backend import import_models
from keras_comic.cli.errors import FAILURE_EXIT_CODE
from keras_comic.cli.errors import report_error
from keras_comic.cli.errors import reported_errors
from keras_comic.cli.options import KeepColor
from keras_comic.cli.options import MaxSide
from keras_comic.cli.options import OverwriteComics
from keras_comic.cli.options import Strength
from keras_comic.cli.options import Styles
from keras_comic.cli.options import argument
from keras_comic.cli.options import option
from keras_comic.cli.parsing import parse_styles


def stylize_beam(
    sources: Annotated[
        str,
        argument(
            "A folder of photos with its sub-folders, or its URL, such as "
            "gs://bucket/photos.",
            "FOLDER",
        ),
    ],
    output: Annotated[
        str,
        argument("The folder for the comics, PNG files, or its URL.", "OUTPUT"),
    ],
    options: Annotated[
        list[str] | None,
        argument(
            "Of Apache Beam's pipelines, such as --runner=DataflowRunner. "
            "By default, this process does the work.",
            "[-- OPTION...]",
        ),
    ] = None,
    model: Annotated[
        str,
        option(
            "What `keras-comic export` has written, such as "
            "models/comic/1, or its URL.",
            "--model",
            metavar="FOLDER",
        ),
    ] = ...,
    style: Styles = None,
    strength: Strength = 1.0,
    keep_color: KeepColor = False,
    max_side: MaxSide = None,
    overwrite: OverwriteComics = False,
    batch_size: Annotated[
        int,
        typer.Option(
            min=1, help="Photos of one size that go through the model at once."
        ),
    ] = 8,
):
    """Turn photos by the million into comics, with Apache Beam."""
    with reported_errors():
        import_models()
        from keras_comic.serving.beam_stylize import stylize_with_beam

        done = stylize_with_beam(
            sources,
            output,
            model,
            parse_styles(style, []),
            strength,
            keep_color,
            max_side,
            overwrite,
            batch_size,
            options or None,
        )
    typer.echo(f"Wrote {done.written} comics to {output}")
    if done.skipped:
        typer.echo(
            f"Left {done.skipped} that were there already; --overwrite makes "
            "them anew",
            err=True,
        )
    if done.failed:
        report_error(
            f"{done.failed} could not be stylised: see {done.failures}"
        )
        raise typer.Exit(FAILURE_EXIT_CODE)
