"""Inspection of TFRecords: counts, pictures, checks."""

import collections
import json
import os
from pathlib import Path

import numpy as np
import tensorflow as tf
from google.protobuf.message import DecodeError

from keras_comic.data.contact_sheet import save_contact_sheet
from keras_comic.data.framing import FramingError
from keras_comic.data.framing import scan_records
from keras_comic.data.image_formats import ImageError
from keras_comic.data.images import open_image
from keras_comic.data.record_maker import sha256_of
from keras_comic.data.record_maker import summarize
from keras_comic.data.tfrecord import KINDS
from keras_comic.data.tfrecord import SCHEMA_VERSION
from keras_comic.data.tfrecord import list_shards
from keras_comic.data.tfrecord import record_features

# Records of each label whose pictures are decoded for the sheet.
MAX_PER_LABEL = 24
SHEET_FILE = "contact_sheet.png"
THUMBNAIL_SIZE = 128

# `inspect_records` says what each holds.
Inspection = collections.namedtuple(
    "Inspection",
    "kind shards records bytes splits labels licenses formats statistics "
    "problems",
)


def inspect_records(records, output=None, verify=False, progress=None):
    """Looks at every record of a set.

    Args:
        records: As in `read_records`.
        output: String, path or `None`. A folder for `contact_sheet.png`, up
            to 24 pictures of each label; made if need be. Defaults to `None`:
            no sheet is drawn.
        verify: Boolean. Whether every image is decoded, and every checksum
            and shard compared with the manifests beside the shards; otherwise
            only the checksums of the records are. Defaults to `False`.
        progress: Callable or `None`. Called with the number of shards done
            and the number of all. Defaults to `None`.

    Returns:
        Named tuple `Inspection`: `kind`; the numbers `shards`, `records` and
        `bytes`; `splits`, `labels`, `licenses` and `formats`, dicts of names
        to numbers of records; `statistics`, the smallest, median, mean and
        largest height, width, ... ; `problems`, a list of `(path, reason)`.

    Raises:
        FileNotFoundError: If there is no such shard, or one of a set is
            missing.
    """
    shards = list_shards(records)
    seen = _Seen(verify)
    for done, shard in enumerate(shards, start=1):
        seen.look_at(shard)
        if progress is not None:
            progress(done, len(shards))
    if verify:
        seen.problems.extend(_missing_shards(shards))
    if output is not None:
        output = Path(output)
        output.mkdir(parents=True, exist_ok=True)
        save_contact_sheet(
            output / SHEET_FILE,
            seen.pictures,
            title=f"{len(seen.facts)} records, by label",
            max_per_group=MAX_PER_LABEL,
        )

    def count(key):
        return dict(
            sorted(collections.Counter(f[key] for f in seen.facts).items())
        )

    return Inspection(
        ", ".join(sorted(seen.kinds)),
        len(shards),
        len(seen.facts),
        sum(tf.io.gfile.stat(shard).length for shard in shards),
        count("split"),
        count("label"),
        count("license"),
        count("format"),
        summarize(seen.facts),
        seen.problems,
    )


class _Seen:
    """The findings about a set of records so far."""

    def __init__(self, verify):
        self.verify = verify
        self.facts = []
        self.problems = []
        self.pictures = {}
        self.kinds = set()
        self.sums = {}

    def look_at(self, shard):
        with tf.io.gfile.GFile(shard, "rb") as file:
            try:
                for offset, data in scan_records(file):
                    self._look_at_record(shard, offset, data)
            except FramingError as error:
                self.problems.append((shard, str(error)))
        if self.verify:
            self._compare_with_manifest(shard)

    def _look_at_record(self, shard, offset, data):
        where = f"the record at byte {offset}"
        if data is None:
            reason = f"{where} does not agree with its checksum"
            self.problems.append((shard, reason))
            return
        try:
            kind, values = parse_record(data)
        except ValueError as error:
            self.problems.append((shard, f"{where}: {error}"))
            return
        self.kinds.add(kind)
        fact = _fact(values, len(data))
        pictures = self.pictures.setdefault(fact["label"], [])
        wanted = len(pictures) < MAX_PER_LABEL
        if self.verify:
            reasons = list(_check_images(kind, values))
            self.problems.extend(
                (shard, f"{where}, {values['image/filename']}: {reason}")
                for reason in reasons
            )
            wanted = wanted and not reasons
        image = _first_image(values) if wanted else None
        name = values["image/filename"] if wanted else ""
        thumbnail = None
        if image is not None:
            # Enough for the sheet, and little memory.
            step = max(1, max(image.shape) // (2 * THUMBNAIL_SIZE))
            thumbnail = image[::step, ::step].copy()
        pictures.append((name, thumbnail))
        self.facts.append(fact)

    def _compare_with_manifest(self, shard):
        folder, name = os.path.split(shard)
        split = name.rpartition("-of-")[0].rpartition("-")[0]
        path = os.path.join(folder, f"{split}.manifest.json")
        if path not in self.sums:
            self.sums[path] = _read_sums(path)
        expected = self.sums[path].get(name)
        if expected is None:
            return
        if _file_sha256(shard) != expected:
            reason = f"its SHA-256 is not that of {os.path.basename(path)}"
            self.problems.append((shard, reason))


def parse_record(data):
    """Returns the kind and the values of a record."""
    try:
        features = tf.train.Example.FromString(data).features.feature
        version = features["schema/version"].int64_list.value[0]
        kind = features["image/kind"].bytes_list.value[0].decode()
    except (DecodeError, IndexError, UnicodeDecodeError):
        raise ValueError("it was not written by keras_comic") from None
    if version != SCHEMA_VERSION or kind not in KINDS:
        raise ValueError(
            f"it is of version {version} of the schema, kind {kind!r}; this "
            f"keras_comic reads version {SCHEMA_VERSION}"
        )
    values = {}
    for key, spec in record_features(kind).items():
        lists = features[key]
        value = [
            *lists.int64_list.value,
            *lists.float_list.value,
            *(_text(key, item) for item in lists.bytes_list.value),
        ]
        if isinstance(spec, tf.io.FixedLenFeature) and not spec.shape:
            if len(value) != 1:
                raise ValueError(f"`{key}` is missing")
            value = value[0]
        values[key] = value
    return kind, values


def _text(key, value):
    if key.endswith(("/encoded", "/flow")) or key.startswith("variant/"):
        return value
    return value.decode("utf-8", "surrogateescape")


def _fact(values, length):
    keys = ("height", "width", "label", "license", "split", "format")
    return {"bytes": length, **{key: values[f"image/{key}"] for key in keys}}


def _check_images(kind, values):
    """Yields the faults of the images of a record."""
    size = (values["image/width"], values["image/height"])
    if kind == "clips":
        frames = values["clip/encoded"]
        if len(frames) != len(values["clip/times"]):
            yield "it has not as many times as frames"
        yield from _check_sum("the clip", frames, values["image/sha256"])
        groups = {"frame": frames, "flow": values["clip/flow"]}
    else:
        encoded = values["image/encoded"]
        yield from _check_sum("the image", [encoded], values["image/sha256"])
        groups = {"image": [encoded]}
        if kind == "pairs":
            comic = values["comic/encoded"]
            yield from _check_sum("the comic", [comic], values["comic/sha256"])
            groups["comic"] = [comic]
        for key, value in values.items():
            if key.startswith("variant/"):
                groups[key] = value
    for name, items in groups.items():
        for item in items:
            found = _decoded_size(item)
            if found is None:
                yield f"the {name} cannot be decoded"
            elif found != size:
                yield (
                    f"the {name} has {found[0]}x{found[1]} pixels, not "
                    f"{size[0]}x{size[1]}"
                )


def _check_sum(name, items, expected):
    if sha256_of(*items) != expected:
        yield f"the SHA-256 of {name} is another"


def _decoded_size(encoded):
    """Returns the width and height of an image, or `None`."""
    try:
        image = tf.io.decode_image(encoded, expand_animations=False)
    except tf.errors.InvalidArgumentError:
        return None
    return image.shape[1], image.shape[0]


def _first_image(values):
    encoded = values.get("image/encoded") or values.get("clip/encoded")
    if isinstance(encoded, list):
        encoded = encoded[len(encoded) // 2]
    try:
        name = values["image/filename"]
        return np.asarray(open_image(name, contents=encoded).image)
    except ImageError:
        return None


def _read_sums(manifest):
    try:
        with tf.io.gfile.GFile(manifest) as file:
            shards = json.loads(file.read())["shards"]
        return {entry["name"]: entry["sha256"] for entry in shards}
    except (tf.errors.NotFoundError, KeyError, TypeError, ValueError):
        return {}


def _missing_shards(shards):
    """Yields the shards that manifests list, but that are not there."""
    for folder in sorted({os.path.dirname(shard) for shard in shards}):
        names = set(tf.io.gfile.listdir(folder or "."))
        for manifest in sorted(names):
            if manifest.endswith(".manifest.json"):
                path = os.path.join(folder, manifest)
                for name in _read_sums(path):
                    if name not in names:
                        yield path, f"it lists {name}, which is not there"


def _file_sha256(path):
    with tf.io.gfile.GFile(path, "rb") as file:
        return sha256_of(*iter(lambda: file.read(2**20), b""))
