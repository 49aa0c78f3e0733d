"""Version folders, as TensorFlow Serving watches them: whole or not there."""

import contextlib
import os
import re
import shutil
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows: locks of folders do not exist.
    fcntl = None

# A version in the making, and one on its way out. TensorFlow Serving skips
# names that are no numbers.
UNFINISHED = re.compile(r"\.\d+\.(partial|removed)")


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
        if not _is_number(path.name) or not path.is_dir():
            continue
        other = versions.setdefault(int(path.name), path)
        if other != path:
            raise ValueError(
                "Version folders must differ in number. "
                f"Received: '{other}' and '{path}'"
            )
    return dict(sorted(versions.items()))


def next_version(base):
    """Finds the number that follows the newest version.

    Args:
        base: String or path. The model's folder.

    Returns:
        Integer: one more than the newest version, `1` when there is none.

    Raises:
        ValueError: If two folders have one number.

    Example:

    >>> from keras_comic.export.versions import next_version
    >>> next_version("models/comic")
    1
    """
    return max(list_versions(base), default=0) + 1


@contextlib.contextmanager
def new_version(base, version=None):
    """Makes a version folder that appears when it is whole.

    What is written goes into a hidden folder beside, `.3.partial` for version
    3, whose name TensorFlow Serving skips; at the end it is flushed to the
    disk and renamed. An error in between deletes it. What a killed process
    left is deleted by the next call, what another process is at work on is
    not. For local disks: object stores cannot rename a folder at once.

    Args:
        base: String or path. The model's folder; made if missing.
        version: Integer >= 0, or `None` for the number after the newest,
            counting those that other processes are at work on.

    Yields:
        Path of the hidden folder, whose name has the version's number.

    Raises:
        FileExistsError: If the version exists, or is being written.
        ValueError: If `version` is negative or no integer.

    Example:

    >>> from keras_comic.export.versions import list_versions
    >>> from keras_comic.export.versions import new_version
    >>> with new_version("models/comic") as folder:
    ...     _ = (folder / "saved_model.pb").write_bytes(b"")
    >>> list(list_versions("models/comic"))
    [1]
    """
    if version is not None and (
        isinstance(version, bool) or not isinstance(version, int) or version < 0
    ):
        raise ValueError(
            "`version` must be a non-negative integer or None. "
            f"Received: version={version!r}"
        )
    base = Path(base)
    base.mkdir(parents=True, exist_ok=True)
    _delete_unfinished(base)
    number, partial, lock = _reserve(base, version)
    target = base / str(number)
    try:
        yield partial
        _flush(partial)
        if target.exists():
            raise FileExistsError(f"The version exists already: '{target}'")
        os.replace(partial, target)
        _flush_folder(base)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise
    finally:
        _unlock(lock)


def prune_versions(base, keep, also_keep=()):
    """Deletes old versions of a model.

    Each is renamed to a hidden name first, so that a server never sees a part
    of one.

    Args:
        base: String or path. The model's folder.
        keep: Positive integer. The newest versions, as many, are kept.
        also_keep: Iterable of integers. Further versions to keep, such as
            those that labels of `models.config` point at.

    Returns:
        List of the numbers that were deleted, oldest first.

    Raises:
        ValueError: If `keep` is not positive, or two folders have one number.

    Example:

    >>> from keras_comic.export.versions import prune_versions
    >>> prune_versions("models/comic", keep=2)
    []
    """
    if isinstance(keep, bool) or not isinstance(keep, int) or keep < 1:
        raise ValueError(
            f"`keep` must be a positive integer. Received: keep={keep!r}"
        )
    base = Path(base)
    versions = list_versions(base)
    kept = {*list(versions)[-keep:], *also_keep}
    removed = [number for number in versions if number not in kept]
    for number in removed:
        hidden = base / f".{number}.removed"
        lock = _lock(versions[number], wait=True)
        try:
            shutil.rmtree(hidden, ignore_errors=True)
            os.replace(versions[number], hidden)
            shutil.rmtree(hidden)
        finally:
            _unlock(lock)
    return removed


def _is_number(name):
    return name.isascii() and name.isdigit()


def _reserve(base, version):
    """Number, hidden folder and lock of a version that nobody else writes."""
    number = version
    while True:
        if version is None:
            number = max(number or 0, next_version(base))
        elif number in list_versions(base):
            raise FileExistsError(
                f"The version exists already: '{base / str(number)}'"
            )
        partial = base / f".{number}.partial"
        try:
            partial.mkdir()
        except FileExistsError:
            if version is not None:
                raise FileExistsError(
                    "Another process is writing the version; if none is, "
                    f"delete the folder: '{partial}'"
                ) from None
            number += 1
            continue
        # Another process may have finished this number, or taken the folder
        # for one that was left behind, before the lock is held.
        try:
            lock = _lock(partial, wait=True)
        except FileNotFoundError:
            continue
        if _is_at(lock, partial) and number not in list_versions(base):
            return number, partial, lock
        if _is_at(lock, partial):
            partial.rmdir()
        _unlock(lock)


def _delete_unfinished(base):
    """Deletes hidden folders whose process is gone, where locks can tell."""
    if fcntl is None:
        return
    for path in base.iterdir():
        if not UNFINISHED.fullmatch(path.name) or not path.is_dir():
            continue
        with contextlib.suppress(OSError):
            lock = _lock(path, wait=False)
            try:
                shutil.rmtree(path)
            finally:
                _unlock(lock)


def _lock(folder, wait):
    """Descriptor of a folder that only this process holds locked."""
    if fcntl is None:
        return None
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except OSError:
        os.close(descriptor)
        if wait:  # A file system without locks.
            return None
        raise
    return descriptor


def _unlock(lock):
    if lock is not None:
        os.close(lock)


def _is_at(lock, folder):
    if lock is None:
        return folder.is_dir()
    with contextlib.suppress(OSError):
        return os.path.samestat(os.fstat(lock), os.stat(folder))
    return False


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
