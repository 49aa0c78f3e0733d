"""Pictures as PNG files, on their way to a server and back."""

import io

import numpy as np
from PIL import Image

# It is for the way to the server; it is not kept.
COMPRESSION = 1


def write_png(photo):
    """Makes a PNG file, quickly."""
    file = io.BytesIO()
    Image.fromarray(photo).save(file, "PNG", compress_level=COMPRESSION)
    return file.getvalue()


def read_png(contents):
    """Reads a PNG file."""
    with Image.open(io.BytesIO(contents), formats=["PNG"]) as image:
        return np.asarray(image.convert("RGB"))
