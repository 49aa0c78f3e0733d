"""`keras-comic inspect`."""

from pathlib import Path
from typing import Annotated

import typer

from keras_comic.cli.errors import report_failures
from keras_comic.cli.errors import reported_errors
from keras_comic.cli.options import argument


def inspect(
    files: Annotated[list[Path], argument("Pictures or videos.", "FILE...")],
):
    """Show what files say of how they were made, and read their watermarks."""
    with reported_errors():
        from keras_comic.provenance.inspection import inspect_file

        failures = []
        for path in files:
            try:
                found = inspect_file(path)
            except (OSError, ValueError) as error:
                failures.append((path, str(error)))
                continue
            typer.echo(f"{path}: {_describe(found)}")
    report_failures(failures, "{} could not be read:")


def _describe(found):
    said = found.provenance
    if said is not None:
        parts = [said.sentence().removesuffix(".")]
    elif found.digital_source_type is not None:
        parts = ["digital source type " + found.digital_source_type]
    else:
        parts = ["does not say how it was made"]
    if found.watermark is None:
        parts.append("no watermark was read")
    else:
        parts.append(f"watermark {found.watermark:#010x}")
    return "; ".join(parts)
