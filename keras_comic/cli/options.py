"""Arguments and options that several commands take."""

from pathlib import Path
from typing import Annotated

import typer

PRESET_HELP = (
    "A name that `keras-comic presets` lists, a folder, or a handle hf://... "
    "or kaggle://..."
)


def option(text, *names, **kwargs):
    """Returns a Typer option whose default its help need not show."""
    return typer.Option(*names, help=text, show_default=False, **kwargs)


def argument(text, metavar=None):
    """Returns a Typer argument whose default its help need not show."""
    return typer.Argument(help=text, metavar=metavar, show_default=False)


PresetArgument = Annotated[str, argument(PRESET_HELP)]
SourceVideo = Annotated[
    Path,
    argument(
        "The video that was stylised: a file, an animation, or a folder of "
        "numbered images."
    ),
]
Strength = Annotated[
    float,
    typer.Option(min=0.0, max=1.0, help="From 0, the photo, to 1, the comic."),
]
Styles = Annotated[
    list[str] | None,
    option(
        "A style of the preset, or a picture. Several are mixed: --style "
        "wright:0.6 --style neill:0.4. By default, the preset's first.",
        "--style",
        metavar="NAME-or-IMAGE[:WEIGHT]",
    ),
]
KeepColor = Annotated[
    bool, typer.Option("--keep-color", help="Keep the photo's colours.")
]
MaxSide = Annotated[
    int | None,
    option(
        "Shrink larger pictures to this many pixels. By default, nothing is "
        "resized.",
        min=32,
    ),
]
OverwriteComics = Annotated[
    bool,
    typer.Option(
        "--overwrite",
        help="Make comics anew that are there already; without it, they are "
        "left as they are.",
    ),
]
