"""`keras-comic deflicker`."""

from pathlib import Path
from typing import Annotated

import typer

from keras_comic.cli.backend import import_models
from keras_comic.cli.errors import FAILURE_EXIT_CODE
from keras_comic.cli.errors import report_error
from keras_comic.cli.errors import reported_errors
from keras_comic.cli.options import SourceVideo
from keras_comic.cli.options import argument
from keras_comic.cli.options import option
from keras_comic.cli.progress import progress_bar


def deflicker(
    source: SourceVideo,
    stylized: Annotated[
        Path,
        argument(
            "What became of it, by this or any other program: frame by "
            "frame the same, of any size."
        ),
    ],
    output: Annotated[
        Path,
        option(
            "The video to write (.mp4, .mkv, .webm, .gif, ...), or a "
            "folder for its frames.",
            "--output",
            "-o",
        ),
    ],
    strength: Annotated[
        float,
        typer.Option(
            min=0.0,
            max=0.99,
            help="Share of the last frame in the next one, where its motion "
            "is known: from 0, nothing is done.",
        ),
    ] = 0.9,
    flow: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            help="What estimates the source's motion: dis_fine, or dis, which "
            "is faster.",
        ),
    ] = "dis_fine",
    resume: Annotated[
        bool, option("Go on where a run was stopped.", "--resume")
    ] = False,
    overwrite: Annotated[
        bool, option("Replace an output that is there already.", "--overwrite")
    ] = False,
    sound: Annotated[
        bool,
        typer.Option("--sound/--no-sound", help="Keep the source's sound."),
    ] = True,
):
    """Take the flicker out of a stylised video, of whatever program."""
    with reported_errors():
        import_models()
        from keras_comic.video.deflicker import Deflicker
        from keras_comic.video.deflicker_video import deflicker_video

        with progress_bar("Deflickering") as progress:
            done = deflicker_video(
                source,
                stylized,
                output,
                Deflicker(flow, strength),
                resume=resume,
                overwrite=overwrite,
                sound=sound,
                progress=progress,
            )
    parts = [f"Wrote {done.output}, {done.num_frames} frames"]
    if done.num_resumed:
        parts.append(f"{done.num_resumed} of them made before")
    typer.echo("; ".join([", ".join(parts), *done.tracks]))
    if done.problem:
        report_error(done.problem)
        raise typer.Exit(FAILURE_EXIT_CODE)
