"""Reads image files with Pillow."""

import contextlib
import functools
import importlib
import io
import os
import re
import stat
import threading
import warnings
from typing import NamedTuple

import numpy as np
from PIL import Image
from PIL import UnidentifiedImageError

from keras_comic.data.color_profiles import to_srgb
from keras_comic.data.image_formats import FORMATS
from keras_comic.data.image_formats import MAX_PIXELS
from keras_comic.data.image_formats import MAX_SIDE
from keras_comic.data.image_formats import SIGNATURE_BYTES
from keras_comic.data.image_formats import ImageError
from keras_comic.data.paths import is_url
from keras_comic.data.paths import path_of
from keras_comic.data.paths import reached
from keras_comic.data.photo_rights import rights_of

# A file of more bytes is not read into memory.
MAX_BYTES = 2**30
# Each scan of a JPEG costs a pass over the whole picture. No camera or
# program writes as many as this.
MAX_SCANS = 500
# Modules that register a format with Pillow, and their packages.
PLUGINS = {
    "HEIF": ("pillow_heif", "pillow-heif"),
    "JXL": ("pillow_jxl", "pillow-jxl-plugin"),
}
# Formats of which several pictures in a file are pages, not an animation.
PAGED_FORMATS = ("JPEG", "MPO", "TIFF", "HEIF", "PSD")
TRANSPOSITIONS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
# In Pillow's `info`, what may state an orientation.
EXIF_KEYS = frozenset(["exif", "xmp", "Raw profile type exif"])
# Tags of EXIF and TIFF.
ORIENTATION = 274
BITS_PER_SAMPLE = 258
PHOTOMETRIC = 262

BOMBS = (MemoryError, Image.DecompressionBombError)

_one_at_a_time = threading.Lock()


class OpenedImage(NamedTuple):
    """An upright RGB picture, and how its file held it."""

    image: Image.Image
    file_format: str
    # Whether the file's pixels are those of `image`, unchanged.
    plain: bool
    # What was done to the pixels; also that only the first picture was taken.
    conversions: tuple
    # Pillow's metadata.
    exif: Image.Exif
    info: dict

    @property
    def rights(self):
        """Who made it, and when, as `PIL.Image.Exif`."""
        return rights_of(self.exif, self.info)


def read_image(path, max_pixels=MAX_PIXELS):
    """Reads an image file as RGB.

    The camera's orientation (EXIF) is applied, transparent pixels lie on
    white, 16 bits become 8, and palette, grey and CMYK files become RGB.
    Colours are converted to sRGB by the file's own profile, or by the gamma
    and the primaries that a PNG states. Of an animation, or a file of several
    pages, the first is read. Formats are those that the installed Pillow
    reads, of JPEG, PNG, GIF, BMP, WebP, TIFF, AVIF, JPEG 2000, Netpbm, QOI,
    Photoshop and TGA; and HEIF with pillow-heif, JPEG XL with
    pillow-jxl-plugin.

    Args:
        path: String or path; or a URL, such as `s3://bucket/a.jpg`, with the
            extra `remote`.
        max_pixels: Integer > 0. A picture of more pixels is refused before
            it is decoded, as is one with a side of more than 25,000 pixels.
            Defaults to `100_000_000`.

    Returns:
        Uint8 array `(height, width, 3)`, RGB in `[0, 255]`.

    Raises:
        FileNotFoundError: If there is no such file.
        ImageError: If the file is not an image, is broken or too large. It
            is a `ValueError` and has a `reason`.
        OSError: If a URL cannot be reached.
    """
    return np.asarray(open_image(path, max_pixels=max_pixels).image)


def open_image(path, contents=None, max_pixels=MAX_PIXELS):
    """Opens an image file as an upright, opaque RGB `PIL.Image`.

    Sizes are checked in the file's header, before anything is decoded. With
    `contents`, `path` is only a name for errors.
    """
    contents = _read_file(path) if contents is None else bytes(contents)
    if contents.startswith(b"\x89PNG"):
        # Damaged rows would be left black; checksums tell.
        picture = _open_header(path, contents, max_pixels)
        _translated(path, "PNG", picture.verify)
    with _open_header(path, contents, max_pixels) as picture:
        return _translated(
            path, picture.format, _convert, path, picture, contents, max_pixels
        )


def image_format(contents):
    """Names the format of a file by its first bytes, if it is known."""
    head = bytes(contents[:SIGNATURE_BYTES])
    for name, row in FORMATS.items():
        if re.match(row.signature, head, re.DOTALL):
            return name
    return None


def image_size(contents, path="bytes"):
    """Reads the width and height of an image file, and decodes nothing."""
    with _open_header(path, contents, None) as picture:
        return picture.size


def is_animated(contents, path="bytes"):
    """Tells whether an image file is an animation."""
    with _open_header(path, contents, None) as picture:
        paged = picture.format in PAGED_FORMATS
        return not paged and _has_several_pictures(picture)


def _read_file(path):
    path = path_of(path)
    if is_url(path):
        with reached(path):
            _check_bytes(path, path.stat().st_size or 0)
            return path.read_bytes()
    try:
        status = os.stat(path)
        if not stat.S_ISREG(status.st_mode):
            problem = "Expected an image file, not a folder or a device"
            raise _error(path, problem, "not an image")
        with open(path, "rb") as file:
            head = file.read(SIGNATURE_BYTES)
            if head:
                _check_format(path, head)
            _check_bytes(path, status.st_size)
            return head + file.read()
    except FileNotFoundError as error:
        if os.path.islink(path):
            raise _error(path, "The link leads to no file") from error
        raise FileNotFoundError(
            f"There is no such file. Received: path={path}"
        ) from error
    except ImageError:
        raise
    except (OSError, ValueError) as error:
        raise _error(path, f"The file cannot be read: {error}") from error


def _error(path, problem, reason="unreadable"):
    return ImageError(f"{problem}. Received: path={path}", reason)


def _check_bytes(path, size):
    if size > MAX_BYTES:
        problem = f"The file has {size} bytes; at most {MAX_BYTES} are read"
        raise _error(path, problem, "too large")


def _check_format(path, contents):
    """Returns the format of a file, or raises that it is not an image."""
    name = image_format(contents)
    if name is None:
        start = contents[:SIGNATURE_BYTES].lstrip().lower()
        is_page = start.startswith((b"<!doctype html", b"<html"))
        raise _error(
            path,
            "The file is not an image that can be read here"
            f"{'; it is a page of HTML' if is_page else ''}. Expected one of "
            f"{', '.join(row.title for row in FORMATS.values())}",
            "not an image",
        )
    return name


def _open_header(path, contents, max_pixels):
    """Opens a file with Pillow, which reads only its header, and checks it."""
    if not contents:
        raise _error(path, "The file is empty", "empty")
    name = _check_format(path, contents)
    if name == "JPEG":
        # In the coded data 0xFF is followed by 0; this is a marker.
        scans = contents.count(b"\xff\xda")
        if scans > MAX_SCANS:
            raise _error(
                path,
                f"The JPEG has {scans} scans, more than {MAX_SCANS}: it is "
                "made to take very long",
                "too large",
            )
    if not _has_reader(name):
        package = PLUGINS.get(name, (None, "a newer Pillow"))[1]
        raise _error(
            path,
            f"Nothing installed reads {FORMATS[name].title} images; install "
            f"{package}",
            "unsupported",
        )
    file = io.BytesIO(contents)
    with _without_warnings():
        picture = _translated(path, name, Image.open, file, "r", [name])
    if max_pixels is not None:
        _check_size(path, *picture.size, max_pixels)
    return picture


@contextlib.contextmanager
def _without_warnings():
    # Filters of warnings belong to the whole process: one thread at a time.
    with _one_at_a_time, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


@functools.cache
def _has_reader(name):
    """Tells whether Pillow reads a format here, with its plug-in if needed."""
    Image.init()
    if name not in Image.OPEN and name in PLUGINS:
        try:
            plugin = importlib.import_module(PLUGINS[name][0])
            if name == "HEIF":
                plugin.register_heif_opener()
        # A package without its native library may raise anything.
        except Exception:
            return False
    return name in Image.OPEN


def _check_size(path, width, height, max_pixels):
    if width * height > max_pixels or max(width, height) > MAX_SIDE:
        raise _error(
            path,
            f"The image is too large: {width} x {height} pixels. At most "
            f"{max_pixels} pixels and sides of at most {MAX_SIDE} are decoded",
            "too large",
        )


def _translated(path, name, function, *arguments):
    """Calls a function; an error of it becomes one that names the file."""
    try:
        return function(*arguments)
    except ImageError:
        raise
    # On broken files Pillow raises almost anything.
    except Exception as error:
        problem = " ".join(f"{type(error).__name__}: {error}".split())
        if isinstance(error, UnidentifiedImageError):
            problem = "its header is broken"
        title = FORMATS[name if name in FORMATS else "JPEG"].title
        if isinstance(error, BOMBS) or "too large" in problem:
            reason, fault = "too large", "takes too much memory"
        elif "truncated" in problem.lower():
            reason, fault = "truncated", "is truncated"
        else:
            reason, fault = "unreadable", "is broken or of an unsupported kind"
        raise _error(
            path, f"The {title} image {fault} ({problem})", reason
        ) from error


def _convert(path, picture, contents, max_pixels):
    """Decodes a picture, and makes it upright, opaque 8-bit RGB."""
    name = picture.format
    several = _has_several_pictures(picture)
    tags = getattr(picture, "tag_v2", {})
    deep = _is_deep(picture, contents, tags)
    is_tiff = name == "TIFF"
    orientation = tags.get(ORIENTATION, 1)
    with _without_warnings() if is_tiff else contextlib.nullcontext():
        picture.load()
    exif, stated = _read_exif(picture)
    # Loading turns a TIFF, and the plug-in for JPEG XL its pictures.
    if name not in ("TIFF", "JXL"):
        orientation = stated
    # Loading may find another size than the header states.
    _check_size(path, *picture.size, max_pixels)
    mode, info = picture.mode, picture.info
    picture, is_converted = to_srgb(picture)
    done = {
        "color profile": is_converted,
        "animated": several and name not in PAGED_FORMATS,
        "multi-page": several and name in PAGED_FORMATS,
        "orientation": orientation in TRANSPOSITIONS,
        "cmyk": mode == "CMYK",
        "16-bit": deep or mode.startswith("I"),
        "alpha": _has_alpha(picture),
        "palette": mode in ("P", "PA"),
        "grey": mode in ("1", "L", "LA", "La") or mode.startswith("I"),
    }
    image = _to_rgb(path, picture, tags.get(PHOTOMETRIC))
    if orientation in TRANSPOSITIONS and not is_tiff:
        image = image.transpose(TRANSPOSITIONS[orientation])
    conversions = tuple(word for word, true in done.items() if true)
    plain = mode in ("L", "P", "RGB") and {*conversions} <= {"grey", "palette"}
    return OpenedImage(image, name, plain, conversions, exif, info)


def _read_exif(picture):
    """Returns the EXIF data, and the orientation that they state."""
    exif = Image.Exif()
    if picture.format != "TIFF" and EXIF_KEYS.isdisjoint(picture.info):
        return exif, 1
    try:
        with _without_warnings():
            exif = picture.getexif()
            return exif, exif.get(ORIENTATION, 1)
    # Broken metadata do no harm to the picture.
    except Exception:
        return exif, 1


def _has_several_pictures(picture):
    try:
        return bool(getattr(picture, "is_animated", False))
    # Damage behind the first picture does not matter.
    except Exception:
        return False


def _is_deep(picture, contents, tags):
    if picture.format == "PNG":
        return contents[24] > 8
    return bool(tags) and max(np.atleast_1d(tags.get(BITS_PER_SAMPLE, 8))) > 8


def _has_alpha(picture):
    return "transparency" in picture.info or picture.has_transparency_data


def _to_rgb(path, picture, photometric):
    if picture.mode.startswith("I"):
        return _grey_to_rgb(path, np.asarray(picture), photometric, picture)
    if picture.mode == "F":
        problem = "Grey values in floating point are of unknown range"
        raise _error(path, problem, "unsupported")
    if _has_alpha(picture):
        if picture.mode == "La":
            picture = picture.convert("LA")
        picture = picture.convert("RGBA")
        white = Image.new("RGBA", picture.size, (255, 255, 255, 255))
        picture = Image.alpha_composite(white, picture)
    picture = picture.convert("RGB")
    picture.info = {}
    return picture


def _grey_to_rgb(path, values, photometric, picture):
    values = values.astype("int64")
    if values.min() < 0 or values.max() > 65535:
        raise _error(
            path,
            "Grey values outside of [0, 65535] "
            f"({values.min()} to {values.max()}) are of unknown range",
            "unsupported",
        )
    # In TIFF files, 0 may stand for white.
    light = 65535 - values if photometric == 0 else values
    grey = (light * 255 + 32767) // 65535
    transparency = picture.info.get("transparency")
    if isinstance(transparency, int):
        grey[values == transparency] = 255
    return Image.fromarray(grey.astype("uint8")).convert("RGB")
