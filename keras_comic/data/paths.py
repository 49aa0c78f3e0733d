"""Paths, local or at URLs, and files that appear whole or not at all.

URLs such as `s3://bucket/photos` are paths of universal-pathlib, which reaches
files through fsspec. Both belong to the extra `remote` and are imported when a
URL is met.
"""

import contextlib
import hashlib
import os
import shutil
import tempfile
import uuid
from pathlib import Path

# Here a file appears once it is written to its end, and not before.
OBJECT_STORES = frozenset("abfs abfss adl az gcs gs memory oci s3 s3a".split())
# Errors of drivers have no type in common; these words show a refusal.
REFUSALS = ("credential", "forbidden", "signature", "denied", "token", "403")


def is_url(path):
    """Tells whether a string or path is a URL."""
    return "://" in str(path) and not isinstance(path, Path)


def path_of(path):
    """Returns a `pathlib.Path`, or of a URL a `upath.UPath`."""
    if isinstance(path, Path) or (is_url(path) and not isinstance(path, str)):
        return path
    if not is_url(path):
        return Path(path)
    with reached(path):
        try:
            from upath import UPath

            url = UPath(path.rstrip("/"), use_listings_cache=False)
            # This imports the driver.
            url.fs  # noqa: B018
        except ImportError as error:
            raise ImportError(
                "Files at URLs need `pip install 'keras-comic[remote]'` and "
                f"the driver of their store: {error}. Received: {path}"
            ) from error
        except ValueError as error:
            raise ValueError(
                f"{error}. Expected a URL that fsspec knows, such as s3:// or "
                f"gs://. Received: {path}"
            ) from error
    return url


@contextlib.contextmanager
def reached(path):
    """Turns the many errors of a store's driver into an `OSError`."""
    try:
        yield
    except FileNotFoundError as error:
        raise FileNotFoundError(
            f"There is no such file. Received: {path}"
        ) from error
    except (ImportError, ValueError):
        raise
    except Exception as error:
        if not is_url(path):
            raise
        problem = " ".join(f"{type(error).__name__}: {error}".split())
        if isinstance(error, PermissionError) or any(
            word in problem.lower() for word in REFUSALS
        ):
            raise PermissionError(
                "The store refuses, or there are no credentials for it; give "
                f"them as its own tools take them: {problem}. Received: {path}"
            ) from error
        raise ConnectionError(
            f"The file cannot be reached: {problem}. Received: {path}"
        ) from error


def partial_path(path):
    """Makes up a hidden name beside a file under which it is written."""
    # Another each time, since two processes may write one file. It is short:
    # names have at most 255 bytes, and the final one may have that many.
    return path.with_name(f".partial.{uuid.uuid4().hex}{path.suffix[-32:]}")


@contextlib.contextmanager
def whole_file(path):
    """Gives a local path to write to, which becomes the file when all is well.

    The file is written beside its final name and renamed; a file at a URL is
    written on this machine and then uploaded.
    """
    path = path_of(path)
    if is_url(path):
        with tempfile.TemporaryDirectory() as folder:
            local = Path(folder, f"file{path.suffix}")
            yield local
            with reached(path):
                _upload(local, path)
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = partial_path(path)
    try:
        yield partial
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)


def write_whole(path, contents):
    """Writes bytes or text to a file that appears whole or not at all."""
    if isinstance(contents, str):
        contents = contents.encode("utf-8")
    with whole_file(path) as local:
        local.write_bytes(contents)


@contextlib.contextmanager
def only_run(lock, message):
    """Keeps a second run of this machine out, by a lock file.

    The lock ends with its process: the file of a killed run locks nothing.
    """
    try:
        import fcntl
    except ImportError:  # On Windows.
        yield
        return
    with contextlib.ExitStack() as stack:
        file = stack.enter_context(open(lock, "w"))
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # Who had it before may have removed it meanwhile.
            alone = os.path.samestat(os.fstat(file.fileno()), os.stat(lock))
        except OSError:
            alone = False
        if not alone:
            raise ValueError(message)
        stack.callback(lock.unlink, missing_ok=True)
        yield


def work_name(name, suffix):
    """Names what lies beside a file; names have at most 255 bytes."""
    if len(os.fsencode(name + suffix)) > 240:
        name = f".{hashlib.sha256(os.fsencode(name)).hexdigest()[:32]}"
    return name + suffix


def move_file(path, target):
    """Moves a file to another name, in place of what has it."""
    if not is_url(path):
        os.replace(path, target)
        return
    with reached(path):
        path.fs.mv(path.path, target.path)


def list_folder(folder):
    """Lists what lies in a folder, which at a URL need not exist."""
    try:
        return sorted(folder.iterdir())
    except (FileNotFoundError, NotADirectoryError):
        if not is_url(folder):
            raise
        return []


@contextlib.contextmanager
def local_file(path):
    """Gives the local path of a file, or of a copy of one at a URL."""
    path = path_of(path)
    if not is_url(path):
        yield path
        return
    with tempfile.TemporaryDirectory() as folder:
        local = Path(folder, path.name)
        with reached(path), path.open("rb") as source:
            with open(local, "wb") as target:
                shutil.copyfileobj(source, target, 2**20)
        yield local


def _upload(local, path):
    if path.protocol in OBJECT_STORES:
        path.fs.put_file(os.fspath(local), path.path)
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = partial_path(path)
    try:
        path.fs.put_file(os.fspath(local), partial.path)
        path.fs.mv(partial.path, path.path)
    except BaseException:
        with contextlib.suppress(Exception):
            path.fs.rm_file(partial.path)
        raise
