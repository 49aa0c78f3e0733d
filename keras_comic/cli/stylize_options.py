"""The options of `keras-comic stylize`."""

import enum
from typing import Annotated

import typer

from keras_comic.cli.options import argument
from keras_comic.cli.options import option

Consistency = enum.Enum(
    "Consistency",
    {n: n for n in ("none", "statistics", "difference", "flow")},
)
Sources = Annotated[
    list[str],
    argument(
        "Photos, videos and animations, or folders of them with their "
        "sub-folders; a folder of numbered frames (with --as-video, or a video "
        "as output); webcam:0; or - for raw frames. Also URLs, such as "
        "s3://bucket/photos.",
        "FILE-or-FOLDER...",
    ),
]
Output = Annotated[
    str,
    option(
        "The comic to write (.png, .jpg, .webp or .tif), or a folder for PNG "
        "files; for a video, a video (.mp4, .mkv, .webm, .gif, ...), a folder "
        "for its frames, or - for raw frames.",
        "--output",
        "-o",
        metavar="PATH-or-URL",
    ),
]
Mask = Annotated[
    str | None,
    option(
        "An image as large as the photo: white is stylised, black stays a "
        "photo.",
        metavar="PATH-or-URL",
    ),
]
HoldStill = Annotated[
    Consistency | None,
    option(
        "For videos, how their comics hold still: by nothing; by the scene's "
        "statistics; by stylising only what has changed (for a camera that "
        "stands still); along the optical flow. By default, flow."
    ),
]
AsVideo = Annotated[
    bool,
    typer.Option(
        "--as-video",
        help="A folder holds the numbered frames of a video; so it does where "
        "--consistency is given.",
    ),
]
Compare = Annotated[
    bool, option("For videos: source and comic side by side.", "--compare")
]
Resume = Annotated[
    bool, option("For videos: go on where a run was stopped.", "--resume")
]
Sound = Annotated[
    bool, typer.Option("--sound/--no-sound", help="For videos: keep the sound.")
]
Size = Annotated[
    str | None,
    option("For raw frames and cameras, pixels.", metavar="WIDTHxHEIGHT"),
]
FrameRate = Annotated[
    float | None,
    option("For raw frames, folders and cameras, frames per second."),
]
WithProvenance = Annotated[
    bool,
    typer.Option(
        "--provenance/--no-provenance",
        help="Say in the files that a network made them, and which preset; "
        "keras-comic inspect shows it.",
    ),
]
Watermark = Annotated[
    str | None,
    option(
        "Hide a number of 32 bits in the pixels, such as 0xC0FFEE or 1234; "
        "keras-comic inspect reads it.",
        metavar="NUMBER",
    ),
]
