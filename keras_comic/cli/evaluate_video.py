"""`keras-comic evaluate-video`."""

from pathlib import Path
from typing import Annotated

import typer

from keras_comic.cli.backend import import_models
from keras_comic.cli.errors import reported_errors
from keras_comic.cli.evaluate import print_measurements
from keras_comic.cli.options import SourceVideo
from keras_comic.cli.options import argument
from keras_comic.cli.options import option
from keras_comic.cli.progress import progress_bar


def evaluate_video(
    source: SourceVideo,
    stylized: Annotated[
        Path,
        argument(
            "What became of it, by this or any other program: of the "
            "same size and number of frames."
        ),
    ],
    output: Annotated[
        Path,
        option(
            "The folder to write: metrics.md, metrics.json and strip.png.",
            "--output",
            "-o",
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
        option(
            "Weights that perceptual distances look through: of "
            "SqueezeNet (.h5), VGG-19 (.npz), or the Inception of 2015 (.pth); "
            "or imagenet, which fetches Keras's InceptionV3. "
            "Without, these distances are left out.",
            metavar="FILE",
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
        int | None, option("Measure the first frames only.", min=2)
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
    print_measurements(evaluation)
