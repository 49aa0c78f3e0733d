"""The TFRecord schema, its writer and its reader."""

import collections
import csv
import hashlib
import io
import os
import re
from pathlib import Path

import numpy as np
import tensorflow as tf
from google.protobuf.message import DecodeError
from PIL import Image

from keras_comic.data.images import labelled_images
from keras_comic.data.images import open_image
from keras_comic.data.images import resize_short_side

SCHEMA_VERSION = 1
KINDS = ("photos", "comics")
SHARD_BYTES = 128 * 2**20

# One record is one image. The writer and the reader both go by this: the type
# of each feature, and what it holds.
SCHEMA = {
    "image/encoded": ("string", "The file: an upright, opaque JPEG or PNG"),
    "image/format": ("string", "`jpeg` or `png`"),
    "image/height": ("int64", "Height in pixels"),
    "image/width": ("int64", "Width in pixels"),
    "image/filename": ("string", "Path below the source folder, with `/`"),
    "image/sha256": ("string", "Of `image/encoded`, hexadecimal"),
    "image/license": ("string", "From the manifest; may be empty"),
    "image/source": ("string", "From the manifest; may be empty"),
    "image/kind": ("string", "`photos` or `comics`"),
    "image/split": ("string", "`train`, `eval`, ..."),
    "image/label": ("string", "The style's name: an illustrator, a series"),
    "schema/version": ("int64", f"`{SCHEMA_VERSION}`"),
}
FEATURES = {
    key: tf.io.FixedLenFeature([], tf.as_dtype(dtype))
    for key, (dtype, _) in SCHEMA.items()
}

WrittenRecords = collections.namedtuple(
    "WrittenRecords", ["shards", "counts", "failures"]
)


def write_records(
    folders,
    output,
    kind,
    split="train",
    image_size=None,
    num_shards=None,
    manifest=None,
    progress=None,
):
    """Writes the images of folders into TFRecord shards.

    A file's own bytes go into its record where they are an upright JPEG or
    PNG without transparency and nothing is resized; any other image is
    encoded anew (JPEG of quality 95 where it was a JPEG, else PNG). A file that
    cannot be read is left out and reported. The same files give the same
    bytes. Shards are written beside their final names
    (`<split>-00003-of-00016.tfrecord`) and renamed when all are complete;
    shards of this split that lay in `output` before are replaced.

    Args:
        folders: String, path, or a list of them: folders of images. The label
            of an image is what `image_label` says. A dict maps labels to
            folders instead.
        output: String or path. The folder for the shards; it is created.
        kind: `"photos"` or `"comics"`.
        split: String of letters, digits and `_`. Defaults to `"train"`.
        image_size: Integer or `None`. Images with a longer short side than
            this are resized to it, pixels. Defaults to `None`, which resizes
            nothing.
        num_shards: Integer or `None`. Defaults to `None`: one for each
            128 MiB.
        manifest: String, path or `None`. A CSV file with the columns `file`
            (a path below the CSV's folder), `source` and `licence` (or
            `license`), which go into the records. Defaults to `None`.
        progress: Callable or `None`. Called with the number of files done
            and the number of all after each file. Defaults to `None`.

    Returns:
        Named tuple `WrittenRecords`: `shards`, the list of paths written;
        `counts`, a dict of the number of images of each label; `failures`, a
        list of `(path, reason)`.

    Raises:
        FileNotFoundError: If a folder or the manifest does not exist.
        ValueError: If an argument is not as above, a folder holds no image,
            or none of the images can be read.

    Example:

    >>> import os
    >>> from PIL import Image
    >>> os.mkdir("ink")
    >>> noise = np.random.randint(256, size=(32, 32, 3)).astype("uint8")
    >>> Image.fromarray(noise).save("ink/noise.png")
    >>> written = keras_comic.data.write_records(
    ...     "ink", "records", kind="comics"
    ... )
    >>> written.counts
    {'ink': 1}
    >>> written.shards[0].name
    'train-00000-of-00001.tfrecord'
    """
    if kind not in KINDS:
        raise ValueError(
            f"`kind` must be one of {', '.join(KINDS)}. Received: kind={kind}"
        )
    if not re.fullmatch(r"\w+", str(split)):
        raise ValueError(
            "`split` must be a word of letters, digits and `_`. "
            f"Received: split={split}"
        )
    for name, value in (("image_size", image_size), ("num_shards", num_shards)):
        if value is not None and not value > 0:
            raise ValueError(
                f"`{name}` must be a positive integer or None. "
                f"Received: {name}={value}"
            )
    files = labelled_images(folders, split)
    if num_shards is not None and num_shards > len(files):
        raise ValueError(
            f"`num_shards` must not exceed the number of images, {len(files)}. "
            f"Received: num_shards={num_shards}"
        )
    origins = {} if manifest is None else _read_manifest(manifest)
    output = Path(output)
    output.mkdir(parents=True, exist_ok=True)

    counts, failures = collections.Counter(), []
    with _ShardWriter(output, split, num_shards) as writer:
        for done, (label, folder, path) in enumerate(files, start=1):
            try:
                values = _encode_image(path, image_size)
            except (OSError, ValueError) as error:
                failures.append((path, str(error)))
            else:
                source, license_ = origins.get(path.resolve(), ("", ""))
                values.update(
                    {
                        "image/filename": path.relative_to(folder).as_posix(),
                        "image/license": license_,
                        "image/source": source,
                        "image/kind": kind,
                        "image/split": split,
                        "image/label": label,
                        "schema/version": SCHEMA_VERSION,
                    }
                )
                writer.write(_serialize(values))
                counts[label] += 1
            if progress is not None:
                progress(done, len(files))
        if not counts:
            path, reason = failures[0]
            raise ValueError(
                f"None of the {len(files)} images could be read. The first, "
                f"{path}: {reason}"
            )
        shards = writer.finish()
    return WrittenRecords(shards, dict(counts), failures)


def read_records(records):
    """Reads TFRecord shards as a dataset of images and what is known of them.

    Args:
        records: String or path: a folder of shards, one shard, or a pattern
            such as `"records/train-*.tfrecord"`; or a list of them.

    Returns:
        `tf.data.Dataset` of dicts with the keys of
        `describe_schema`: scalars, strings or int64.
        `"image/encoded"` holds the file's bytes, not its pixels. The order is
        the same each time: up to 16 shards are read in turns, by name.

    Raises:
        FileNotFoundError: If there is no such shard.
        ValueError: If a shard is not one of ours, or of another version of
            the schema.

    Example:

    >>> import os
    >>> from PIL import Image
    >>> os.mkdir("ink")
    >>> noise = np.random.randint(256, size=(32, 32, 3)).astype("uint8")
    >>> Image.fromarray(noise).save("ink/noise.png")
    >>> written = keras_comic.data.write_records(
    ...     "ink", "records", kind="comics"
    ... )
    >>> records = keras_comic.data.read_records("records")
    >>> [int(record["image/height"]) for record in records]
    [32]
    """
    shards = list_shards(records)
    for shard in shards:
        _check_version(shard)
    dataset = tf.data.Dataset.from_tensor_slices(shards)
    dataset = dataset.interleave(
        tf.data.TFRecordDataset,
        cycle_length=min(len(shards), 16),
        num_parallel_calls=tf.data.AUTOTUNE,
        deterministic=True,
    )
    return dataset.map(
        lambda record: tf.io.parse_single_example(record, FEATURES),
        num_parallel_calls=tf.data.AUTOTUNE,
    )


def describe_schema():
    """The features of a record as a Markdown table.

    Returns:
        String.

    Example:

    >>> print(keras_comic.data.describe_schema())
    | feature | type | holds |
    ...
    | `image/height` | int64 | Height in pixels |
    ...
    """
    rows = [
        f"| `{key}` | {dtype} | {holds} |"
        for key, (dtype, holds) in SCHEMA.items()
    ]
    lines = ["| feature | type | holds |", "| --- | --- | --- |", *rows]
    return "\n".join(lines)


def list_shards(records):
    """Lists the shards that a folder, file, pattern or list of them names.

    Args:
        records: As in `read_records`.

    Returns:
        List of strings, sorted within each entry of `records`.
    """
    if isinstance(records, (list, tuple)):
        return [shard for entry in records for shard in list_shards(entry)]
    records = os.fspath(records)
    pattern = records
    if tf.io.gfile.isdir(records):
        pattern = os.path.join(records, "*.tfrecord")
    shards = sorted(tf.io.gfile.glob(pattern))
    if not shards:
        raise FileNotFoundError(
            "There are no TFRecord shards here; `write_records` or "
            f"`keras-comic tfrecords build` makes them. Received: {records}"
        )
    return shards


def _check_version(shard):
    version = None
    try:
        for record in tf.data.TFRecordDataset(shard).take(1):
            example = tf.train.Example.FromString(record.numpy())
            version = example.features.feature["schema/version"]
            version = (*version.int64_list.value, None)[0]
    except (tf.errors.DataLossError, DecodeError):
        pass
    # A shard may be empty, if its images were broken.
    if version is None and tf.io.gfile.stat(shard).length > 0:
        raise ValueError(
            "The file is not a shard written by keras_comic; build it with "
            f"`keras-comic tfrecords build`. Received: {shard}"
        )
    if version not in (None, SCHEMA_VERSION):
        advice = (
            "install a newer keras_comic"
            if version > SCHEMA_VERSION
            else "build the records again with `keras-comic tfrecords build`"
        )
        raise ValueError(
            f"This keras_comic reads version {SCHEMA_VERSION} of the record "
            f"schema: {advice}. Received: version {version} in {shard}"
        )


def _read_manifest(manifest):
    manifest = Path(manifest)
    if not manifest.is_file():
        raise FileNotFoundError(
            f"There is no such file. Received: manifest={manifest}"
        )
    with open(manifest, newline="", encoding="utf-8") as file:
        rows = csv.DictReader(file)
        columns = rows.fieldnames or []
        license_ = "license" if "license" in columns else "licence"
        missing = {"file", "source", license_}.difference(columns)
        if missing:
            raise ValueError(
                "The manifest must have the columns file, source and licence. "
                f"Received: columns {', '.join(columns)} in {manifest}"
            )
        parent = manifest.parent.resolve()
        return {
            parent / row["file"]: (row["source"], row[license_]) for row in rows
        }


def _encode_image(path, image_size):
    image, file_format, plain = open_image(path)
    resize = image_size is not None and min(image.size) > image_size
    if resize:
        pixels = resize_short_side(np.asarray(image), image_size)
        image = Image.fromarray(pixels)
    encoded = None
    if plain and not resize and file_format in ("JPEG", "PNG"):
        encoded = path.read_bytes()
        if not _tensorflow_decodes(encoded, image.size):
            encoded = None
    lossy = file_format in ("JPEG", "MPO")
    if encoded is None:
        buffer = io.BytesIO()
        if lossy:
            image.save(buffer, "JPEG", quality=95, subsampling=0)
        else:
            image.save(buffer, "PNG")
        encoded = buffer.getvalue()
    return {
        "image/encoded": encoded,
        "image/format": "jpeg" if lossy else "png",
        "image/height": image.height,
        "image/width": image.width,
        "image/sha256": hashlib.sha256(encoded).hexdigest(),
    }


def _tensorflow_decodes(encoded, size):
    # TensorFlow's decoders refuse some files that Pillow reads.
    try:
        decoded = tf.io.decode_image(
            encoded, channels=3, expand_animations=False
        )
    except tf.errors.InvalidArgumentError:
        return False
    return (decoded.shape[1], decoded.shape[0]) == size


def _serialize(values):
    features = {}
    for key, (dtype, _) in SCHEMA.items():
        value = values[key]
        if dtype == "int64":
            feature = tf.train.Feature(
                int64_list=tf.train.Int64List(value=[value])
            )
        else:
            value = value.encode() if isinstance(value, str) else value
            feature = tf.train.Feature(
                bytes_list=tf.train.BytesList(value=[value])
            )
        features[key] = feature
    example = tf.train.Example(features=tf.train.Features(feature=features))
    return example.SerializeToString(deterministic=True)


class _ShardWriter:
    """Writes shards beside their final names and renames them at the end."""

    def __init__(self, output, split, num_shards):
        self.output = output
        self.split = split
        self.num_shards = num_shards
        self.parts = []
        self.writers = []
        self.num_bytes = 0
        self.num_records = 0

    def __enter__(self):
        for _ in range(self.num_shards or 1):
            self._open()
        return self

    def write(self, record):
        if self.num_shards is not None:
            writer = self.writers[self.num_records % self.num_shards]
        else:
            if self.num_bytes and self.num_bytes + len(record) > SHARD_BYTES:
                self._open()
                self.num_bytes = 0
            writer = self.writers[-1]
        writer.write(record)
        self.num_bytes += len(record)
        self.num_records += 1

    def finish(self):
        for writer in self.writers:
            writer.close()
        total = len(self.parts)
        shards = [
            self.output / f"{self.split}-{i:05d}-of-{total:05d}.tfrecord"
            for i in range(total)
        ]
        pattern = rf"{self.split}-\d{{5}}-of-\d{{5}}\.tfrecord"
        for old in self.output.iterdir():
            if old not in shards and re.fullmatch(pattern, old.name):
                old.unlink()
        for part, shard in zip(self.parts, shards):
            os.replace(part, shard)
        self.parts = []
        return shards

    def __exit__(self, *exception):
        for part, writer in zip(self.parts, self.writers):
            writer.close()
            part.unlink(missing_ok=True)

    def _open(self):
        name = f".{self.split}-{len(self.parts):05d}.tfrecord.part"
        self.parts.append(self.output / name)
        self.writers.append(tf.io.TFRecordWriter(str(self.parts[-1])))
