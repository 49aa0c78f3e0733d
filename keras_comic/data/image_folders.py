"""Lists of the image files in folders, and their labels."""

import os
from pathlib import Path

from keras_comic.data.image_formats import SUFFIXES
from keras_comic.data.media import VIDEO_SUFFIXES
from keras_comic.data.media import is_media
from keras_comic.data.paths import is_url
from keras_comic.data.paths import path_of
from keras_comic.data.paths import reached


def list_images(folder):
    """Lists the image files of a folder and its sub-folders, sorted.

    Files count by suffix (`.jpg`, `.png`, `.webp`, ..., in any case) or by
    their first bytes; hidden files and folders are left out, and links to
    folders are not followed.

    Args:
        folder: String or path. An existing folder; or its URL, such as
            `s3://bucket/photos`, with the extra `remote`.

    Returns:
        List of `pathlib.Path`, or of `upath.UPath`, in the order of their
        parts, so that it is the same on every file system.

    Raises:
        FileNotFoundError: If there is no such folder.
        ValueError: If `folder` is a file, or holds no image.
    """
    folder = path_of(folder)
    paths = walk_files(folder)
    images = [
        path
        for path in paths
        if is_media(path) and path.suffix.lower() not in VIDEO_SUFFIXES
    ]
    if not images:
        raise ValueError(
            "The folder holds no image; expected files ending in "
            f"{', '.join(sorted(SUFFIXES))}. Received: folder={folder}"
        )
    return images


def walk_files(folder):
    """Lists the files of a folder and its sub-folders but hidden ones."""
    if is_url(folder):
        with reached(folder):
            files = folder.fs.find(folder.path)
        root = folder.path.rstrip("/")
        paths = [folder / file[len(root) + 1 :] for file in files]
    else:
        if folder.is_file():
            raise ValueError(
                "Expected a folder of images, not a file; pass the folder it "
                f"lies in. Received: folder={folder}"
            )
        paths = []
        for parent, folders, files in os.walk(folder, onerror=_refuse):
            folders[:] = [name for name in folders if name[0] != "."]
            paths.extend(Path(parent, name) for name in files)
    if not paths and (is_url(folder) or not folder.is_dir()):
        raise FileNotFoundError(
            f"There is no such folder. Received: folder={folder}"
        )
    named = [(path.relative_to(folder).parts, path) for path in paths]
    return [
        path
        for parts, path in sorted(named)
        if not any(part.startswith(".") for part in parts)
    ]


def _refuse(error):
    if isinstance(error, FileNotFoundError):
        return
    # Files in a folder that cannot be entered must not vanish unsaid.
    raise PermissionError(
        f"The folder cannot be read: {error.strerror}. "
        f"Received: folder={error.filename}"
    ) from error


def image_label(path, folder, split="train"):
    """Returns the label of an image: the name of the style it shows.

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
    folder = path_of(folder)
    parts = path_of(path).relative_to(folder).parts
    if len(parts) > 1:
        return parts[0]
    if not is_url(folder):
        folder = Path(os.path.abspath(folder))
    return folder.parent.name if folder.name == split else folder.name


def labelled_images(folders, split="train"):
    """Lists the images of several folders as (label, folder, path)."""
    return [
        (label or image_label(path, folder, split), Path(folder), path)
        for label, folder in labelled_entries(folders, "folders")
        for path in list_images(folder)
    ]


def labelled_entries(entries, name):
    """Pairs each entry with its label; without a dict of labels, `None`."""
    if isinstance(entries, dict):
        pairs = [(str(label), entry) for label, entry in entries.items()]
    elif isinstance(entries, (list, tuple)):
        pairs = [(None, entry) for entry in entries]
    else:
        pairs = [(None, entries)]
    if not pairs:
        raise ValueError(
            f"`{name}` must name a folder. Received: {name}={entries}"
        )
    return pairs
