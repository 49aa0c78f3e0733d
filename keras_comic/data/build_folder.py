"""The hidden folder of a build, its lock, and what it leaves behind."""

import collections
import contextlib
import hashlib
import importlib.metadata
import json
import re
import shutil
import tempfile
from pathlib import Path

from keras_comic.data.paths import is_url
from keras_comic.data.paths import list_folder
from keras_comic.data.paths import move_file
from keras_comic.data.paths import only_run
from keras_comic.data.paths import whole_file
from keras_comic.data.paths import write_whole
from keras_comic.data.record_maker import FAILURES
from keras_comic.data.record_maker import Drop
from keras_comic.data.tfrecord import INSTALLING
from keras_comic.data.tfrecord import SCHEMA_VERSION

KEY_FILE = "key.txt"
# Packages whose versions may change the records.
_PACKAGES = (
    "av",
    "imagehash",
    "keras-comic",
    "numpy",
    "opencv-python-headless",
    "pillow",
    "scenedetect-headless",
    "scikit-image",
    "scipy",
)


class WrittenRecords(
    collections.namedtuple("WrittenRecords", "shards counts drops conversions")
):
    """The result of `write_records`."""

    @property
    def failures(self):
        """List of `(path, reason)` of the files that could not be read."""
        return [(d.path, d.reason) for d in self.drops if d.rule in FAILURES]


def key_of(maker, listed):
    """Tells apart builds that do not make the same records."""
    files = []
    for source in listed:
        paths = [source.path, *filter(None, [source.comic])]
        if source.path.is_dir():
            paths = sorted(source.path.iterdir())
        stats = [(str(path), *_stat(path)) for path in paths]
        files.append([*map(str, source[1:6]), stats])
    versions = []
    for name in _PACKAGES:
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            versions.append([name, importlib.metadata.version(name)])
    return digest_of([SCHEMA_VERSION, maker.get_config(), versions, files])


def _stat(path):
    try:
        stat = path.stat()
    except OSError:
        return None, None
    # Paths of URLs know seconds only.
    return stat.st_size, getattr(stat, "st_mtime_ns", stat.st_mtime * 10**9)


def digest_of(content):
    """Returns the SHA-256 of what JSON can hold."""
    return hashlib.sha256(json.dumps(content).encode("ascii")).hexdigest()


def load_build(output, split, listed, build_key):
    """Returns the result of an earlier, finished build of the same records."""
    # A split that all was left out of has no manifest.
    candidates = sorted({split, *(source.split for source in listed)})
    manifests = [_load_manifest(output, name, build_key) for name in candidates]
    first = next((item for item in manifests if item is not None), None)
    if first is None or (output / f".{split}.build" / INSTALLING).exists():
        return None
    shards, counts = [], collections.Counter()
    for name in first["splits"]:
        manifest = _load_manifest(output, name, build_key)
        if manifest is None:
            return None
        for entry in manifest["shards"]:
            path = output / entry["name"]
            if not path.is_file() or path.stat().st_size != entry["bytes"]:
                return None
            shards.append(path)
        counts.update(manifest["counts"])
    drops = [Drop(*drop) for drop in first["drops"]]
    return WrittenRecords(shards, dict(counts), drops, first["conversions"])


def _load_manifest(output, split, build_key):
    """Reads the manifest of a split, or `None` if it is of another build."""
    try:
        text = (output / f"{split}.manifest.json").read_text(encoding="ascii")
        manifest = json.loads(text)
        return manifest if manifest["build_key"] == build_key else None
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return None


def only_build(work):
    """Keeps a second build out of the same folder of this machine."""
    if is_url(work):
        return contextlib.nullcontext()
    return only_run(
        _lock_of(work),
        "Another build is writing the same records. "
        f"Received: output={work.parent}",
    )


def _lock_of(work):
    return work.with_name(f"{work.name}.lock")


def prepare_build(work, key):
    """Makes the folder of a build, empty unless it is of the same build."""
    if work.exists() and _read_key(work) != key:
        discard_build(work)
    work.mkdir(exist_ok=True)
    for path in list_folder(work):
        if ".partial." in path.name:
            path.unlink(missing_ok=True)
    if _read_key(work) is None:
        write_whole(work / KEY_FILE, key)


def _read_key(work):
    note = work / KEY_FILE
    return note.read_text(encoding="ascii") if note.is_file() else None


def discard_build(work):
    """Removes a build that is not finished."""
    marked = False
    for path in list_folder(work):
        if path.name == INSTALLING:
            marked = True
        else:
            path.unlink()
    # A folder of an object store is gone with its last file.
    if not marked and not is_url(work):
        work.rmdir()


@contextlib.contextmanager
def local_folder(work):
    """Has the files of a build here, and takes what is added to them back."""
    if not is_url(work):
        yield work
        return
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        fetched = {path.name: path for path in list_folder(work)}
        for name, path in fetched.items():
            with path.open("rb") as there, open(folder / name, "wb") as here:
                shutil.copyfileobj(there, here)
        yield folder
        for path in sorted(folder.iterdir()):
            if path.name not in fetched:
                copy_file(path, work / path.name)


def copy_file(path, target):
    """Copies a file of this machine; the copy appears whole."""
    with whole_file(target) as copy:
        shutil.copyfile(path, copy)


def install_build(work, output, splits, drops):
    """Moves what is finished to its place, and removes what it replaces."""
    # From here on until the folder is gone, the shards are not one set.
    (work / INSTALLING).touch()
    shards, counts = [], collections.Counter()
    for split in splits:
        (output / f"{split}.manifest.json").unlink(missing_ok=True)
        manifest = work / f"{split}.manifest.json"
        content = json.loads(manifest.read_text(encoding="ascii"))
        names = [entry["name"] for entry in content["shards"]]
        for old in list_folder(output):
            if _is_shard(old.name, split) and old.name not in names:
                old.unlink()
        for name in names:
            move_file(work / name, output / name)
            shards.append(output / name)
        move_file(manifest, output / manifest.name)
        counts.update(content["counts"])
    return WrittenRecords(shards, dict(counts), drops, content["conversions"])


def _is_shard(name, split):
    return re.fullmatch(rf"{split}-\d{{5}}-of-\d{{5}}\.tfrecord", name)


def remove_build(work):
    """Removes the folder of a finished build."""
    (work / INSTALLING).unlink(missing_ok=True)
    (work / KEY_FILE).unlink(missing_ok=True)
    discard_build(work)


def remove_remains(work, key):
    """Removes what is left where `remove_build` was interrupted."""
    # Another build may be at work.
    if work.exists() or _lock_of(work).exists():
        with contextlib.suppress(ValueError), only_build(work):
            if work.exists() and _read_key(work) in (None, key):
                remove_build(work)
