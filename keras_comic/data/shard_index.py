"""Where the records of one shard lie, and their labels."""

import collections
import json
import mmap
import os

import numpy as np
import tensorflow as tf
from google.protobuf.message import DecodeError

from keras_comic.data.framing import FOOTER
from keras_comic.data.framing import FRAME_BYTES
from keras_comic.data.framing import HEADER
from keras_comic.data.framing import MAX_RECORD_BYTES
from keras_comic.data.framing import masked_crc
from keras_comic.data.paths import is_url
from keras_comic.data.tfrecord import SCHEMA_VERSION
from keras_comic.data.tfrecord import records_kind

# Versions of the manifest that are understood; other shards are read through.
MANIFEST_VERSIONS = (1,)

# `kind`: string, or `None` in an empty shard; `offsets` and `lengths`: int64
# arrays, of the records' data, bytes; `labels`: int32 array of places in
# `label_names`, a list of strings.
ShardIndex = collections.namedtuple(
    "ShardIndex", "kind offsets lengths labels label_names"
)


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
    kind, offsets, lengths, labels = None, [], [], []
    names = {}
    for offset, data in _records(_contents(shard), shard, report):
        try:
            example = tf.train.Example.FromString(data)
        except DecodeError:
            report(shard, offset, "it cannot be parsed")
            continue
        features = example.features.feature
        if kind is None:
            if [*features["schema/version"].int64_list.value] != [
                SCHEMA_VERSION
            ]:
                # Which says what to do.
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


def _contents(shard):
    if is_url(shard):
        with tf.io.gfile.GFile(shard, "rb") as file:
            return file.read()
    with open(shard, "rb") as file:
        if os.fstat(file.fileno()).st_size == 0:
            return b""
        return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)


def _records(contents, shard, report):
    """Yields the offset and the data of the records that are whole."""
    place, size = 0, len(contents)
    while place < size:
        offset = place + HEADER.size
        length = _length_at(contents, place)
        if length is None:
            report(shard, offset, "its length is broken")
            place = _next_record(contents, place + 1)
        elif offset + length + FOOTER.size > size:
            report(shard, offset, "the file ends within it")
            return
        else:
            data = contents[offset : offset + length]
            place = offset + length
            if FOOTER.unpack_from(contents, place)[0] == masked_crc(data):
                yield offset, data
            else:
                report(shard, offset, "its checksum is wrong")
            place += FOOTER.size


def _length_at(contents, place):
    """The length of the record that begins here, or `None` if none does."""
    head = contents[place : place + HEADER.size]
    if len(head) < HEADER.size:
        return None
    length, crc = HEADER.unpack(head)
    if length > MAX_RECORD_BYTES or masked_crc(head[:8]) != crc:
        return None
    return length


def _next_record(contents, place):
    """Where the next record begins, after one whose length is broken."""
    while True:
        # No length fills its upper four bytes.
        zeros = contents.find(b"\0\0\0\0", place + 4)
        if zeros < 0:
            return len(contents)
        place = zeros - 4
        if _length_at(contents, place) is not None:
            return place
        place += 1
