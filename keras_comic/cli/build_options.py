"""The options of `keras-comic tfrecords build`."""

from pathlib import Path
from typing import Annotated

import typer

from keras_comic.cli.options import option

SHEET_FILE = "left_out.png"
_OFF = "0 leaves nothing out for this."

Sources = Annotated[
    list[str],
    typer.Argument(
        metavar="SOURCE...",
        help="Folders, patterns (in quotes), images, videos, or manifests "
        "(.csv, .json, .jsonl). Sub-folders name the styles; an image "
        "right in a folder has the folder's name.",
    ),
]
Output = Annotated[
    Path, typer.Option("--output", "-o", help="Folder for the shards.")
]
Kind = Annotated[
    str | None,
    typer.Option(
        metavar="photos|comics|pairs|clips",
        help="What the records are. Without it, every source must be a "
        "folder of one of these names, and gets a folder of that name in "
        "the output.",
    ),
]
Split = Annotated[
    str, option("First part of the shards' names; train by default.")
]
EvalFraction = Annotated[
    float, option("Part of the sources that goes into the split eval.")
]
ImageSize = Annotated[
    int | None,
    option("Shrink images to this short side, pixels; none by default."),
]
NumShards = Annotated[
    int | None, option("Number of shards. Without it, by their size.")
]
ShardSize = Annotated[float, option("Size that a shard is filled up to, MiB.")]
Manifest = Annotated[
    Path | None,
    option(
        "Table with the column file and any of source, licence, label, split."
    ),
]
NumWorkers = Annotated[int | None, option("Processes. By default, one a core.")]
DryRun = Annotated[
    bool,
    option(
        "Write no records, but a sheet of what would be left out, "
        f"by rule: {SHEET_FILE} in the output folder.",
        "--dry-run",
    ),
]
Clean = Annotated[
    bool, option("Apply the rules below, or leave out only unreadable files.")
]
MinSide = Annotated[
    int | None, option(f"Shortest side of an image, pixels. {_OFF}")
]
MinSharpness = Annotated[
    float | None,
    option(f"Least variance of the Laplacian: below, blurred. {_OFF}"),
]
MaxBlank = Annotated[
    float | None,
    option("Largest part of an image that may be empty; 1 for any."),
]
ExactDuplicates = Annotated[bool, option("Leave out files that came before.")]
DuplicateDistance = Annotated[
    int | None,
    option("Bits by which hashes of near duplicates differ; -1: off."),
]
Trim = Annotated[bool, option("Cut off letterbox bars and page borders.")]
Panels = Annotated[
    bool, option("Split pages of comics into panels.", "--panels")
]
Variant = Annotated[
    list[str] | None,
    typer.Option(
        metavar="NAME",
        help="Store a variant beside each picture: edge_smoothed, "
        "grayscale, superpixels, blurred or smoothed. Repeatable.",
    ),
]
Frames = Annotated[
    str,
    typer.Option(
        metavar="N|scenes",
        help="Of videos, every N-th frame, or one frame of each scene.",
    ),
]
ClipLength = Annotated[int, option("Frames of a clip; 8 by default.")]
ClipStep = Annotated[int, option("Take every N-th frame into a clip.")]
ClipStride = Annotated[
    int | None,
    option("Frames between the starts of clips; clip-length by default."),
]
Flow = Annotated[bool, option("Store the optical flow of clips.", "--flow")]
