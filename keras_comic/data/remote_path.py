"""Files at URLs, such as `gs://...`, as Apache Beam's file systems reach them.

Beam is imported when a file is reached for, and not before.
"""

import collections
import contextlib
import glob
import io
import os
import shutil
import tempfile
from pathlib import Path

from keras_comic.data.image_folders import image_label
from keras_comic.data.image_formats import SUFFIXES
from keras_comic.data.sources import Source
from keras_comic.data.sources import is_video
from keras_comic.data.url_path import UrlPath

Stat = collections.namedtuple("Stat", "st_size st_mtime_ns")


class RemotePath(UrlPath):
    """What the builders need of a `pathlib.Path`, of a file at a URL."""

    def __init__(self, url, stat=None):
        super().__init__(url)
        self._stat = stat

    def mkdir(self, parents=True, exist_ok=True):
        """Makes the folder where the file system has folders."""
        if not self._is_there():
            _file_systems().mkdirs(self.url)

    def is_dir(self):
        """Never: folders are listed, not opened."""
        return False

    def is_file(self):
        """Whether there is such a file."""
        return self._is_there()

    def exists(self):
        """Whether there is such a file, or a file below."""
        return self._is_there() or bool(_match(f"{self.url}/*", limit=1))

    def stat(self):
        """Size, and when it was last changed."""
        if self._stat is not None:
            return self._stat
        system = _file_systems().get_filesystem(self.url)
        return _stat_of(system.metadata(self.url))

    def iterdir(self):
        """The files right in this folder."""
        for found in _match(f"{self.url}/*"):
            yield RemotePath(found.path, _stat_of(found))

    def open(self, mode="rb"):
        """Opens the file; a write is there as a whole when it is closed."""
        from apache_beam.io.filesystem import CompressionTypes

        systems = _file_systems()
        make = systems.create if mode == "wb" else systems.open
        return make(self.url, compression_type=CompressionTypes.UNCOMPRESSED)

    def read_text(self, encoding):
        """The file's text."""
        if not self.is_file():
            raise FileNotFoundError(
                f"There is no such file. Received: {self.url}"
            )
        with self.open() as file, io.TextIOWrapper(file, encoding) as text:
            return text.read()

    def touch(self):
        """Makes an empty file."""
        self.open("wb").close()

    def unlink(self, missing_ok=False):
        """Deletes the file."""
        if not missing_ok or self.is_file():
            _file_systems().delete([self.url])

    def replace(self, target):
        """Moves the file to another name, in place of what has it."""
        try:
            _file_systems().rename([self.url], [target.url])
        except OSError:
            # Not every file system replaces.
            target.unlink()
            _file_systems().rename([self.url], [target.url])

    def upload(self, path):
        """Copies a local file here."""
        with open(path, "rb") as local, self.open("wb") as remote:
            shutil.copyfileobj(local, remote)

    def rmdir(self):
        """Deletes the empty folder where the file system has folders."""
        if self._is_there():
            _file_systems().delete([self.url])

    def _is_there(self):
        return _file_systems().exists(self.url)


def list_url(url, kind, split):
    """Lists the sources at a URL, as `list_sources` does those of a folder."""
    if kind == "pairs":
        raise ValueError(
            f"Pairs must lie on a file system that is mounted. Received: {url}"
        )
    folder = url.rstrip("/")
    if glob.has_magic(url):
        parts = url.split("/")
        first = next(i for i, part in enumerate(parts) if glob.has_magic(part))
        folder, found = "/".join(parts[:first]), _match(url)
    elif not (found := _match(f"{folder}/**")):
        folder, found = str(RemotePath(url).parent), _match(folder)
    root = Path("/", folder.partition("://")[2])
    sources = []
    for file in found:
        name = file.path[len(folder) + 1 :]
        if _is_wanted(name, kind):
            path = RemotePath(file.path, _stat_of(file))
            label = image_label(root / name, root, split)
            sources.append(Source(path, name, label, split))
    if not sources:
        wanted = "video" if kind == "clips" else "image or video"
        raise ValueError(f"There is no {wanted} here. Received: {url}")
    return sorted(sources, key=lambda source: source.name.split("/"))


@contextlib.contextmanager
def local_copy(source):
    """Has a source's file on this machine."""
    if not isinstance(source.path, RemotePath):
        yield source
        return
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, f"source{source.path.suffix}")
        with source.path.open() as remote, open(path, "wb") as local:
            shutil.copyfileobj(remote, local)
        yield source._replace(path=path)


def _is_wanted(name, kind):
    if any(part.startswith(".") for part in name.split("/")):
        return False
    suffix = os.path.splitext(name)[1].lower()
    return is_video(name) or (kind != "clips" and suffix in SUFFIXES)


def _match(pattern, limit=None):
    return _file_systems().match([pattern], [limit])[0].metadata_list


def _stat_of(metadata):
    nanoseconds = int(metadata.last_updated_in_seconds * 10**9)
    return Stat(metadata.size_in_bytes, nanoseconds)


def _file_systems():
    from apache_beam.io.filesystems import FileSystems

    return FileSystems
