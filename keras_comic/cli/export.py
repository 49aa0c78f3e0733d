"""`keras-comic export`."""

import enum
import re
from pathlib import Path
from typing import Annotated

import typer

from keras_comic.cli.backend import import_models
from keras_comic.cli.errors import reported_errors
from keras_comic.cli.options import PresetArgument

Format = enum.Enum(
    "Format", {n: n for n in ("saved_model", "onnx", "litert")}, type=str
)
Dtype = enum.Enum(
    "Dtype", {n: n for n in ("float32", "float16", "int8")}, type=str
)


def export(
    preset: PresetArgument,
    output: Annotated[
        Path,
        typer.Argument(
            help="Of a SavedModel, the version's folder, such as "
            "models/comic/1; otherwise the file, comic.onnx or comic.tflite.",
            show_default=False,
        ),
    ],
    file_format: Annotated[
        Format | None,
        typer.Option(
            "--format",
            help="By default, by the name of the output.",
            show_default=False,
        ),
    ] = None,
    dtype: Annotated[
        Dtype | None,
        typer.Option(
            help="Of ONNX and LiteRT, how the weights are stored. By default, "
            "float32.",
            show_default=False,
        ),
    ] = None,
    representative: Annotated[
        Path | None,
        typer.Option(
            help="Of int8, photographs to measure the ranges on: a folder of "
            "images, or of records.",
            show_default=False,
        ),
    ] = None,
    max_pixels: Annotated[
        int | None,
        typer.Option(
            min=1024,
            help="Of a SavedModel, the largest picture of a request, pixels. "
            "By default, 4194304.",
            show_default=False,
        ),
    ] = None,
    warmup_size: Annotated[
        list[str] | None,
        typer.Option(
            metavar="WIDTHxHEIGHT",
            help="Of a SavedModel, pictures of the requests that a server "
            "runs before it is ready; may be given more than once, or none. "
            "By default, 256x256.",
            show_default=False,
        ),
    ] = None,
    provenance: Annotated[
        bool,
        typer.Option(
            "--provenance/--no-provenance",
            help="Of a SavedModel, whether its PNG files say that a trained "
            "network made them.",
        ),
    ] = True,
):
    """Write a preset for TensorFlow Serving, ONNX Runtime or LiteRT.

    TensorFlow Serving, or `keras-comic serve`, answers requests with a
    SavedModel; the file for ONNX Runtime or LiteRT runs in other programs.
    """
    with reported_errors():
        file_format = file_format or _format_of(output)
        _check_options(
            file_format,
            {
                "--dtype": dtype,
                "--representative": representative,
                "--max-pixels": max_pixels,
                "--warmup-size": warmup_size,
                "--no-provenance": None if provenance else False,
            },
        )
        import_models()
        from keras_comic import presets
        from keras_comic.export import litert_export
        from keras_comic.export import onnx_export
        from keras_comic.export import saved_model

        generator = presets.from_preset(preset)
        dtype = (dtype or Dtype.float32).value
        if file_format is Format.onnx:
            written = onnx_export.save_onnx(
                generator, output, dtype, representative
            )
        elif file_format is Format.litert:
            written = litert_export.save_litert(
                generator, output, dtype, representative=representative
            )
        else:
            options = {"provenance": None if provenance else False}
            if max_pixels is not None:
                options["max_pixels"] = max_pixels
            if warmup_size is not None:
                options["warmup_sizes"] = parse_sizes(warmup_size)
            written = [
                saved_model.save_served_model(generator, output, **options)
            ]
    typer.echo(f"Wrote {', '.join(map(str, written))}")


def parse_sizes(texts):
    """Heights and widths of sizes that were typed."""
    if texts == ["none"]:
        return []
    sizes = []
    for text in texts:
        found = re.fullmatch(r"(\d+)x(\d+)", text)
        if not found:
            raise ValueError(
                "--warmup-size must be WIDTHxHEIGHT, such as 640x480, or none. "
                f"Received: {text!r}"
            )
        sizes.append((int(found[2]), int(found[1])))
    return sizes


def _format_of(output):
    suffix = output.suffix.lower()
    formats = {".onnx": Format.onnx, ".tflite": Format.litert}
    if suffix in formats:
        return formats[suffix]
    if output.name.isdecimal():
        return Format.saved_model
    raise ValueError(
        "The output must be the folder of a version, such as models/comic/1, "
        f"or a file .onnx or .tflite. Received: {output}"
    )


def _check_options(file_format, options):
    known = {
        Format.saved_model: {
            "--max-pixels",
            "--warmup-size",
            "--no-provenance",
        },
        Format.onnx: {"--dtype", "--representative"},
        Format.litert: {"--dtype", "--representative"},
    }[file_format]
    given = [name for name, value in options.items() if value is not None]
    if unknown := [name for name in given if name not in known]:
        raise ValueError(
            f"{', '.join(unknown)}: not for the format {file_format.value}, "
            f"which takes {', '.join(sorted(known))}."
        )
