"""The options of `keras-comic train`."""

import enum
from pathlib import Path
from typing import Annotated

import typer

from keras_comic.cli.options import argument
from keras_comic.cli.options import option

Objective = enum.Enum("Objective", {n: n for n in ("kid", "style_loss")})
Folders = list[Path] | None
Drawings = Annotated[
    list[str] | None,
    argument(
        "A folder of drawings, whose sub-folders each become a named style; "
        "or NAME=FOLDER for each style.",
        "[DRAWINGS]...",
    ),
]
Photos = Annotated[Folders, option("A folder of photos. Repeatable.")]
Output = Annotated[Path, option("The preset to write.", "--output", "-o")]
Family = Annotated[
    str | None, option("The kind of networks and losses. By default, adain.")
]
Start = Annotated[
    str | None,
    option(
        "A preset to start from, with its styles; by default, none.",
        "--from",
        metavar="PRESET",
    ),
]
DropStyles = Annotated[
    bool, option("Leave out the styles of that preset.", "--drop-styles")
]
Features = Annotated[
    str | None,
    option(
        "VGG-19 weights (.npz) that losses and validation look through. By "
        "default, imagenet, which fetches Keras's.",
        metavar="FILE",
    ),
]
Steps = Annotated[int, typer.Option(min=1, help="Training steps.")]
ImageSize = Annotated[
    int | None,
    option("Side of the crops, pixels. By default, the family's.", min=32),
]
BatchSize = Annotated[int | None, option("Crops in a step.", min=1)]
LearningRate = Annotated[float | None, option("The generator's, at its peak.")]
Seed = Annotated[int | None, option("Of all random numbers.")]
LossWeights = Annotated[
    list[str] | None,
    option(
        "Weight of a loss term, such as style=1e-4. Repeatable.",
        "--loss-weight",
        metavar="TERM=WEIGHT",
    ),
]
Settings = Annotated[
    list[str] | None,
    option(
        "Another option of the family, such as precision=mixed_bfloat16 or, "
        "to train for video without any video, consistency=flow.",
        "--set",
        metavar="NAME=VALUE",
    ),
]
SampleEvery = Annotated[
    int, typer.Option(min=1, help="Steps between two sheets of samples.")
]
ValidationPhotos = Annotated[
    Folders,
    option(
        "Photos that are not trained on. With --validation-drawings, the "
        "preset gets the weights that were best on them."
    ),
]
ValidationDrawings = Annotated[
    Folders, option("A folder of drawings that are not trained on.")
]
EvaluateEvery = Annotated[
    int, typer.Option(min=1, help="Steps between two evaluations.")
]
BestBy = Annotated[
    Objective,
    typer.Option(
        help="What is best: the smallest kernel distance (KID) or style loss."
    ),
]
Search = Annotated[
    int,
    typer.Option(
        min=0,
        metavar="N",
        help="Search for learning rate and loss weights that are not given, "
        "by N short trainings. Needs Optuna and the validation folders.",
    ),
]
SearchSteps = Annotated[int, typer.Option(min=1, help="Steps of each of them.")]
Alarms = Annotated[bool, typer.Option(help="Warn of a training that fails.")]
RollBack = Annotated[
    bool, typer.Option(help="Go back to the last good state if steps fail.")
]
Events = Annotated[
    bool, option("Write event files for TensorBoard.", "--tensorboard")
]
Licence = Annotated[str | None, option("The preset's licence.")]
Source = Annotated[str | None, option("The pictures and their licence.")]
