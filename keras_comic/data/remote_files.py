"""Files in object stores and elsewhere, as fsspec reaches them.

fsspec and the driver of a scheme are imported when a file is reached for, and
not before. What is built by Apache Beam reaches files through Beam instead:
see `remote_path`.
"""

import contextlib
import os
import shutil
import tempfile
import uuid
from pathlib import Path

from keras_comic.data.decoders import SUFFIXES
from keras_comic.data.url_path import UrlPath
from keras_comic.data.url_path import is_url

# What a scheme needs beside `keras-comic[remote]`.
DRIVERS = {
    "abfs": "adlfs",
    "abfss": "adlfs",
    "adl": "adlfs",
    "az": "adlfs",
    "gcs": "gcsfs",
    "gs": "gcsfs",
    "http": "aiohttp",
    "https": "aiohttp",
    "oci": "ocifs",
    "s3": "s3fs",
    "s3a": "s3fs",
    "sftp": "paramiko",
    "ssh": "paramiko",
}
# Where a file is there once it is written to its end, and not before.
OBJECT_STORES = frozenset("abfs abfss adl az gcs gs memory oci s3 s3a".split())
# Words of the errors of drivers, which have no type in common.
CREDENTIALS = ("credential", "forbidden", "signature", "denied", "token", "403")


class RemoteFile(UrlPath):
    """What is needed of a `pathlib.Path`, of a file at a URL."""

    def exists(self):
        """Whether there is such a file, or a file below."""
        return self._info() is not None

    def is_file(self):
        """Whether there is such a file."""
        info = self._info()
        return info is not None and info["type"] == "file"

    def is_dir(self):
        """Whether there are files below."""
        if self.url.startswith(("http://", "https://")):
            return False
        info = self._info()
        return info is not None and info["type"] == "directory"

    def size(self):
        """How large the file is."""
        with _reached(self) as (system, path):
            return system.info(path).get("size")

    def mkdir(self, parents=True, exist_ok=True):
        """Makes the folder where the file system has folders."""
        with _reached(self) as (system, path):
            if not _is_object_store(self):
                system.makedirs(path, exist_ok=True)

    def iter_files(self):
        """The files below, in sub-folders too."""
        with _reached(self) as (system, path):
            found = system.find(path)
        root = path.rstrip("/")
        for file in found:
            yield self / file[len(root) + 1 :]

    def read_bytes(self):
        """The file's bytes."""
        with _reached(self) as (system, path):
            return system.cat_file(path)

    def write_bytes(self, contents):
        """Writes the file."""
        with self._written() as (system, path):
            system.pipe_file(path, contents)

    def download(self, path):
        """Copies the file to a local one."""
        with _reached(self) as (system, remote):
            with system.open(remote, "rb") as source:
                with open(path, "wb") as target:
                    shutil.copyfileobj(source, target, 2**20)

    def upload(self, path):
        """Copies a local file here."""
        with self._written() as (system, remote):
            system.put_file(os.fspath(path), remote)

    def unlink(self, missing_ok=False):
        """Deletes the file."""
        if missing_ok and not self.is_file():
            return
        with _reached(self) as (system, path):
            system.rm_file(path)

    def _info(self):
        # The drivers' own questions take every error for a no.
        with _reached(self) as (system, path):
            try:
                return system.info(path)
            except FileNotFoundError:
                return None

    @contextlib.contextmanager
    def _written(self):
        """The file system, and the path to write to."""
        if _is_object_store(self):
            with _reached(self) as (system, path):
                yield system, path
            return
        self.parent.mkdir()
        beside = self.with_name(f".partial.{uuid.uuid4().hex}.{self.name}")
        with _reached(self) as (system, path):
            _, partial = _open_system(beside)
            try:
                yield system, partial
                system.mv(partial, path)
            except BaseException:
                with contextlib.suppress(Exception):
                    system.rm_file(partial)
                raise


def path_of(path):
    """A path that is a `pathlib.Path`, or does what is needed of one."""
    if isinstance(path, UrlPath):
        return path
    return RemoteFile(path) if is_url(path) else Path(path)


def list_remote_images(folder):
    """Lists the images below a URL, as `list_images` does those of a folder."""
    folder = RemoteFile(folder)
    files = {file: file.relative_to(folder) for file in folder.iter_files()}
    if not files:
        raise FileNotFoundError(
            f"There is no such folder. Received: folder={folder}"
        )
    images = [
        file
        for file, name in files.items()
        if name.suffix.lower() in SUFFIXES
        and not any(part.startswith(".") for part in name.parts)
    ]
    if not images:
        raise ValueError(
            "The folder holds no image; expected files ending in "
            f"{', '.join(sorted(SUFFIXES))}. Received: folder={folder}"
        )
    return sorted(images, key=lambda file: files[file].parts)


@contextlib.contextmanager
def downloaded(path):
    """Has a file on this machine."""
    path = path_of(path)
    if not isinstance(path, RemoteFile):
        yield path
        return
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder, path.name)
        path.download(copy)
        yield copy


@contextlib.contextmanager
def uploaded(path):
    """Has a path on this machine to write to, of a file that is to be there."""
    path = path_of(path)
    if not isinstance(path, RemoteFile):
        yield path
        return
    with tempfile.TemporaryDirectory() as folder:
        local = Path(folder, path.name)
        yield local
        path.upload(local)


@contextlib.contextmanager
def _reached(file):
    """The file system and the path in it; errors tell the URL."""
    system, path = _open_system(file)
    try:
        yield system, path
    except FileNotFoundError as error:
        raise FileNotFoundError(
            f"There is no such file. Received: {file}"
        ) from error
    # Drivers raise what the libraries below them raise.
    except Exception as error:
        raise _explain(file, error) from error


def _explain(file, error):
    """The `OSError` to raise instead."""
    said = " ".join(f"{type(error).__name__}: {error}".split())
    if isinstance(error, PermissionError) or any(
        word in said.lower() for word in CREDENTIALS
    ):
        return PermissionError(
            "The store refuses, or there are no credentials for it; give them "
            f"as its own tools take them: {said}. Received: {file}"
        )
    return ConnectionError(
        f"The file cannot be reached: {said}. Received: {file}"
    )


def _open_system(file):
    scheme = _scheme_of(file)
    try:
        from fsspec.core import url_to_fs

        # What others have written since is seen.
        return url_to_fs(str(file), use_listings_cache=False)
    except ImportError as error:
        driver = DRIVERS.get(scheme, f"fsspec's driver for {scheme}")
        raise ImportError(
            f"Files at {scheme}:// need `pip install 'keras-comic[remote]' "
            f"{driver}`: {error}. Received: {file}"
        ) from error
    except ValueError as error:
        raise ValueError(
            f"{error}. Expected a scheme that fsspec knows, such as s3:// or "
            f"gs://. Received: {file}"
        ) from error
    except Exception as error:
        raise _explain(file, error) from error


def _scheme_of(file):
    return str(file).partition("://")[0].rpartition("::")[2]


def _is_object_store(file):
    return _scheme_of(file) in OBJECT_STORES
