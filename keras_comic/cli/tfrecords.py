"""`keras-comic tfrecords`: builds TFRecords, and looks at them."""

from pathlib import Path
from typing import Annotated

import typer

from keras_comic.cli import build_records
from keras_comic.cli.backend import import_models
from keras_comic.cli.errors import report_failures
from keras_comic.cli.errors import reported_errors
from keras_comic.cli.options import option
from keras_comic.cli.progress import progress_bar

app = typer.Typer(no_args_is_help=True)

app.command("build")(build_records.build)


@app.callback()
def tfrecords():
    """Build TFRecords to train from, and look at what lies in them."""


@app.command()
def inspect(
    records: Annotated[
        str,
        typer.Argument(
            metavar="RECORDS",
            help="Folder of shards, one shard, or a pattern (in quotes).",
        ),
    ],
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            help="Folder for a contact sheet. Without it, the folder "
            "`inspection` beside the shards.",
        ),
    ] = None,
    verify: Annotated[
        bool, option("Check every checksum and decode every image.", "--verify")
    ] = False,
):
    """Say what lies in TFRecords, and draw it."""
    if output is None:
        folder = Path(records)
        folder = folder if folder.is_dir() else folder.parent
        output = folder / "inspection"
    with reported_errors():
        import_models()
        from keras_comic.data.inspection import inspect_records

        with progress_bar("Reading shards") as progress:
            found = inspect_records(records, output, verify, progress)
    typer.echo(
        f"{found.records} records of {found.kind or 'no kind'} in "
        f"{found.shards} shards, {found.bytes / 2**20:.1f} MiB"
    )
    for title, counts in (
        ("Splits", found.splits),
        ("Labels", found.labels),
        ("Licences", found.licenses),
        ("Formats", found.formats),
    ):
        typer.echo(f"{title}:")
        for name, count in counts.items():
            typer.echo(f"  {name or '(not given)'}: {count}")
    typer.echo("Measures (least, median, mean, largest):")
    for name, values in found.statistics.items():
        numbers = ", ".join(f"{value:.4g}" for value in values.values())
        typer.echo(f"  {name}: {numbers}")
    for path in sorted(output.glob("*.png")):
        typer.echo(path)
    report_failures(found.problems, "{} problems:")
    if verify:
        typer.echo("Every checksum agrees and every image can be decoded.")
