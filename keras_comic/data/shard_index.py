"""Where the records of one shard lie, and their labels."""

import collections
import json
import os

import numpy as np
import tensorflow as tf
from google.protobuf.message import DecodeError

from keras_comic.data.framing import FOOTER
from keras_comic.data.framing import FRAME_BYTES
from keras_comic.data.framing import HEADER
from keras_comic.data.framing import FramingError
from keras_comic.data.framing import scan_records
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
