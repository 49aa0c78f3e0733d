"""Version folders, as TensorFlow Serving watches them: whole or not there."""

import contextlib
import os
import re
import shutil
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows: nothing is locked.
    fcntl = None

# A version in the making, and one on its way out. TensorFlow Serving skips
# names that are no numbers.
UNFINISHED = re.compile(r"\.\d+\.(partial|removed)")
LOCK_FILE = ".lock"


def list_versions(base):
    """Lists the versions of a model.

    Args:
        base: String or path. The model's folder, which holds a folder for
            each version. Files, and folders whose names are no numbers, are
            skipped, as TensorFlow Serving skips them.

    Returns:
        Dict of version number to the path of its folder, oldest first; empty
        where `base` is missing.

    Raises:
        ValueError: If two folders have one number, such as `1` and `01`.

    Example:

    >>> from keras_comic.export.versions import list_versions
    >>> list_versions("models/comic")
    {}
    """
    base = Path(base)
    versions = {}
    for path in sorted(base.iterdir()) if base.is_dir() else []:
        if not re.fullmatch("[0-9]+", path.name) or not path.is_dir():
            continue
        other = versions.setdefault(int(path.name), path)
        if other != path:
            raise ValueError(
                "Version folders must differ in number. "
                f"Received: '{other}' and '{path}'"
            )
    return dict(sorted(versions.items()))


@contextlib.contextmanager
def new_version(base, version=None):
    """Makes a version folder that appears when it is whole.

    What is written goes into a hidden folder beside, `.3.partial` for version
    3, whose name TensorFlow Serving skips; at the end it is flushed to the
    disk and renamed. An error in between deletes it, and the next call
    deletes what a killed process left. One process at a time writes versions
    of a model; another waits. For local disks: object stores cannot rename a
    folder at once.

    Args:
        base: String or path. The model's folder; made if missing.
        version: Integer >= 0, or `None` for the number after the newest.

    Yields:
        Path of the hidden folder, whose name has the version's number.

    Raises:
        FileExistsError: If the version exists.
        ValueError: If `version` is negative or no integer.

    Example:

    >>> from keras_comic.export.versions import list_versions
    >>> from keras_comic.export.versions import new_version
    >>> with new_version("models/comic") as folder:
    ...     _ = (folder / "saved_model.pb").write_bytes(b"")
    >>> list(list_versions("models/comic"))
    [1]
    """
    if version is not None:
        _check_integer("version", version, 0)
    base = Path(base)
    with _made(base), _locked(base):
        versions = list_versions(base)
        if version is None:
            version = max(versions, default=0) + 1
        target = base / str(version)
        if version in versions:
            raise FileExistsError(f"The version exists already: '{target}'")
        partial = base / f".{version}.partial"
        partial.mkdir()
        try:
            yield partial
            _flush(partial)
            os.rename(partial, target)
            _flush_folder(base)
        except BaseException:
            shutil.rmtree(partial, ignore_errors=True)
            raise


def prune_versions(base, keep, also_keep=()):
    """Deletes old versions of a model.

    Each is renamed to a hidden name first, so that a server never sees a part
    of one. A server that has loaded it goes on, since it reads no file again.

    Args:
        base: String or path. The model's folder.
        keep: Integer > 0. As many of the newest stay.
        also_keep: Sequence of integers, versions that stay too, such as those
            that labels in `models.config` point at. Defaults to `()`.

    Returns:
        List of the numbers that were deleted, oldest first.

    Raises:
        ValueError: If `keep` is not positive, or two folders have one number.

    Example:

    >>> from keras_comic.export.versions import prune_versions
    >>> prune_versions("models/comic", keep=2)
    []
    """
    _check_integer("keep", keep, 1)
    base = Path(base)
    if not base.is_dir():
        return []
    with _locked(base):
        versions = list_versions(base)
        kept = {*list(versions)[-keep:], *also_keep}
        removed = [number for number in versions if number not in kept]
        for number in removed:
            hidden = base / f".{number}.removed"
            os.rename(versions[number], hidden)
            shutil.rmtree(hidden)
    return removed


@contextlib.contextmanager
def _made(base):
    """Makes a folder; an error deletes again what was made."""
    missing = [path for path in (base, *base.parents) if not path.exists()]
    base.mkdir(parents=True, exist_ok=True)
    try:
        yield
    except BaseException:
        with contextlib.suppress(OSError):
            if missing and not list_versions(base):
                (base / LOCK_FILE).unlink(missing_ok=True)
            for path in missing:
                path.rmdir()
        raise


@contextlib.contextmanager
def _locked(base):
    """Waits until no other process writes, and deletes what one left."""
    with open(base / LOCK_FILE, "wb") as lock:
        if fcntl is not None:
            # A file system without locks is used without.
            with contextlib.suppress(OSError):
                fcntl.flock(lock, fcntl.LOCK_EX)
        for path in base.iterdir():
            if UNFINISHED.fullmatch(path.name):
                shutil.rmtree(path)
        yield


def _check_integer(name, value, lowest):
    if isinstance(value, bool) or not isinstance(value, int) or value < lowest:
        raise ValueError(
            f"`{name}` must be an integer of at least {lowest}. "
            f"Received: {name}={value!r}"
        )


def _flush(folder):
    """Brings the files of a folder to the disk, before the rename."""
    if fcntl is None:  # Windows flushes only what is open for writing.
        return
    for path, _, names in os.walk(folder, topdown=False):
        for name in names:
            with open(os.path.join(path, name), "rb") as file:
                os.fsync(file.fileno())
        _flush_folder(path)


def _flush_folder(folder):
    if fcntl is None:
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
