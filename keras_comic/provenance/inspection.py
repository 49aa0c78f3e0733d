"""What can be told of a file: what it says, and its watermark."""

import os
from typing import NamedTuple

import numpy as np
from PIL import Image

from keras_comic.provenance import xmp
from keras_comic.provenance.image_containers import image_format
from keras_comic.provenance.metadata import Provenance
from keras_comic.provenance.metadata import import_video_library
from keras_comic.provenance.metadata import is_other_video
from keras_comic.provenance.metadata import read_provenance
from keras_comic.provenance.metadata import read_xmp
from keras_comic.provenance.video_containers import is_video
from keras_comic.provenance.watermark import HIGHEST
from keras_comic.provenance.watermark import read_watermark


class Inspection(NamedTuple):
    """What was found."""

    provenance: Provenance | None
    digital_source_type: str | None
    watermark: int | None


def inspect_file(path):
    """Reads what a picture or video says, and its watermark.

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

    Example:

    >>> from PIL import Image
    >>> from keras_comic import provenance
    >>> Image.new("RGB", (64, 64)).save("plain.png")
    >>> provenance.inspect_file("plain.png").watermark is None
    True

    Reference:
        - [IPTC, Digital Source Type](
          https://cv.iptc.org/newscodes/digitalsourcetype/).
    """
    with open(path, "rb") as file:
        start = file.read(16)
    provenance = read_provenance(path)
    source_type = None
    if image_format(start) or is_video(start):
        packet = read_xmp(path)
        if packet is not None:
            name = xmp.qualified("Iptc4xmpExt:DigitalSourceType")
            source_type = xmp.read_properties(packet).get(name)
    if is_video(start) or is_other_video(start):
        image = _first_frame(path)
    else:
        image = _picture(path)
    identifier = None
    if min(image.shape[:2]) >= HIGHEST:
        identifier = read_watermark(image)
    return Inspection(provenance, source_type, identifier)


def _picture(path):
    try:
        with Image.open(path) as image:
            return np.asarray(image.convert("RGB"))
    except (OSError, SyntaxError, Image.DecompressionBombError) as error:
        raise ValueError(
            f"{os.fspath(path)}: The picture cannot be decoded: {error}."
        ) from error


def _first_frame(path):
    av = import_video_library()
    try:
        with av.open(os.fspath(path)) as container:
            for frame in container.decode(video=0):
                return frame.to_ndarray(format="rgb24")
    except (av.FFmpegError, IndexError) as error:
        raise ValueError(
            f"{os.fspath(path)}: The video cannot be decoded: {error}."
        ) from error
    raise ValueError(f"{os.fspath(path)}: The video holds no frame.")
