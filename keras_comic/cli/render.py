"""`keras-comic render`."""

from pathlib import Path
from typing import Annotated

import typer

from keras_comic.cli.backend import import_models
from keras_comic.cli.errors import report_failures
from keras_comic.cli.errors import reported_errors
from keras_comic.cli.options import argument
from keras_comic.cli.options import option
from keras_comic.cli.progress import progress_bar
from keras_comic.cli.video_names import describe_video


def render(
    sources: Annotated[
        list[Path],
        argument("Photos or folders of photos; or one video or animation."),
    ],
    output: Annotated[
        Path, option("A file, or a folder for several.", "--output", "-o")
    ],
    look: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            help="comic, bold_ink, fine_line, noir, two_tone, newsprint, "
            "screentone or picture_book.",
        ),
    ] = "comic",
    lines: Annotated[
        float | None,
        option(
            "Weight of the lines: 0 draws none. By default, the look's.",
            min=0.0,
        ),
    ] = None,
    overwrite: Annotated[
        bool, option("Replace comics that are there already.", "--overwrite")
    ] = False,
):
    """Draw comics without a network: ink lines and flat colour."""
    with reported_errors():
        import_models()
        import dataclasses

        from keras_comic import comic
        from keras_comic.data.media import PHOTO
        from keras_comic.data.media import media_kind

        if look not in comic.LOOKS:
            names = ", ".join(comic.LOOKS)
            raise ValueError(f"--look must be one of {names}. Received: {look}")
        chosen = comic.LOOKS[look]
        if lines is not None:
            chosen = dataclasses.replace(chosen, line_weight=lines)

        def draw(picture):
            return comic.render(picture, chosen)

        single = sources[0] if len(sources) == 1 else None
        if single and single.is_file() and media_kind(single) != PHOTO:
            typer.echo(_render_video(single, output, draw, overwrite))
            return
        failures = _render_photos(sources, output, draw, overwrite)
    report_failures(failures, "{} could not be drawn:")


def _render_photos(sources, output, draw, overwrite):
    import numpy as np

    from keras_comic.models.image_files import open_photo
    from keras_comic.models.image_files import plan_outputs
    from keras_comic.models.image_files import write_image

    failures, targets, written = [], plan_outputs(sources, output), 0
    with progress_bar("Drawing") as progress:
        for done, (source, target) in enumerate(targets, start=1):
            try:
                if target.exists() and not overwrite:
                    raise FileExistsError(
                        f"{target} is there already; --overwrite replaces it."
                    )
                opened = open_photo(source, named=False)
                comic = draw(np.asarray(opened.image))
                write_image(target, comic, rights=opened.rights)
                written += 1
            except (OSError, ValueError) as error:
                failures.append((source, str(error)))
            if progress is not None:
                progress(done, len(targets))
    typer.echo(f"Wrote {output}" + (f", {written} comics" * (written != 1)))
    return failures


def _render_video(source, output, draw, overwrite):
    from keras_comic import video

    class Renderer(video.FrameStylizer):
        def stylize(self, frame, starts_scene=False):
            return draw(frame)

    with progress_bar("Drawing") as progress:
        done = video.convert_video(
            source, output, Renderer(), overwrite=overwrite, progress=progress
        )
    return describe_video(done)
