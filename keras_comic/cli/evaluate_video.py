"""`keras-comic evaluate-video`."""

from pathlib import Path
from typing import Annotated

import typer

from keras_comic.cli.backend import import_models
from keras_comic.cli.errors import reported_errors
from keras_comic.cli.options import SourceVideo
from keras_comic.cli.progress import progress_bar


def evaluate_video(
    source: SourceVideo,
    stylized: Annotated[
        Path,
        typer.Argument(
            help="What became of it, by this or any other program: of the "
            "same size and number of frames.",
            show_default=False,
        ),
    ],
    output: Annotated[
        Path,
        typer.Option(
            "--output",
            "-o",
            help="The folder to write: metrics.md, metrics.json and strip.png.",
            show_default=False,
        ),
    ],
    flow: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            help="Estimator of the source's motion: dis or dis_fine.",
        ),
    ] = "dis",
    features: Annotated[
        str | None,
        typer.Option(
            metavar="FILE",
            help="Weights that perceptual distances look through: of "
            "SqueezeNet (.h5), VGG-19 (.npz), or the Inception of 2015 (.pth); "
            "or imagenet, which fetches Keras's InceptionV3. "
            "Without, these distances are left out.",
            show_default=False,
        ),
    ] = None,
    long_range: Annotated[
        int,
        typer.Option(
            min=0,
            help="Frames apart in the long range; 0 compares each frame with "
            "the first of its scene.",
        ),
    ] = 10,
    max_frames: Annotated[
        int | None,
        typer.Option(
            min=2, help="Measure the first frames only.", show_default=False
        ),
    ] = None,
):
    """Measure how still a stylised video stands.

    Takes any two videos. Prints each number with the protocol that it is of;
    numbers of different protocols cannot be compared.
    """
    with reported_errors():
        import_models()
        from keras_comic.video.evaluation import evaluate_video
        from keras_comic.video.video_meter import TO_THE_FIRST

        with progress_bar("Measuring") as progress:
            evaluation = evaluate_video(
                source,
                stylized,
                output,
                flow=flow,
                features=features,
                long_range=long_range or TO_THE_FIRST,
                max_frames=max_frames,
                progress=progress,
            )
    for of, result in evaluation.measurements:
        typer.echo(f"{of}: {result}")
    for metric, of, reason in evaluation.not_measured:
        typer.echo(f"{of}: {metric} not measured: {reason}", err=True)
    typer.echo(f"Wrote {', '.join(map(str, evaluation.files))}")
