"""Reads a file's metadata of how it was made, and its watermark."""

import os
import re
from typing import NamedTuple

import numpy as np
from PIL import Image

from keras_comic.provenance.metadata import PICTURES
from keras_comic.provenance.metadata import Provenance
from keras_comic.provenance.metadata import import_video_library
from keras_comic.provenance.metadata import read_text
from keras_comic.provenance.watermark import HIGHEST
from keras_comic.provenance.watermark import read_watermark

SOURCE_TYPE = re.compile(
    r"https?://cv\.iptc\.org/newscodes/digitalsourcetype/\w+"
)


class Inspection(NamedTuple):
    """The origin that a file states, and the watermark in its pixels."""

    provenance: Provenance | None
    digital_source_type: str | None
    watermark: int | None


def inspect_file(path):
    """Reads how a picture or video says that it was made, and its watermark.

    Args:
        path: String or path of a file, see `read_provenance`. Of a video or
            an animation, the watermark of the first frame is read.

    Returns:
        Named tuple `Inspection`: `provenance`, a `Provenance` or `None`;
        `digital_source_type`, a string or `None`, whoever wrote it;
        `watermark`, an integer or `None`.

    Raises:
        ImportError: If PyAV is needed for a video and is not installed.
        OSError: If the file cannot be read.
        ValueError: If the format is not known, or the file is damaged.
    """
    text = read_text(path)
    source_type = SOURCE_TYPE.search(text)
    try:
        with Image.open(path, formats=PICTURES) as picture:
            image = np.asarray(picture.convert("RGB"))
    except Image.UnidentifiedImageError:
        image = _first_frame(path)
    except (OSError, SyntaxError, Image.DecompressionBombError) as error:
        raise ValueError(
            f"{os.fspath(path)}: The picture cannot be decoded: {error}."
        ) from error
    identifier = None
    if min(image.shape[:2]) >= HIGHEST:
        identifier = read_watermark(image)
    return Inspection(
        Provenance.from_text(text),
        source_type and source_type[0],
        identifier,
    )


def _first_frame(path):
    av = import_video_library()
    try:
        with av.open(os.fspath(path)) as container:
            for frame in container.decode(video=0):
                return frame.to_ndarray(format="rgb24")
    except (av.FFmpegError, IndexError) as error:
        raise ValueError(
            f"{os.fspath(path)}: The file is no picture and no video that can "
            f"be decoded: {error}."
        ) from error
    raise ValueError(f"{os.fspath(path)}: The video holds no frame.")
