"""`keras-comic evaluate`."""

from pathlib import Path
from typing import Annotated

import typer

from keras_comic.cli.backend import import_models
from keras_comic.cli.errors import report_failures
from keras_comic.cli.errors import reported_errors
from keras_comic.cli.options import PresetArgument
from keras_comic.cli.options import option
from keras_comic.cli.progress import progress_bar


def evaluate(
    preset: PresetArgument,
    photos: Annotated[
        Path, option("A folder of photos that it was not trained on.")
    ],
    comics: Annotated[
        Path, option("A folder of comics of the style, not trained on either.")
    ],
    output: Annotated[
        Path,
        option(
            "The folder to write: metrics.md, metrics.json, the stylised "
            "photos and a contact sheet.",
            "--output",
            "-o",
        ),
    ],
    style: Annotated[
        str | None,
        option("A style of the preset; by default, its first.", metavar="NAME"),
    ] = None,
    features: Annotated[
        str,
        typer.Option(
            metavar="FILE",
            help="Weights that the metrics look through: of SqueezeNet (.h5), "
            "VGG-19 (.npz), or the Inception of 2015 that published numbers "
            "are of (.pth); or imagenet, which fetches Keras's "
            "InceptionV3.",
        ),
    ] = "imagenet",
    size: Annotated[
        int, typer.Option(min=32, help="Side of the squares, pixels.")
    ] = 256,
    crops: Annotated[
        int,
        typer.Option(
            min=1,
            help="Squares from each picture: 1 is the one in the middle, more "
            "are taken at random.",
        ),
    ] = 1,
):
    """Measure a preset on photos and comics."""
    with reported_errors():
        import_models()
        from keras_comic.models.evaluation import evaluate_preset

        with progress_bar("Measuring") as progress:
            evaluation = evaluate_preset(
                preset,
                photos,
                comics,
                output,
                style=style,
                features=features,
                squares=(size, crops),
                progress=progress,
            )
    print_measurements(evaluation)
    report_failures(evaluation.failures, "{} pictures were left out:")


def print_measurements(evaluation):
    """Prints what was measured, what was not, and the files."""
    for of, result in evaluation.measurements:
        typer.echo(f"{of}: {result}")
    for metric, of, reason in evaluation.not_measured:
        typer.echo(f"{of}: {metric} not measured: {reason}", err=True)
    typer.echo(f"Wrote {', '.join(map(str, evaluation.files))}")
