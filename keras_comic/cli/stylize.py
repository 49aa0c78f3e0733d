"""`keras-comic stylize`."""

import enum
from typing import Annotated

import typer

from keras_comic.cli.backend import import_models
from keras_comic.cli.errors import FAILURE_EXIT_CODE
from keras_comic.cli.errors import report_error
from keras_comic.cli.errors import report_failures
from keras_comic.cli.errors import reported_errors
from keras_comic.cli.options import PRESET_HELP
from keras_comic.cli.options import KeepColor
from keras_comic.cli.options import MaxSide
from keras_comic.cli.options import OverwriteComics
from keras_comic.cli.options import Strength
from keras_comic.cli.parsing import parse_styles
from keras_comic.cli.parsing import parse_watermark
from keras_comic.cli.progress import progress_bar
from keras_comic.cli.stylize_video import is_video
from keras_comic.cli.stylize_video import stylize_videos

Consistency = enum.Enum(
    "Consistency",
    {n: n for n in ("none", "statistics", "difference", "flow")},
    type=str,
)
DEFAULT_PRESET = "adain_storybook"


def stylize(
    sources: Annotated[
        list[str],
        typer.Argument(
            metavar="FILE-or-FOLDER...",
            help="Photos, or folders of photos with their sub-folders; or "
            "videos, GIFs, a folder of numbered frames (with a video as "
            "output), webcam:0, or - for raw frames. Also URLs, such as "
            "s3://bucket/photos.",
            show_default=False,
        ),
    ],
    output: Annotated[
        str,
        typer.Option(
            "--output",
            "-o",
            metavar="PATH-or-URL",
            help="The comic to write (.png, .jpg, .webp or .tif), or a folder "
            "for PNG files; of a video, a video (.mp4, .mkv, .webm, .gif, "
            "...), a folder for its frames, or - for raw frames.",
            show_default=False,
        ),
    ],
    preset: Annotated[str, typer.Option(help=PRESET_HELP)] = DEFAULT_PRESET,
    style: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME-or-IMAGE[:WEIGHT]",
            help="A style of the preset, or a picture. Several are mixed: "
            "--style wright:0.6 --style neill:0.4. By default, the preset's "
            "first.",
            show_default=False,
        ),
    ] = None,
    strength: Strength = 1.0,
    keep_color: KeepColor = False,
    mask: Annotated[
        str | None,
        typer.Option(
            metavar="PATH-or-URL",
            help="An image as large as the photo: white is stylised, black "
            "stays a photo.",
            show_default=False,
        ),
    ] = None,
    max_side: MaxSide = None,
    overwrite: OverwriteComics = False,
    consistency: Annotated[
        Consistency | None,
        typer.Option(
            help="Of videos, how their comics hold still: by nothing; by the "
            "scene's statistics; by stylising only what has changed (for a "
            "camera that stands still); along the optical flow. By default, "
            "flow.",
            show_default=False,
        ),
    ] = None,
    compare: Annotated[
        bool,
        typer.Option(
            "--compare", help="Of videos: source and comic side by side."
        ),
    ] = False,
    resume: Annotated[
        bool,
        typer.Option(
            "--resume", help="Of videos: go on where a run was stopped."
        ),
    ] = False,
    sound: Annotated[
        bool,
        typer.Option("--sound/--no-sound", help="Of videos: keep the sound."),
    ] = True,
    size: Annotated[
        str | None,
        typer.Option(
            metavar="WIDTHxHEIGHT",
            help="Of raw frames and cameras, pixels.",
            show_default=False,
        ),
    ] = None,
    frame_rate: Annotated[
        float | None,
        typer.Option(
            help="Of raw frames, folders and cameras, frames per second.",
            show_default=False,
        ),
    ] = None,
    provenance: Annotated[
        bool,
        typer.Option(
            "--provenance/--no-provenance",
            help="Say in the files that a network made them, and which "
            "preset; keras-comic inspect shows it.",
        ),
    ] = True,
    watermark: Annotated[
        str | None,
        typer.Option(
            metavar="NUMBER",
            help="Hide a number of 32 bits in the pixels, such as 0xC0FFEE or "
            "1234; keras-comic inspect reads it.",
            show_default=False,
        ),
    ] = None,
):
    """Turn photos and videos into comics."""
    with reported_errors():
        identifier = None if watermark is None else parse_watermark(watermark)
        import_models()
        from keras_comic import presets
        from keras_comic.data.paths import path_of
        from keras_comic.models.image_files import stylize_files

        sources = [path_of(source) for source in sources]
        output = path_of(output)
        of_video = is_video(sources, output)
        of_videos = {
            "--consistency": consistency is not None,
            "--compare": compare,
            "--resume": resume,
            "--no-sound": not sound,
            "--size": size is not None,
            "--frame-rate": frame_rate is not None,
        }
        if not of_video and any(of_videos.values()):
            given = [name for name, value in of_videos.items() if value]
            raise ValueError(
                f"{', '.join(given)}: for videos, not for photos. "
                f"Received: {sources[0]}"
            )
        if of_video:
            generator = presets.from_preset(preset)
            options = {
                "preset": preset,
                "style": parse_styles(style, generator.style_names),
                "consistency": (consistency or Consistency.flow).value,
                "strength": strength,
                "mask": mask,
                "max_side": max_side,
                "keep_color": keep_color,
                "compare": compare,
                "resume": resume,
                "overwrite": overwrite,
                "sound": sound,
                "provenance": provenance,
                "watermark": identifier,
            }
            stylize_videos(
                generator, sources, output, size, frame_rate, options
            )
            return
        generator = presets.from_preset(preset)
        with progress_bar("Stylising") as progress:
            results = stylize_files(
                generator,
                sources,
                output,
                style=parse_styles(style, generator.style_names),
                strength=strength,
                mask=mask,
                keep_color=keep_color,
                max_side=max_side,
                overwrite=overwrite,
                progress=progress,
                provenance=provenance,
                watermark=identifier,
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
