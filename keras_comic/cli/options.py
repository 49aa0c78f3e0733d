"""Arguments and options that several commands take."""

from pathlib import Path
from typing import Annotated

import typer

PRESET_HELP = (
    "A name that `keras-comic presets` lists, a folder, or a handle hf://... "
    "or kaggle://..."
)
PresetArgument = Annotated[
    str, typer.Argument(help=PRESET_HELP, show_default=False)
]
SourceVideo = Annotated[
    Path,
    typer.Argument(
        help="The video that was stylised: a file, an animation, or a folder "
        "of numbered images.",
        show_default=False,
    ),
]
Strength = Annotated[
    float,
    typer.Option(min=0.0, max=1.0, help="From 0, the photo, to 1, the comic."),
]
KeepColor = Annotated[
    bool, typer.Option("--keep-color", help="Keep the photo's colours.")
]
MaxSide = Annotated[
    int | None,
    typer.Option(
        min=32,
        help="Shrink larger pictures to this many pixels. By default, nothing "
        "is resized.",
        show_default=False,
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
Port = Annotated[
    int, typer.Option(min=0, max=65535, help="0 for any that is free.")
]
