"""`keras-comic add-style`."""

from pathlib import Path
from typing import Annotated

import typer

from keras_comic.cli.backend import import_models
from keras_comic.cli.errors import report_failures
from keras_comic.cli.errors import reported_errors


def add_style(
    preset: Annotated[
        str,
        typer.Argument(
            help="The folder of a preset; with -o, also a name or a handle.",
            show_default=False,
        ),
    ],
    name: Annotated[
        str, typer.Argument(help="The name of the style.", show_default=False)
    ],
    pictures: Annotated[
        list[Path],
        typer.Argument(
            metavar="PICTURES...",
            help="Drawings, or folders of drawings.",
            show_default=False,
        ),
    ],
    source: Annotated[
        str | None,
        typer.Option(
            help="Who drew them, where they are from.", show_default=False
        ),
    ] = None,
    licence: Annotated[
        str | None,
        typer.Option(help="The drawings' licence.", show_default=False),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            help="Another preset folder to write; by default, the same.",
            show_default=False,
        ),
    ] = None,
):
    """Add a named style, the average of some drawings, to a preset."""
    with reported_errors():
        import_models()
        from keras_comic.models.preset_styles import add_style_to_preset

        added = add_style_to_preset(
            preset, name, pictures, output, source, licence
        )
    typer.echo(
        f"Added style {name!r}, the average of {added.count} drawings, to "
        f"{added.folder}"
    )
    report_failures(added.failures, "{} drawings could not be read:")
