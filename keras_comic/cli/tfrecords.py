"""`keras-comic tfrecords`: builds TFRecords."""

from pathlib import Path
from typing import Annotated

import typer

from keras_comic import data
from keras_comic.cli.errors import FAILURE_EXIT_CODE
from keras_comic.cli.errors import report_error
from keras_comic.cli.errors import report_failures
from keras_comic.cli.errors import reported_errors
from keras_comic.cli.progress import progress_bar

app = typer.Typer(no_args_is_help=True)


@app.callback()
def tfrecords():
    """Build TFRecords to train from."""


@app.command()
def build(
    sources: Annotated[
        list[Path],
        typer.Argument(
            metavar="SOURCE...",
            help="Folders of images. Sub-folders name the styles; an image "
            "right in a folder has the folder's name.",
        ),
    ],
    output: Annotated[
        Path, typer.Option("--output", "-o", help="Folder for the shards.")
    ],
    kind: Annotated[
        str, typer.Option(metavar="photos|comics", help="What the images are.")
    ],
    split: Annotated[
        str, typer.Option(help="First part of the shards' names.")
    ] = "train",
    image_size: Annotated[
        int | None,
        typer.Option(
            help="Shrink images to this short side, in pixels. Without it, "
            "nothing is resized."
        ),
    ] = None,
    num_shards: Annotated[
        int | None,
        typer.Option(help="Number of shards. Without it, one per 128 MiB."),
    ] = None,
    manifest: Annotated[
        Path | None,
        typer.Option(
            help="CSV file with the columns file, source and licence."
        ),
    ] = None,
):
    """Write the images of folders into TFRecord shards.

    A file that cannot be read is left out and listed; the exit code is 1 then.
    """
    with reported_errors(), progress_bar(f"Writing {kind}") as progress:
        written = data.write_records(
            sources,
            output,
            kind,
            split=split,
            image_size=image_size,
            num_shards=num_shards,
            manifest=manifest,
            progress=progress,
        )
    for label, count in sorted(written.counts.items()):
        typer.echo(f"{label}: {count} {kind}")
    for shard in written.shards:
        typer.echo(shard)
    if written.failures:
        report_error(f"{len(written.failures)} files could not be read:")
        report_failures(written.failures)
        raise typer.Exit(FAILURE_EXIT_CODE)
