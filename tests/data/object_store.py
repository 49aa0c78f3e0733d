"""A file system of Apache Beam in memory, with no folders, as `gs://` is."""

import io
import time

import pytest

# Tests that need it are left out where Beam is not installed.
filesystem = pytest.importorskip("apache_beam.io.filesystem")


class ObjectStore(filesystem.FileSystem):
    """Of the scheme `store://`; an object is there once it is closed."""

    # URL: bytes, and when they were written.
    files = {}
    times = {}

    @classmethod
    def start(cls):
        """Makes it empty; gives the dict of URLs to bytes."""
        cls.files = {}
        cls.times = {}
        return cls.files

    @classmethod
    def scheme(cls):
        return "store"

    def has_dirs(self):
        return False

    def mkdirs(self, path):
        pass

    def join(self, basepath, *paths):
        return "/".join([basepath.rstrip("/"), *paths])

    def split(self, path):
        head, _, tail = path.rpartition("/")
        return head, tail

    def _list(self, dir_or_prefix):
        for path in sorted(self.files):
            if path.startswith(dir_or_prefix):
                yield self.metadata(path)

    def create(self, path, mime_type=None, compression_type="auto"):
        self.check(compression_type)
        return _Upload(path)

    def open(self, path, mime_type=None, compression_type="auto"):
        self.check(compression_type)
        if path not in self.files:
            raise filesystem.BeamIOError(f"No such object: {path}")
        return io.BytesIO(self.files[path])

    def check(self, compression_type):
        if compression_type != "uncompressed":
            raise NotImplementedError(compression_type)

    def copy(self, source_file_names, destination_file_names):
        for source, target in zip(source_file_names, destination_file_names):
            self.files[target] = self.files[source]

    def rename(self, source_file_names, destination_file_names):
        for source, target in zip(source_file_names, destination_file_names):
            if source not in self.files:
                raise filesystem.BeamIOError(f"No such object: {source}")
            self.files[target] = self.files.pop(source)

    def exists(self, path):
        return path in self.files

    def size(self, path):
        return len(self.files[path])

    def last_updated(self, path):
        return self.times.setdefault(path, time.time())

    def metadata(self, path):
        return filesystem.FileMetadata(
            path, self.size(path), self.last_updated(path)
        )

    def delete(self, paths):
        for path in paths:
            if path not in self.files:
                raise filesystem.BeamIOError(f"No such object: {path}")
            del self.files[path]


class _Upload(io.BytesIO):
    def __init__(self, path):
        super().__init__()
        self.path = path

    def close(self):
        if not self.closed:
            ObjectStore.files[self.path] = self.getvalue()
            ObjectStore.times[self.path] = time.time()
        super().close()
