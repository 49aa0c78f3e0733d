"""`keras-comic presets`."""

from typing import Annotated

import typer

from keras_comic.cli.backend import import_models
from keras_comic.cli.errors import FAILURE_EXIT_CODE
from keras_comic.cli.errors import report_error
from keras_comic.cli.errors import reported_errors
from keras_comic.cli.options import argument
from keras_comic.cli.options import option


def presets(
    names: Annotated[
        list[str] | None,
        argument(
            "Presets to show or verify; by default, the built-in ones.",
            "[NAME-or-FOLDER]...",
        ),
    ] = None,
    verify: Annotated[
        bool,
        option(
            "Load each preset and compare what it computes with the "
            "numbers stored beside it.",
            "--verify",
        ),
    ] = False,
    markdown: Annotated[
        bool, option("Print the built-in ones as zoo/README.md.", "--markdown")
    ] = False,
):
    """List the presets, or verify that they compute what they should."""
    with reported_errors():
        import_models()
        from keras_comic.presets import list_presets
        from keras_comic.presets import presets_table

        if markdown:
            typer.echo(presets_table(), nl=False)
            return
        names = names or list(list_presets())
        if not names:
            typer.echo("There are no built-in presets.")
            return
        if not verify:
            _print_table([_read_facts(name) for name in names])
            return
    if not all([_verify(name) for name in names]):
        raise typer.Exit(FAILURE_EXIT_CODE)


def _read_facts(name):
    from keras_comic.presets import preset_facts

    metadata = preset_facts(name)
    return [
        name,
        metadata["class"],
        f"{metadata['parameter_count']:,}",
        ", ".join(metadata["styles"]),
        metadata.get("licence") or "not stated",
        f"{metadata['weights']['bytes'] / 1e6:.1f} MB",
    ]


def _print_table(rows):
    from rich import box
    from rich.console import Console
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD)
    for title in ("name", "class", "parameters", "styles", "licence", "size"):
        table.add_column(
            title,
            justify="right" if title in ("parameters", "size") else "left",
            no_wrap=title not in ("styles", "licence"),
            overflow="fold",  # Names are shown to their ends.
        )
    for row in rows:
        table.add_row(*row)
    Console(markup=False).print(table)


def _verify(name):
    from keras_comic.presets import verify_preset

    try:
        difference = verify_preset(name)
    except (OSError, ValueError) as error:
        report_error(f"{name}: {error}")
        return False
    typer.echo(f"{name}: verified, largest difference {difference:.1g}")
    return True
