"""The TFRecord schema, and its reader."""

import collections
import os
import re

import tensorflow as tf
from google.protobuf.message import DecodeError

from keras_comic.data.variants import VARIANTS

SCHEMA_VERSION = 2
KINDS = ("photos", "comics", "pairs", "clips")
# In the folder of a build while it replaces the shards beside it.
INSTALLING = "installing"

PICTURES = ("photos", "comics")
SINGLES = ("photos", "comics", "pairs")

# The type of a feature, the kinds of record that have it, and whether it is
# one value, several (their number) or a list.
Feature = collections.namedtuple("Feature", "dtype kinds shape")

# The writer and the reader both go by this; `tfrecords/README.md` says what
# each feature holds.
SCHEMA = {
    "schema/version": Feature("int64", KINDS, ()),
    "image/kind": Feature("string", KINDS, ()),
    "image/split": Feature("string", KINDS, ()),
    "image/label": Feature("string", KINDS, ()),
    "image/filename": Feature("string", KINDS, ()),
    "image/source": Feature("string", KINDS, ()),
    "image/license": Feature("string", KINDS, ()),
    "image/sha256": Feature("string", KINDS, ()),
    "image/format": Feature("string", KINDS, ()),
    "image/height": Feature("int64", KINDS, ()),
    "image/width": Feature("int64", KINDS, ()),
    "image/encoded": Feature("string", SINGLES, ()),
    "image/box": Feature("int64", PICTURES, (4,)),
    "image/time": Feature("float32", PICTURES, ()),
    **{
        f"variant/{name}": Feature("string", PICTURES, None)
        for name in VARIANTS
    },
    "comic/encoded": Feature("string", ("pairs",), ()),
    "comic/format": Feature("string", ("pairs",), ()),
    "comic/filename": Feature("string", ("pairs",), ()),
    "comic/sha256": Feature("string", ("pairs",), ()),
    "clip/encoded": Feature("string", ("clips",), None),
    "clip/times": Feature("float32", ("clips",), None),
    "clip/flow": Feature("string", ("clips",), None),
}


def record_features(kind):
    """Returns the features of one kind of record, for `tf.io.parse_example`."""
    check_kind(kind)
    features = {}
    for key, feature in SCHEMA.items():
        if kind not in feature.kinds:
            continue
        dtype = tf.as_dtype(feature.dtype)
        if feature.shape is None:
            features[key] = tf.io.FixedLenSequenceFeature(
                [], dtype, allow_missing=True
            )
        else:
            features[key] = tf.io.FixedLenFeature(feature.shape, dtype)
    return features


def serialize_record(kind, values):
    """Encodes one record."""
    check_kind(kind)
    values = {**values, "schema/version": SCHEMA_VERSION, "image/kind": kind}
    features = {}
    for key, feature in SCHEMA.items():
        if kind not in feature.kinds:
            continue
        value = values.get(key, ()) if feature.shape is None else values[key]
        if feature.shape == ():
            value = [value]
        elif feature.shape is not None and len(value) != feature.shape[0]:
            raise ValueError(
                f"`{key}` must have {feature.shape[0]} elements. "
                f"Received: {value}"
            )
        features[key] = _encode(feature.dtype, value)
    example = tf.train.Example(features=tf.train.Features(feature=features))
    return example.SerializeToString(deterministic=True)


def _encode(dtype, values):
    if dtype == "int64":
        return tf.train.Feature(int64_list=tf.train.Int64List(value=values))
    if dtype == "float32":
        return tf.train.Feature(float_list=tf.train.FloatList(value=values))
    # File names need not be Unicode; what is not goes back as it came.
    values = [
        value.encode("utf-8", "surrogateescape")
        if isinstance(value, str)
        else value
        for value in values
    ]
    return tf.train.Feature(bytes_list=tf.train.BytesList(value=values))


def read_records(records):
    """Reads TFRecord shards as a dataset of images and what is known of them.

    For training, the datasets of this package are faster and shuffle; this
    is for a look at what is there, and for pipelines of your own.

    Args:
        records: String or path: a folder of shards, one shard, or a pattern
            such as `"records/train-*.tfrecord"`; or a list of them. They hold
            one kind of record.

    Returns:
        `tf.data.Dataset` of dicts with the features of `tfrecords/README.md`:
        scalars and vectors of strings, int64 or float32. `"image/encoded"`
        holds the file's bytes, not its pixels. The order is the same each
        time: up to 16 shards are read in turns, by name.

    Raises:
        FileNotFoundError: If there is no such shard, or one of a set is
            missing.
        ValueError: If a shard is not one of ours, is of another version of
            the schema, or the shards are of several kinds.

    Example:

    >>> import os
    >>> from PIL import Image
    >>> os.mkdir("ink")
    >>> noise = np.random.randint(256, size=(32, 32, 3)).astype("uint8")
    >>> Image.fromarray(noise).save("ink/noise.png")
    >>> written = keras_comic.data.write_records("ink", "records", "comics")
    >>> records = keras_comic.data.read_records("records")
    >>> [int(record["image/height"]) for record in records]
    [32]
    """
    shards = list_shards(records)
    features = record_features(records_kind(shards))
    dataset = tf.data.Dataset.from_tensor_slices(shards)
    dataset = dataset.interleave(
        tf.data.TFRecordDataset,
        cycle_length=min(len(shards), 16),
        num_parallel_calls=tf.data.AUTOTUNE,
        deterministic=True,
    )
    return dataset.map(
        lambda record: tf.io.parse_single_example(record, features),
        num_parallel_calls=tf.data.AUTOTUNE,
    )


def check_kind(kind):
    """Checks that there is such a kind of record."""
    if kind not in KINDS:
        raise ValueError(
            f"`kind` must be one of {', '.join(KINDS)}. Received: kind={kind}"
        )


def list_shards(records):
    """Lists the shards that a folder, file, pattern or list of them names."""
    if isinstance(records, (list, tuple)):
        return [shard for entry in records for shard in list_shards(entry)]
    records = os.fspath(records)
    is_folder = tf.io.gfile.isdir(records)
    # Names are not patterns: they may hold brackets.
    if is_folder:
        names = [name.rstrip("/") for name in tf.io.gfile.listdir(records)]
        shards = [
            os.path.join(records, name)
            for name in names
            if name.endswith(".tfrecord") and not name.startswith(".")
        ]
    elif tf.io.gfile.exists(records):
        shards = [records]
    else:
        shards = tf.io.gfile.glob(records)
    if not shards:
        raise FileNotFoundError(
            "There are no TFRecord shards here; `write_records` or "
            f"`keras-comic tfrecords build` makes them. Received: {records}"
        )
    shards = sorted(shards)
    if is_folder:
        _check_complete(shards, names, records)
    return shards


def _check_complete(shards, names, folder):
    for name in names:
        if re.fullmatch(r"\..*\.build", name) and tf.io.gfile.exists(
            os.path.join(folder, name, INSTALLING)
        ):
            raise FileNotFoundError(
                "A build was interrupted, or is at work, while it replaced "
                "these shards; the same command finishes it. "
                f"Received: {folder}"
            )
    sets = collections.Counter()
    for shard in shards:
        match = re.fullmatch(
            r"(.*)-\d+-of-(\d+)\.tfrecord", os.path.basename(shard)
        )
        if match:
            sets[match[1], int(match[2])] += 1
    for (split, total), count in sets.items():
        if count != total:
            raise FileNotFoundError(
                f"Of the {total} shards of `{split}` only {count} are here. "
                "Where a build was interrupted, the same command finishes it. "
                f"Received: {folder}"
            )


def records_kind(shards):
    """Returns the kind of record in shards, and checks their version."""
    kinds = {}
    for shard in shards:
        kind = _shard_kind(shard)
        if kind is not None:
            kinds.setdefault(kind, shard)
    if len(kinds) > 1:
        raise ValueError(
            "The records must be of one kind. Received: "
            + ", ".join(f"{kind} in {shard}" for kind, shard in kinds.items())
        )
    return next(iter(kinds), KINDS[0])


def _shard_kind(shard):
    version, kind = None, None
    try:
        for record in tf.data.TFRecordDataset(shard).take(1):
            example = tf.train.Example.FromString(record.numpy())
            features = example.features.feature
            version = (*features["schema/version"].int64_list.value, None)[0]
            kind = (*features["image/kind"].bytes_list.value, b"")[0].decode()
    except (tf.errors.DataLossError, DecodeError, UnicodeDecodeError):
        pass
    # A shard may be empty, if its images were broken.
    if version is None:
        if tf.io.gfile.stat(shard).length == 0:
            return None
        raise ValueError(
            "The file is not a shard written by keras_comic, or its first "
            "record is broken; build it with `keras-comic tfrecords build`. "
            f"Received: {shard}"
        )
    if version != SCHEMA_VERSION or kind not in KINDS:
        advice = (
            "build the records again with `keras-comic tfrecords build`"
            if version < SCHEMA_VERSION
            else "install a newer keras_comic"
        )
        raise ValueError(
            f"This keras_comic reads version {SCHEMA_VERSION} of the record "
            f"schema: {advice}. Received: version {version}, kind {kind!r} "
            f"in {shard}"
        )
    return kind
