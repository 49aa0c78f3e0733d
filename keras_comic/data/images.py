"""Image files in and out, with Pillow and NumPy only."""

import os
import struct
import zlib
from pathlib import Path

import numpy as np
from PIL import Image
from PIL import ImageOps
from PIL import UnidentifiedImageError

SUFFIXES = frozenset(
    ".bmp .gif .jpeg .jpg .pgm .png .ppm .tif .tiff .webp".split()
)
# What Pillow raises on broken files, by format and place of the damage.
BROKEN_FILE_ERRORS = (
    OSError,
    SyntaxError,
    ValueError,
    ArithmeticError,
    EOFError,
    LookupError,
    TypeError,
    struct.error,
    zlib.error,
    Image.DecompressionBombError,
)


def list_images(folder):
    """Lists the image files of a folder and its sub-folders, sorted.

    Files count by suffix (`.jpg`, `.png`, `.webp`, ..., in any case); hidden
    files and folders are left out, and links to folders are not followed.

    Args:
        folder: String or path. An existing folder.

    Returns:
        List of `pathlib.Path`, in the order of their parts, so that it is
        the same on every file system.

    Raises:
        FileNotFoundError: If there is no such folder.
        ValueError: If `folder` is a file, or holds no image.

    Example:

    >>> keras_comic.data.list_images("no_such_folder")
    Traceback (most recent call last):
    ...
    FileNotFoundError: There is no such folder. Received: folder=no_such_folder
    """
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
    """Lists the images of several folders with their labels.

    Args:
        folders: String, path, or a list of them: folders, whose images have
            the labels that `image_label` says. Or a dict of labels to
            folders.
        split: String, as in `image_label`. Defaults to `"train"`.

    Returns:
        List of `(label, folder, path)`, folder by folder.

    Raises:
        FileNotFoundError: If a folder does not exist.
        ValueError: If no folder is named, or one holds no image.
    """
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


def read_image(path):
    """Reads an image file as RGB.

    The camera's orientation (EXIF) is applied, transparent pixels lie on
    white, 16-bit grey becomes 8-bit, and palette, grey and CMYK files become
    RGB (without their colour profile). Of an animation the first frame is
    read.

    Args:
        path: String or path.

    Returns:
        Uint8 array `(height, width, 3)`, RGB in `[0, 255]`.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the file is not an image, or is broken.

    Example:

    >>> keras_comic.data.read_image("no_such_file.jpg")
    Traceback (most recent call last):
    ...
    FileNotFoundError: There is no such file. Received: path=no_such_file.jpg
    """
    return np.asarray(open_image(path)[0])


def open_image(path):
    """Opens an image file as an upright RGB `PIL.Image`.

    Args:
        path: String or path.

    Returns:
        RGB `PIL.Image`, decoded; the file's format (`"JPEG"`, `"PNG"`, ...);
        and whether the file's own bytes hold just these pixels, so that any
        decoder gives them.
    """
    path = Path(path)
    if not path.exists():
        raise FileNotFoundError(f"There is no such file. Received: path={path}")
    if path.is_dir():
        raise ValueError(
            f"Expected an image file, not a folder. Received: path={path}"
        )
    try:
        with Image.open(path) as opened:
            opened.load()
            upright = ImageOps.exif_transpose(opened)
            plain = (
                opened.getexif().get(0x0112, 1) == 1
                and "transparency" not in opened.info
                and opened.mode in ("L", "P", "RGB")
            )
            return _convert_to_rgb(upright), opened.format, plain
    except UnidentifiedImageError:
        raise ValueError(
            "The file is not an image that Pillow can read. "
            f"Received: path={path}"
        ) from None
    except BROKEN_FILE_ERRORS as error:
        raise ValueError(
            f"The image is broken or of an unsupported kind: {error}. "
            f"Received: path={path}"
        ) from error


def _convert_to_rgb(image):
    if image.mode.startswith("I"):
        values = np.asarray(image).astype("int64")
        if values.min() < 0 or values.max() > 65535:
            raise ValueError(
                "grey values outside [0, 65535] "
                f"({values.min()} to {values.max()})"
            )
        values = (values * 255 + 32767) // 65535
        return Image.fromarray(values.astype("uint8")).convert("RGB")
    if image.mode == "F":
        raise ValueError("grey values in floating point, of unknown range")
    if image.has_transparency_data:
        image = image.convert("RGBA")
        white = Image.new("RGBA", image.size, (255, 255, 255, 255))
        return Image.alpha_composite(white, image).convert("RGB")
    return image.convert("RGB")


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
