"""Random access to the records of shards."""

import collections
import concurrent.futures
import functools
import json
import os

import numpy as np
import tensorflow as tf
from google.protobuf.message import DecodeError

from keras_comic.data.framing import FOOTER
from keras_comic.data.framing import FRAME_BYTES
from keras_comic.data.framing import HEADER
from keras_comic.data.framing import FramingError
from keras_comic.data.framing import masked_crc
from keras_comic.data.framing import scan_records
from keras_comic.data.paths import is_url
from keras_comic.data.skipped import Skipped
from keras_comic.data.tfrecord import SCHEMA_VERSION
from keras_comic.data.tfrecord import list_shards
from keras_comic.data.tfrecord import records_kind

# Files held open at a time.
MAX_OPEN_FILES = 128
# Records asked for at a time, where a shard is not a file of this machine.
NUM_REMOTE_READS = 16
# Versions of the manifest that are understood; other shards are read through.
MANIFEST_VERSIONS = (1,)

# `kind`: string, or `None` in an empty shard; `offsets` and `lengths`: int64
# arrays, of the records' data, bytes; `labels`: int32 array of places in
# `label_names`, a list of strings.
ShardIndex = collections.namedtuple(
    "ShardIndex", "kind offsets lengths labels label_names"
)


class RecordIndex:
    """The place and the label of every record of some shards.

    Any record can be read at any time, in any order. The places come from the
    manifest beside the shards, or from reading a shard that it does not list. A
    corrupt record is left out with a warning, up to `max_corrupt` of them.
    """

    def __init__(self, records, max_corrupt=10):
        self._skipped = Skipped(
            max_corrupt, "build the records again from their sources"
        )
        self.shards = list_shards(records)
        parts = index_shards(self.shards, self._report)
        kinds = {part.kind for part in parts} - {None}
        if len(kinds) > 1:
            # Which says what is wrong.
            records_kind(self.shards)
        if not kinds:
            raise ValueError(f"The shards are empty. Received: {records}")
        self.kind = kinds.pop()
        names = {name for part in parts for name in part.label_names}
        self.label_names = sorted(names)
        places = {name: i for i, name in enumerate(self.label_names)}
        translated = [
            np.array([places[name] for name in part.label_names], "int32")
            for part in parts
        ]
        self.labels = np.concatenate(
            [new[part.labels] for new, part in zip(translated, parts)]
        )
        self.shard_numbers = np.repeat(
            np.arange(len(parts), dtype="int32"),
            [len(part.offsets) for part in parts],
        )
        self.offsets = np.concatenate([part.offsets for part in parts])
        self.lengths = np.concatenate([part.lengths for part in parts])
        self._opened = functools.lru_cache(MAX_OPEN_FILES)(_LocalFile)

    def __len__(self):
        return len(self.offsets)

    @property
    def corrupt(self):
        """Dict of the corrupt records met so far to what is wrong."""
        return dict(self._skipped.reasons)

    def read(self, numbers):
        """Reads records as bytes; `None` in place of corrupt ones."""
        shards = [self.shards[n] for n in self.shard_numbers[list(numbers)]]
        if any(map(is_url, shards)):
            with concurrent.futures.ThreadPoolExecutor(
                NUM_REMOTE_READS
            ) as executor:
                return list(executor.map(self._read, numbers))
        # The disk can work at all of them while the first is read.
        for number, shard in zip(numbers, shards):
            self._opened(shard).announce(
                int(self.offsets[number]), int(self.lengths[number])
            )
        return [self._read(number) for number in numbers]

    def report(self, number, reason):
        """Counts a record as corrupt; raises an error if there are too many."""
        shard = self.shards[self.shard_numbers[number]]
        self._report(shard, self.offsets[number], reason)

    def _report(self, shard, offset, reason):
        self._skipped.add(f"the record at byte {offset} of {shard}", reason)

    def _read(self, number):
        shard = self.shards[self.shard_numbers[number]]
        length = int(self.lengths[number])
        framed = self._read_bytes(
            shard, int(self.offsets[number]), length + FOOTER.size
        )
        if len(framed) != length + FOOTER.size:
            self.report(number, "the file ends within it")
            return None
        data = framed[:length]
        if FOOTER.unpack_from(framed, length)[0] != masked_crc(data):
            self.report(number, "its checksum is wrong")
            return None
        return data

    def _read_bytes(self, shard, offset, length):
        # Windows has no positioned reads.
        if is_url(shard) or not hasattr(os, "pread"):
            with tf.io.gfile.GFile(shard, "rb") as file:
                file.seek(offset)
                return file.read(length)
        return self._opened(shard).read(offset, length)


class _LocalFile:
    """A file that threads read from at the same time."""

    def __init__(self, path):
        self.file = open(path, "rb", buffering=0)

    def announce(self, offset, length):
        """Has the system fetch what will be read."""
        if hasattr(os, "posix_fadvise"):
            os.posix_fadvise(
                self.file.fileno(), offset, length, os.POSIX_FADV_WILLNEED
            )

    def read(self, offset, length):
        parts = []
        while length and (part := os.pread(self.file.fileno(), length, offset)):
            parts.append(part)
            offset += len(part)
            length -= len(part)
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def __del__(self):
        if hasattr(self, "file"):
            self.file.close()


def index_shards(shards, report):
    """Finds the records of shards."""
    manifests = {}
    found = []
    for shard in shards:
        folder, name = os.path.split(shard)
        path = os.path.join(folder, f"{name.partition('-')[0]}.manifest.json")
        if path not in manifests:
            manifests[path] = _read_manifest(path)
        found.append(
            _from_manifest(shard, manifests[path]) or _scan(shard, report)
        )
    return found


def _read_manifest(path):
    try:
        with tf.io.gfile.GFile(path) as file:
            manifest = json.load(file)
        if (
            manifest["format_version"] in MANIFEST_VERSIONS
            and manifest["schema_version"] == SCHEMA_VERSION
        ):
            manifest["shards"] = {
                entry["name"]: entry for entry in manifest["shards"]
            }
            return manifest
    except (tf.errors.OpError, ValueError, KeyError, TypeError):
        # Other files may have this name.
        pass
    return {"shards": {}}


def _from_manifest(shard, manifest):
    entry = manifest["shards"].get(os.path.basename(shard))
    if entry is None or entry["bytes"] != tf.io.gfile.stat(shard).length:
        return None
    lengths = np.array(entry["lengths"], "int64")
    return ShardIndex(
        manifest["kind"] if len(lengths) else None,
        np.cumsum(lengths + FRAME_BYTES) - lengths - FOOTER.size,
        lengths,
        np.array(entry["labels"], "int32"),
        manifest["labels"],
    )


def _scan(shard, report):
    """Reads through a shard that no manifest lists."""
    kind, offsets, lengths, labels, names = None, [], [], [], {}
    for offset, data in _whole_records(shard, report):
        try:
            features = tf.train.Example.FromString(data).features.feature
        except DecodeError:
            report(shard, offset, "it cannot be parsed")
            continue
        if kind is None:
            if [*features["schema/version"].int64_list.value] != [
                SCHEMA_VERSION
            ]:
                # Raises the error that says what to do.
                records_kind([shard])
            kind = features["image/kind"].bytes_list.value[0].decode()
        label = features["image/label"].bytes_list.value[0]
        label = label.decode("utf-8", "surrogateescape")
        offsets.append(offset)
        lengths.append(len(data))
        labels.append(names.setdefault(label, len(names)))
    if kind is None and tf.io.gfile.stat(shard).length > 0:
        records_kind([shard])
    return ShardIndex(
        kind,
        np.array(offsets, "int64"),
        np.array(lengths, "int64"),
        np.array(labels, "int32"),
        list(names),
    )


def _whole_records(shard, report):
    """Yields the offset and the data of the records that are whole."""
    offset = HEADER.size
    with tf.io.gfile.GFile(shard, "rb") as file:
        try:
            for offset, data in scan_records(file):
                if data is None:
                    report(shard, offset, "its checksum is wrong")
                else:
                    yield offset, data
        except FramingError as error:
            # Where the next record begins is not known.
            report(shard, offset, f"{error}, and all after it is lost")
