"""`keras-comic add-style`."""

from pathlib import Path
from typing import Annotated

import typer

from keras_comic.cli.backend import import_models
from keras_comic.cli.errors import report_failures
from keras_comic.cli.errors import reported_errors
from keras_comic.cli.options import argument
from keras_comic.cli.options import option


def add_style(
    preset: Annotated[
        str,
        argument("The folder of a preset; with -o, also a name or a handle."),
    ],
    name: Annotated[str, argument("The name of the style.")],
    pictures: Annotated[
        list[Path], argument("Drawings, or folders of drawings.", "PICTURES...")
    ],
    source: Annotated[
        str | None, option("Who drew them, where they are from.")
    ] = None,
    licence: Annotated[str | None, option("The drawings' licence.")] = None,
    output: Annotated[
        Path | None,
        option(
            "Another preset folder to write; by default, the same.",
            "--output",
            "-o",
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
