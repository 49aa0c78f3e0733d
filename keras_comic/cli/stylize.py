"""`keras-comic stylize`."""

from typing import Annotated

import typer

from keras_comic.cli import options
from keras_comic.cli import stylize_options as o
from keras_comic.cli.backend import import_models
from keras_comic.cli.errors import report_failures
from keras_comic.cli.errors import reported_errors
from keras_comic.cli.parsing import parse_styles
from keras_comic.cli.parsing import parse_watermark
from keras_comic.cli.progress import progress_bar
from keras_comic.cli.stylize_plan import plan_comics
from keras_comic.cli.stylize_report import report_comics
from keras_comic.cli.stylize_report import report_others
from keras_comic.cli.stylize_report import write_to_standard_output
from keras_comic.cli.stylize_video import stylize_videos
from keras_comic.cli.video_names import RAW
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
    as_video: o.AsVideo = False,
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
        plan = plan_comics(sources, output, as_video or bool(consistency))
        given = {
            "--consistency": consistency is not None,
            "--compare": compare,
            "--resume": resume,
            "--no-sound": not sound,
            "--size": size is not None,
            "--frame-rate": frame_rate is not None,
        }
        names = [name for name, value in given.items() if value]
        if names and not plan.videos:
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
        failures = []
        if plan.photos:
            draw = models.stylize_files
            if str(output) == RAW:
                draw = write_to_standard_output(draw)
            with progress_bar("Stylising") as progress:
                results = draw(
                    generator,
                    plan.photos,
                    plan.output,
                    progress=progress,
                    **shared,
                )
            moving = {path for path, _ in plan.videos}
            failures = [f for f in results.failures if f[0] not in moving]
            report_comics(
                results._replace(failures=failures), plan.output, plan.videos
            )
        if plan.videos:
            for_videos = {
                "consistency": (consistency or o.Consistency.flow).value,
                "compare": compare,
                "resume": resume,
                "sound": sound,
                "alone": len(plan.videos) == 1 and not plan.photos,
            }
            failures += stylize_videos(
                generator, plan.videos, size, frame_rate, shared | for_videos
            )
    report_others(plan.others)
    report_failures(failures, "{} could not be stylised to their end:")
