"""`keras-comic stylize`."""

from typing import Annotated

import typer

from keras_comic.cli import options
from keras_comic.cli import stylize_options as o
from keras_comic.cli.backend import import_models
from keras_comic.cli.errors import FAILURE_EXIT_CODE
from keras_comic.cli.errors import report_error
from keras_comic.cli.errors import report_failures
from keras_comic.cli.errors import reported_errors
from keras_comic.cli.parsing import parse_styles
from keras_comic.cli.parsing import parse_watermark
from keras_comic.cli.progress import progress_bar
from keras_comic.cli.stylize_video import stylize_videos
from keras_comic.cli.video_names import is_video
from keras_comic.presets import DEFAULT_PRESET


def stylize(
    sources: o.Sources,
    output: o.Output,
    preset: Annotated[
        str, typer.Option(help=options.PRESET_HELP)
    ] = DEFAULT_PRESET,
    style: options.Styles = None,
    strength: options.Strength = 1.0,
    keep_color: options.KeepColor = False,
    mask: o.Mask = None,
    max_side: options.MaxSide = None,
    overwrite: options.OverwriteComics = False,
    consistency: o.HoldStill = None,
    compare: o.Compare = False,
    resume: o.Resume = False,
    sound: o.Sound = True,
    size: o.Size = None,
    frame_rate: o.FrameRate = None,
    provenance: o.WithProvenance = True,
    watermark: o.Watermark = None,
):
    """Turn photos and videos into comics."""
    with reported_errors():
        identifier = None if watermark is None else parse_watermark(watermark)
        import_models()
        from keras_comic import models
        from keras_comic.data.paths import path_of

        sources = [path_of(source) for source in sources]
        output = path_of(output)
        for_video = is_video(sources, output)
        if not for_video:
            given = {
                "--consistency": consistency is not None,
                "--compare": compare,
                "--resume": resume,
                "--no-sound": not sound,
                "--size": size is not None,
                "--frame-rate": frame_rate is not None,
            }
            if any(given.values()):
                names = [name for name, value in given.items() if value]
                raise ValueError(
                    f"{', '.join(names)}: for videos, not for photos. "
                    f"Received: {sources[0]}"
                )
        generator = models.Generator.from_preset(preset)
        shared = {
            "style": parse_styles(style, getattr(generator, "style_names", ())),
            "strength": strength,
            "mask": mask,
            "keep_color": keep_color,
            "max_side": max_side,
            "overwrite": overwrite,
            "provenance": provenance,
            "watermark": identifier,
        }
        if for_video:
            consistency = (consistency or o.Consistency.flow).value
            for_videos = {
                "consistency": consistency,
                "compare": compare,
                "resume": resume,
                "sound": sound,
            }
            stylize_videos(
                generator,
                sources,
                output,
                size,
                frame_rate,
                {**shared, **for_videos},
            )
            return
        with progress_bar("Stylising") as progress:
            results = models.stylize_files(
                generator, sources, output, progress=progress, **shared
            )
    _report(results, output)


def _report(results, output):
    written, skipped, failures = results
    single = len(written) + len(skipped) + len(failures) == 1
    if single and skipped:
        report_error(f"{output} is there already; --overwrite makes it anew.")
        raise typer.Exit(FAILURE_EXIT_CODE)
    if single and written:
        typer.echo(f"Wrote {written[0]}")
    else:
        typer.echo(f"Wrote {len(written)} comics to {output}")
    if skipped:
        typer.echo(
            f"Left {len(skipped)} that were there already; --overwrite makes "
            "them anew",
            err=True,
        )
    report_failures(failures, "{} could not be stylised:")
