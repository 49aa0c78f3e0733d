"""`keras-comic export`."""

import enum
import re
from pathlib import Path
from typing import Annotated

import typer

from keras_comic.cli.backend import import_models
from keras_comic.cli.errors import reported_errors
from keras_comic.cli.options import PresetArgument
from keras_comic.cli.options import argument
from keras_comic.cli.options import option

Dtype = enum.Enum(
    "Dtype", {n: n for n in ("float32", "float16", "int8")}, type=str
)


def export(
    preset: PresetArgument,
    output: Annotated[
        Path,
        argument(
            "The folder of a SavedModel's version, such as "
            "models/comic/1; or a file, comic.onnx or comic.tflite."
        ),
    ],
    dtype: Annotated[
        Dtype | None,
        option(
            "How an ONNX or LiteRT file stores the weights. By default, "
            "float32."
        ),
    ] = None,
    max_pixels: Annotated[
        int | None,
        option(
            "The largest picture that a SavedModel takes, pixels. By "
            "default, 4194304.",
            min=1024,
        ),
    ] = None,
    warmup_size: Annotated[
        list[str] | None,
        option(
            "The pictures of the requests that a server runs before a "
            "SavedModel is ready; may be given more than once, or none. By "
            "default, 256x256.",
            metavar="WIDTHxHEIGHT",
        ),
    ] = None,
    provenance: Annotated[
        bool,
        typer.Option(
            "--provenance/--no-provenance",
            help="Let the PNG files of a SavedModel say that a trained "
            "network made them.",
        ),
    ] = True,
):
    """Write a preset for TensorFlow Serving, ONNX Runtime or LiteRT.

    TensorFlow Serving, or `keras-comic serve`, answers requests with a
    SavedModel; the file for ONNX Runtime or LiteRT runs in other programs.
    """
    with reported_errors():
        suffix = output.suffix.lower()
        if suffix not in (".onnx", ".tflite") and not output.name.isdecimal():
            raise ValueError(
                "The output must be the folder of a version, such as "
                "models/comic/1, or a file .onnx or .tflite. "
                f"Received: {output}"
            )
        of_saved_models = {
            "--max-pixels": max_pixels,
            "--warmup-size": warmup_size,
            "--no-provenance": None if provenance else False,
        }
        others = of_saved_models if suffix else {"--dtype": dtype}
        if wrong := [n for n, value in others.items() if value is not None]:
            raise ValueError(f"{', '.join(wrong)}: not for {output.name}.")
        options = {}
        if max_pixels is not None:
            options["max_pixels"] = max_pixels
        if warmup_size is not None:
            options["warmup_sizes"] = parse_sizes(warmup_size)
        if not provenance:
            options["provenance"] = False
        import_models()
        from keras_comic import export as exports

        if suffix:
            save = exports.save_onnx
            if suffix == ".tflite":
                save = exports.save_litert
            written = save(preset, output, (dtype or Dtype.float32).value)
        else:
            written = [exports.save_served_model(preset, output, **options)]
    typer.echo(f"Wrote {', '.join(map(str, written))}")


def parse_sizes(texts):
    """Returns the heights and widths of sizes that were typed."""
    if texts == ["none"]:
        return []
    sizes = [re.fullmatch(r"(\d+)x(\d+)", text) for text in texts]
    if not all(sizes):
        raise ValueError(
            "--warmup-size must be WIDTHxHEIGHT, such as 640x480, or none. "
            f"Received: {', '.join(texts)}"
        )
    return [(int(size[2]), int(size[1])) for size in sizes]
