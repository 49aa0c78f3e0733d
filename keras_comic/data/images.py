"""Image files in and out, with Pillow and NumPy."""

import contextlib
import io
import os
import stat
import threading
import warnings
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

from keras_comic.data.decoders import FORMATS
from keras_comic.data.decoders import MAX_PIXELS
from keras_comic.data.decoders import MAX_SIDE
from keras_comic.data.decoders import SIGNATURE_BYTES
from keras_comic.data.decoders import SUFFIXES
from keras_comic.data.decoders import image_format
from keras_comic.data.decoders import install_hint
from keras_comic.data.decoders import pillow_opener
from keras_comic.data.decoders import tensorflow_reader
from keras_comic.data.image_headers import MAX_SCANS
from keras_comic.data.image_headers import ORIENTATION
from keras_comic.data.image_headers import exif_orientation
from keras_comic.data.image_headers import read_header
from keras_comic.data.remote_files import RemoteFile
from keras_comic.data.remote_files import list_remote_images
from keras_comic.data.url_path import is_url

# A file of more bytes is not read into memory.
MAX_BYTES = 2**30
REASONS = (
    "unreadable",
    "truncated",
    "not an image",
    "empty",
    "too large",
    "unsupported",
)
# What is done to a file's pixels to make them upright, opaque 8-bit RGB; also,
# that more than one picture is in the file, of which the first is taken.
CONVERSIONS = (
    "animated",
    "multi-page",
    "orientation",
    "cmyk",
    "16-bit",
    "alpha",
    "palette",
    "grey",
)
TRANSPOSITIONS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
# Tags of TIFF.
BITS_PER_SAMPLE = 258
PHOTOMETRIC = 262
TILE_WIDTH = 322
TILE_HEIGHT = 323
# Pillow's readers of these formats give no warnings, whatever the file.
QUIET_FORMATS = ("JPEG", "PNG", "WEBP", "BMP")

_one_at_a_time = threading.Lock()


class ImageError(ValueError):
    """An image file that cannot be read.

    Args:
        message: String.
        reason: String, one of `"unreadable"` (broken, or not to be opened at
            all), `"truncated"` (the file ends before the picture),
            `"not an image"`, `"empty"` (no bytes), `"too large"` (pixels,
            bytes or work beyond the bounds) and `"unsupported"` (a format or
            kind that nothing installed reads). Also an attribute. Defaults
            to `"unreadable"`.

    Example:

    >>> keras_comic.data.ImageError("No bytes.", reason="empty").reason
    'empty'
    """

    def __init__(self, message, reason="unreadable"):
        if reason not in REASONS:
            raise ValueError(
                f"`reason` must be one of {', '.join(REASONS)}. "
                f"Received: reason={reason}"
            )
        super().__init__(message)
        self.reason = reason


class OpenedImage(NamedTuple):
    """What `open_image` returns."""

    image: Image.Image
    file_format: str
    plain: bool
    conversions: tuple


def list_images(folder):
    """Lists the image files of a folder and its sub-folders, sorted.

    Files count by suffix (`.jpg`, `.png`, `.webp`, ..., in any case); hidden
    files and folders are left out, and links to folders are not followed.

    Args:
        folder: String or path. An existing folder; or its URL, such as
            `s3://bucket/photos`, with the extra `remote`.

    Returns:
        List of `pathlib.Path`, or of paths of URLs, in the order of their
        parts, so that it is the same on every file system.

    Raises:
        FileNotFoundError: If there is no such folder.
        ValueError: If `folder` is a file, or holds no image.

    Example:

    >>> keras_comic.data.list_images("no_such_folder")
    Traceback (most recent call last):
    ...
    FileNotFoundError: There is no such folder. Received: folder=no_such_folder
    """
    if is_url(folder):
        return list_remote_images(folder)
    folder = Path(folder)
    if folder.is_file():
        raise ValueError(
            "Expected a folder of images, not a file; pass the folder it lies "
            f"in. Received: folder={folder}"
        )
    if not folder.is_dir():
        raise FileNotFoundError(
            f"There is no such folder. Received: folder={folder}"
        )
    paths = []
    for parent, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        paths.extend(
            Path(parent, name)
            for name in files
            if not name.startswith(".")
            and os.path.splitext(name)[1].lower() in SUFFIXES
        )
    if not paths:
        raise ValueError(
            "The folder holds no image; expected files ending in "
            f"{', '.join(sorted(SUFFIXES))}. Received: folder={folder}"
        )
    return sorted(paths, key=lambda path: path.relative_to(folder).parts)


def image_label(path, folder, split="train"):
    """The label of an image: the name of the style it shows.

    It is the name of the first sub-folder between `folder` and the image; of
    an image that lies in `folder` itself, it is the folder's own name, or
    that of the folder above where the folder is named as the split is
    (`drawings/wright/train/plate.png` gives `wright`).

    Args:
        path: String or path of the image, below `folder`.
        folder: String or path.
        split: String. Defaults to `"train"`.

    Returns:
        String.

    Example:

    >>> keras_comic.data.image_label("ink/train/a.png", "ink/train")
    'ink'
    >>> keras_comic.data.image_label("books/ink/a.png", "books")
    'ink'
    """
    folder = Path(folder)
    parts = Path(path).relative_to(folder).parts
    if len(parts) > 1:
        return parts[0]
    folder = Path(os.path.abspath(folder))
    return folder.parent.name if folder.name == split else folder.name


def labelled_images(folders, split="train"):
    """Lists the images of several folders with their labels."""
    if isinstance(folders, dict):
        entries = [(str(label), Path(f)) for label, f in folders.items()]
    elif isinstance(folders, (list, tuple)):
        entries = [(None, Path(folder)) for folder in folders]
    else:
        entries = [(None, Path(folders))]
    if not entries:
        raise ValueError(
            f"`folders` must name a folder. Received: folders={folders}"
        )
    return [
        (label or image_label(path, folder, split), folder, path)
        for label, folder in entries
        for path in list_images(folder)
    ]


def read_image(path, max_pixels=MAX_PIXELS):
    """Reads an image file as RGB.

    The camera's orientation (EXIF) is applied, transparent pixels lie on
    white, 16 bits become 8, and palette, grey and CMYK files become RGB
    (without their colour profile). Of an animation, or a file of several
    pages, the first is read. Which formats are read, `describe_decoders`
    says.

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

    Example:

    >>> keras_comic.data.read_image("no_such_file.jpg")
    Traceback (most recent call last):
    ...
    FileNotFoundError: There is no such file. Received: path=no_such_file.jpg
    """
    return np.asarray(open_image(path, max_pixels=max_pixels).image)


def open_image(path, contents=None, max_pixels=MAX_PIXELS):
    """Opens an image file as an upright, opaque RGB `PIL.Image`.

    Sizes are checked in the file's header, before anything is decoded. No
    setting of Pillow is changed, and none of its warnings comes out.

    Args:
        path: String or path.
        contents: Bytes of the file, where they are known already; `path` is
            then only its name, in errors. Defaults to `None`, to read them.
        max_pixels: Integer > 0, as in `read_image`. Defaults to
            `100_000_000`.

    Returns:
        `OpenedImage`: `image`, `file_format`, `plain`, `conversions`.

    Raises:
        FileNotFoundError: If there is no such file.
        ImageError: If the file is not an image, is broken or too large.

    Example:

    >>> from PIL import Image
    >>> Image.new("L", (32, 32)).save("grey.png")
    >>> keras_comic.data.open_image("grey.png").conversions
    ('grey',)
    """
    if contents is None:
        contents = _read_file(path)
    elif not isinstance(contents, bytes):
        contents = bytes(contents)
    if not contents:
        raise ImageError(
            f"The file is empty. Received: path={path}", reason="empty"
        )
    name = image_format(contents)
    if name is None:
        raise _not_an_image(path, contents)
    header = read_header(name, contents)
    _check_size(path, header.width, header.height, max_pixels)
    if header.scans > MAX_SCANS:
        raise ImageError(
            f"The JPEG has {header.scans} scans, more than {MAX_SCANS}: it is "
            f"made to take very long. Received: path={path}",
            reason="too large",
        )
    if header.pixels_only is not None:
        contents = header.pixels_only
    if header.damage is not None:
        raise _broken(path, name, contents, header.damage)
    try:
        opener = pillow_opener(name)
        # The plugin for JPEG XL gives an animation's last picture.
        if opener is None or (name == "JXL" and header.pictures > 1):
            return _open_with_tensorflow(path, name, header, contents)
        loud = name not in QUIET_FORMATS or (
            name in ("JPEG", "PNG") and header.pixels_only is None
        )
        with _without_warnings() if loud else contextlib.nullcontext():
            return _open_with_pillow(
                path, name, opener, header, contents, max_pixels
            )
    except ImageError:
        raise
    # On broken files the readers raise almost anything.
    except Exception as error:
        if isinstance(error, (MemoryError, Image.DecompressionBombError)):
            raise ImageError(
                f"The {FORMATS[name].title} image takes too much memory: "
                f"{error}. Received: path={path}",
                reason="too large",
            ) from error
        message = " ".join(f"{type(error).__name__}: {error}".split())
        raise _broken(path, name, contents, message) from error


def _read_file(path):
    if is_url(path):
        return _read_remote_file(RemoteFile(path))
    path = Path(path)
    try:
        status = os.stat(path)
    except FileNotFoundError:
        if os.path.islink(path):
            raise ImageError(
                f"The link leads to no file. Received: path={path}"
            ) from None
        raise FileNotFoundError(
            f"There is no such file. Received: path={path}"
        ) from None
    except (OSError, ValueError) as error:
        raise ImageError(
            f"The file cannot be opened: {error}. Received: path={path}"
        ) from error
    if stat.S_ISDIR(status.st_mode):
        raise ImageError(
            f"Expected an image file, not a folder. Received: path={path}",
            reason="not an image",
        )
    if not stat.S_ISREG(status.st_mode):
        raise ImageError(
            "Expected an image file, not a pipe, socket or device. "
            f"Received: path={path}",
            reason="not an image",
        )
    try:
        with open(path, "rb") as file:
            head = file.read(SIGNATURE_BYTES)
            if head and image_format(head) is None:
                raise _not_an_image(path, head)
            if status.st_size > MAX_BYTES:
                raise ImageError(
                    f"The file has {status.st_size} bytes; at most "
                    f"{MAX_BYTES} are read. Received: path={path}",
                    reason="too large",
                )
            return head + file.read()
    except OSError as error:
        raise ImageError(
            f"The file cannot be read: {error}. Received: path={path}"
        ) from error


def _read_remote_file(file):
    size = file.size()
    if size is not None and size > MAX_BYTES:
        raise ImageError(
            f"The file has {size} bytes; at most {MAX_BYTES} are read. "
            f"Received: path={file}",
            reason="too large",
        )
    return file.read_bytes()


def _not_an_image(path, contents):
    start = contents[:SIGNATURE_BYTES].lstrip().lower()
    kind = "; it is a page of HTML" if start.startswith(_HTML) else ""
    return ImageError(
        f"The file is not an image that can be read here{kind}. Expected one "
        f"of {', '.join(row.title for row in FORMATS.values())}. "
        f"Received: path={path}",
        reason="not an image",
    )


_HTML = (b"<!doctype html", b"<html")


def _check_size(path, width, height, max_pixels):
    if width is None:
        return
    if width * height > max_pixels or max(width, height) > MAX_SIDE:
        raise ImageError(
            f"The image is too large: {width} x {height} pixels. At most "
            f"{max_pixels} pixels and sides of at most {MAX_SIDE} are decoded. "
            f"Received: path={path}",
            reason="too large",
        )


def _broken(path, name, contents, message):
    title = FORMATS[name].title
    if _ends_early(name, contents) or "truncated" in message.lower():
        return ImageError(
            f"The {title} image is truncated ({message}). "
            f"Received: path={path}",
            reason="truncated",
        )
    return ImageError(
        f"The {title} image is broken or of an unsupported kind ({message}). "
        f"Received: path={path}",
        reason="unreadable",
    )


def _ends_early(name, contents):
    """Whether what stands at the end of each file of a format is missing."""
    if name == "JPEG":
        return contents.rfind(b"\xff\xd9") < contents.rfind(b"\xff\xda")
    if name == "PNG":
        return b"IEND" not in contents
    if name == "GIF":
        return not contents.rstrip(b"\0").endswith(b";")
    if name == "WEBP":
        return len(contents) < int.from_bytes(contents[4:8], "little") + 8
    if name == "BMP":
        return len(contents) < int.from_bytes(contents[2:6], "little")
    if name in ("AVIF", "HEIF", "JXL", "JPEG2000") and contents[:1] == b"\0":
        place = 0
        while 0 <= place < len(contents):
            length = int.from_bytes(contents[place : place + 4], "big")
            # Boxes of 0 reach to the end, those of 1 say their length later.
            if length < 8:
                return False
            place += length
        return place > len(contents)
    return False


@contextlib.contextmanager
def _without_warnings():
    # Filters belong to the whole process: one file at a time, and only what
    # comes from the readers is filtered.
    with _one_at_a_time, warnings.catch_warnings():
        for module in (r"PIL\.", "pillow_"):
            warnings.filterwarnings("ignore", module=module)
        yield


def _open_with_pillow(path, name, opener, header, contents, max_pixels):
    with opener(io.BytesIO(contents)) as opened:
        _check_size(path, *opened.size, max_pixels)
        conversions = set()
        tags = getattr(opened, "tag_v2", {}) if name == "TIFF" else {}
        if name == "TIFF":
            _check_size(
                path,
                tags.get(TILE_WIDTH, 1),
                tags.get(TILE_HEIGHT, 1),
                max_pixels,
            )
            # Pillow itself turns it.
            orientation = 1
            if tags.get(ORIENTATION, 1) in TRANSPOSITIONS:
                conversions.add("orientation")
            if max(np.atleast_1d(tags.get(BITS_PER_SAMPLE, 8))) > 8:
                conversions.add("16-bit")
        else:
            orientation = header.orientation
            # In JPEG XL the codestream's counts, which is applied already, but
            # not to a JPEG kept inside.
            if orientation == 1 and (
                name != "JXL" or getattr(opened, "jpeg", False)
            ):
                orientation = exif_orientation(opened.info.get("exif"))
        opened.load()
        # Loading may find another size, as of an icon's larger picture.
        _check_size(path, *opened.size, max_pixels)
        mode = opened.mode
        image = _convert_to_rgb(path, opened, tags.get(PHOTOMETRIC))
        if header.pictures > 1 or _has_more_pictures(opened):
            several = name in ("TIFF", "JPEG", "HEIF", "PSD")
            conversions.add("multi-page" if several else "animated")
        if orientation in TRANSPOSITIONS:
            image = image.transpose(TRANSPOSITIONS[orientation])
            conversions.add("orientation")
        if _has_alpha(opened):
            conversions.add("alpha")
    if mode == "CMYK":
        conversions.add("cmyk")
    if mode.startswith("I") or (header.bits or 8) > 8:
        conversions.add("16-bit")
    if mode in ("P", "PA"):
        conversions.add("palette")
    if mode in ("1", "L", "LA", "La") or mode.startswith("I"):
        conversions.add("grey")
    plain = mode in ("L", "P", "RGB") and conversions <= {"grey", "palette"}
    if name == "JPEG" and "multi-page" in conversions:
        name = "MPO"
    return OpenedImage(
        image, name, plain, tuple(c for c in CONVERSIONS if c in conversions)
    )


def _has_more_pictures(opened):
    try:
        return bool(getattr(opened, "is_animated", False))
    # Damage behind the first picture does not matter.
    except Exception:
        return False


def _has_alpha(image):
    return (
        image.mode in ("LA", "La", "PA", "RGBA", "RGBa")
        or "transparency" in image.info
        or (image.mode == "P" and image.palette.mode == "RGBA")
    )


def _convert_to_rgb(path, image, photometric=None):
    transparency = image.info.get("transparency")
    if image.mode.startswith("I"):
        values = np.asarray(image).astype("int64")
        if values.min() < 0 or values.max() > 65535:
            raise ImageError(
                "Grey values outside of [0, 65535] "
                f"({values.min()} to {values.max()}) are of unknown range. "
                f"Received: path={path}",
                reason="unsupported",
            )
        if photometric == 0:
            values = 65535 - values
        grey = (values * 255 + 32767) // 65535
        if isinstance(transparency, int):
            grey[values == transparency] = 255
        return Image.fromarray(grey.astype("uint8")).convert("RGB")
    if image.mode == "F":
        raise ImageError(
            "Grey values in floating point are of unknown range. "
            f"Received: path={path}",
            reason="unsupported",
        )
    if _has_alpha(image):
        return _lay_on_white(image)
    image = image.convert("RGB")
    image.info = {}
    return image


def _lay_on_white(image):
    if image.mode == "La":
        image = image.convert("LA")
    image = image.convert("RGBA")
    white = Image.new("RGBA", image.size, (255, 255, 255, 255))
    return Image.alpha_composite(white, image).convert("RGB")


def _open_with_tensorflow(path, name, header, contents):
    read = tensorflow_reader(name)
    if read is None:
        raise ImageError(
            f"Nothing installed reads {FORMATS[name].title} images; "
            f"{install_hint(name)}. Received: path={path}",
            reason="unsupported",
        )
    pixels = read(contents)
    image = Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels)
    conversions = set()
    if header.pictures > 1:
        conversions.add("animated")
    if image.mode in ("LA", "RGBA"):
        conversions.add("alpha")
        image = _lay_on_white(image)
    if pixels.shape[-1] < 3:
        conversions.add("grey")
    return OpenedImage(
        image.convert("RGB"),
        name,
        False,
        tuple(c for c in CONVERSIONS if c in conversions),
    )


def resize_short_side(image, size):
    """Resizes an image so that its short side has a given length.

    Lanczos filter, antialiased; the long side keeps the proportions, rounded
    to whole pixels.

    Args:
        image: Uint8 array `(height, width, 3)`, RGB in `[0, 255]`.
        size: Integer > 0, pixels.

    Returns:
        Uint8 array `(new_height, new_width, 3)`, RGB in `[0, 255]`; the
        image itself where it has that size already.

    Raises:
        ValueError: If `size` is not positive, or `image` is no such array.

    Example:

    >>> image = np.zeros((64, 48, 3), "uint8")
    >>> keras_comic.data.resize_short_side(image, 32).shape
    (43, 32, 3)
    """
    image = np.asarray(image)
    if image.dtype != "uint8" or image.ndim != 3 or image.shape[-1] != 3:
        raise ValueError(
            "`image` must be uint8 of shape (height, width, 3). Received: "
            f"image.dtype={image.dtype}, image.shape={image.shape}"
        )
    if not size > 0:
        raise ValueError(
            f"`size` must be a positive integer. Received: size={size}"
        )
    height, width = image.shape[:2]
    short = min(height, width)
    if short == size:
        return image
    new_size = (round(width * size / short), round(height * size / short))
    resized = Image.fromarray(image).resize(new_size, Image.Resampling.LANCZOS)
    return np.asarray(resized)


def fitted_size(size, max_side):
    """A size with the same proportions and no longer side than a limit."""
    scale = max_side / max(size)
    if scale >= 1:
        return tuple(size)
    return tuple(max(round(side * scale), 1) for side in size)
