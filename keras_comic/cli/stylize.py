"""`keras-comic stylize`."""

from pathlib import Path
from typing import Annotated

import typer

from keras_comic.cli.backend import import_models
from keras_comic.cli.errors import FAILURE_EXIT_CODE
from keras_comic.cli.errors import report_error
from keras_comic.cli.errors import report_failures
from keras_comic.cli.errors import reported_errors
from keras_comic.cli.progress import progress_bar

DEFAULT_PRESET = "adain_storybook"


def stylize(
    sources: Annotated[
        list[Path],
        typer.Argument(
            metavar="FILE-or-FOLDER...",
            help="Photos, or folders of photos with their sub-folders.",
            show_default=False,
        ),
    ],
    output: Annotated[
        Path,
        typer.Option(
            "--output",
            "-o",
            help="The comic to write (.png, .jpg, .webp or .tif), or a folder "
            "for PNG files.",
            show_default=False,
        ),
    ],
    preset: Annotated[
        str,
        typer.Option(
            help="A name that `keras-comic presets` lists, a folder, or a "
            "handle hf://... or kaggle://..."
        ),
    ] = DEFAULT_PRESET,
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
    strength: Annotated[
        float,
        typer.Option(
            min=0.0,
            max=1.0,
            help="From 0, the photo, to 1, the comic.",
        ),
    ] = 1.0,
    keep_color: Annotated[
        bool,
        typer.Option("--keep-color", help="Keep the photo's colours."),
    ] = False,
    mask: Annotated[
        Path | None,
        typer.Option(
            help="An image as large as the photo: white is stylised, black "
            "stays a photo.",
            show_default=False,
        ),
    ] = None,
    max_side: Annotated[
        int | None,
        typer.Option(
            min=32,
            help="Shrink larger photos to this many pixels. By default, "
            "nothing is resized.",
            show_default=False,
        ),
    ] = None,
    overwrite: Annotated[
        bool,
        typer.Option(
            "--overwrite",
            help="Make comics anew that are there already; without it, they "
            "are left as they are.",
        ),
    ] = False,
):
    """Turn photos into comics.

    A photo that cannot be read is listed with its reason, the others are
    finished, and the exit code is 1. The same command again goes on with an
    interrupted folder.
    """
    with reported_errors():
        import_models()
        from keras_comic import presets
        from keras_comic.models.image_files import stylize_files

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
            )
    _report(results, output)


def parse_styles(texts, style_names):
    """What `stylize` takes as style, of the texts that were typed.

    Args:
        texts: List of strings `NAME-or-IMAGE` or `NAME-or-IMAGE:WEIGHT`, or
            `None`.
        style_names: List of strings, names that may hold a colon themselves.

    Returns:
        `None`, a string, or a list of `(string, weight)`; a weight that is
        left out is 1.

    Raises:
        ValueError: If there is a weight and nothing to mix with.
    """
    if not texts:
        return None
    parsed = [_parse_style(text, style_names) for text in texts]
    if len(parsed) > 1:
        return [(s, 1.0 if w is None else w) for s, w in parsed]
    (style, weight), text = parsed[0], texts[0]
    if weight is not None:
        raise ValueError(
            "A weight needs a second --style to mix with; for a weaker style "
            f"there is --strength. Received: --style {text}"
        )
    return style


def _parse_style(text, style_names):
    style, colon, weight = text.rpartition(":")
    if not style or text in style_names or Path(text).exists():
        return text, None
    try:
        return style, float(weight)
    except ValueError:
        return text, None


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
    if failures:
        report_error(f"{len(failures)} could not be stylised:")
        report_failures(failures)
        raise typer.Exit(FAILURE_EXIT_CODE)
