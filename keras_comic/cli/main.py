"""The command `keras-comic`."""

import sys
import warnings
from typing import Annotated

import typer
from typer.core import TyperGroup

from keras_comic.cli import add_style
from keras_comic.cli import backend
from keras_comic.cli import deflicker
from keras_comic.cli import errors
from keras_comic.cli import evaluate
from keras_comic.cli import evaluate_video
from keras_comic.cli import export
from keras_comic.cli import presets
from keras_comic.cli import provenance
from keras_comic.cli import render
from keras_comic.cli import serve
from keras_comic.cli import stylize
from keras_comic.cli import stylize_beam
from keras_comic.cli import tfrecords
from keras_comic.cli import train
from keras_comic.cli import web
from keras_comic.cli.options import option


class _Commands(TyperGroup):
    """Keeps the command as it was typed, for the metadata of a preset."""

    def parse_args(self, ctx, args):
        ctx.meta[train.ARGUMENTS] = list(args)
        return super().parse_args(ctx, args)


app = typer.Typer(
    name="keras-comic",
    cls=_Commands,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_show_locals=False,
)
app.command("stylize")(stylize.stylize)
app.command("render")(render.render)
app.command("presets")(presets.presets)
app.command("add-style")(add_style.add_style)
app.command("train")(train.train)
app.command("evaluate")(evaluate.evaluate)
app.command("evaluate-video")(evaluate_video.evaluate_video)
app.command("deflicker")(deflicker.deflicker)
app.command("export")(export.export)
app.command("serve")(serve.serve)
app.command("web")(web.web)
app.command("stylize-beam")(stylize_beam.stylize_beam)
app.command("inspect")(provenance.inspect)
app.add_typer(tfrecords.app, name="tfrecords")


def _print_version(wanted):
    if wanted:
        # The package that this module is part of is imported by now.
        typer.echo(sys.modules["keras_comic"].__version__)
        raise typer.Exit()


@app.callback()
def main(
    modules: Annotated[
        list[str] | None,
        option(
            "Import a module first, which may define generators, GANs "
            "and recipes of your own. Repeatable.",
            "--import",
            metavar="MODULE",
        ),
    ] = None,
    version: Annotated[
        bool,
        typer.Option(
            "--version",
            callback=_print_version,
            is_eager=True,
            help="Show the version and exit.",
        ),
    ] = False,
):
    """Turn photos into comics, and train styles of your own."""
    warnings.showwarning = errors.report_warning
    with errors.reported_errors():
        for module in modules or ():
            backend.import_module(module)
