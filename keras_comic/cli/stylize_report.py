"""What `keras-comic stylize` says in the end."""

import sys
import tempfile
from pathlib import Path

import typer

from keras_comic.cli.errors import FAILURE_EXIT_CODE
from keras_comic.cli.errors import report_error
from keras_comic.cli.video_names import RAW

# Names that a line gives at most.
NUM_NAMES = 3


def report_comics(results, output, videos=()):
    """Says which comics of photos were written; exits if the only one was not.

    With `videos` to come it goes on.
    """
    written, skipped, failures = results
    single = len(written) + len(skipped) + len(failures) == 1
    if single and skipped and not videos:
        report_error(f"{output} is there already; --overwrite makes it anew.")
        raise typer.Exit(FAILURE_EXIT_CODE)
    if str(output) == RAW:
        return
    if single and written:
        typer.echo(f"Wrote {written[0]}")
    elif written or not failures:
        typer.echo(f"Wrote {len(written)} comics to {output}")
    if skipped:
        typer.echo(
            f"Left {len(skipped)} that were there already; --overwrite makes "
            "them anew",
            err=True,
        )


def report_others(paths):
    """Counts the files of folders that are neither photos nor videos."""
    if paths:
        names = ", ".join(path.name for path in paths[:NUM_NAMES])
        more = ", ..." if len(paths) > NUM_NAMES else ""
        typer.echo(
            f"Left out, as neither photos nor videos ({len(paths)}): "
            f"{names}{more}",
            err=True,
        )


def write_to_standard_output(draw):
    """Lets `stylize_files` write one PNG file to the standard output."""

    def draw_one(generator, sources, output, **options):
        if len(sources) != 1 or sources[0].is_dir():
            raise ValueError(
                "To the standard output goes one comic. "
                f"Received: {' '.join(map(str, sources))}"
            )
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "comic.png")
            results = draw(generator, sources[0], path, **options)
            if results.written:
                sys.stdout.buffer.write(path.read_bytes())
        return results

    return draw_one
