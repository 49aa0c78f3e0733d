import os
import re

import numpy as np
import pytest
from absl.testing import parameterized
from hypothesis import given
from hypothesis import settings
from hypothesis import strategies as st

from tests.test_case import ROOT
from tests.test_case import TestCase

tf = pytest.importorskip("tensorflow")

from keras_comic.data import tfrecord  # noqa: E402
from keras_comic.data.tfrecord import INSTALLING  # noqa: E402
from keras_comic.data.tfrecord import KINDS  # noqa: E402
from keras_comic.data.tfrecord import SCHEMA  # noqa: E402
from keras_comic.data.tfrecord import SCHEMA_VERSION  # noqa: E402
from keras_comic.data.tfrecord import list_shards  # noqa: E402
from keras_comic.data.tfrecord import read_records  # noqa: E402
from keras_comic.data.tfrecord import record_features  # noqa: E402
from keras_comic.data.tfrecord import serialize_record  # noqa: E402

# Any text of Python's that a file name can be.
ANY_TEXT = st.one_of(st.text(), st.binary().map(os.fsdecode))


def values_of(kind, **changes):
    """A value for each feature of a kind, by its name and type."""
    values = {}
    for number, (key, feature) in enumerate(SCHEMA.items(), start=1):
        if kind not in feature.kinds or key in ("schema/version", "image/kind"):
            continue
        value = {"int64": number, "float32": number / 4, "string": key}
        value = value[feature.dtype]
        if feature.shape is None:
            value = [value] * 3
        elif feature.shape:
            value = [value] * feature.shape[0]
        values[key] = value
    return {**values, **changes}


def write_shard(path, *records):
    path.parent.mkdir(parents=True, exist_ok=True)
    with tf.io.TFRecordWriter(str(path)) as writer:
        for record in records:
            writer.write(record)
    return path


class RecordsTest(parameterized.TestCase, TestCase):
    def setUp(self):
        super().setUp()
        self.folder = self.temporary_folder() / "records"

    def write(self, name, *filenames, kind="photos"):
        records = [
            serialize_record(kind, values_of(kind, **{"image/filename": f}))
            for f in filenames
        ]
        return write_shard(self.folder / name, *records)

    def read(self, records=None):
        records = self.folder if records is None else records
        return [
            {key: value.numpy() for key, value in record.items()}
            for record in read_records(records)
        ]

    def names(self, records=None):
        found = self.read(records)
        return [record["image/filename"].decode() for record in found]


class SerializeTest(RecordsTest):
    @parameterized.parameters(*KINDS)
    def test_round_trip(self, kind):
        values = values_of(kind)
        encoded = serialize_record(kind, values)
        found = tf.io.parse_single_example(encoded, record_features(kind))
        expected = {
            **values,
            "schema/version": SCHEMA_VERSION,
            "image/kind": kind,
        }
        self.assertEqual(set(found), set(expected))
        for key, value in expected.items():
            self.assertEqual(found[key].dtype.name, SCHEMA[key].dtype)
            self.assertShape(found[key], np.shape(value))
            value = np.array(value)
            if SCHEMA[key].dtype == "string":
                value = value.astype("S")
            self.assertAllEqual(found[key], value)

    def test_errors(self):
        values = values_of("photos")
        with self.assertRaisesRegex(
            ValueError, "photos, comics, pairs, clips. Received: kind=photo$"
        ):
            serialize_record("photo", values)
        with self.assertRaisesRegex(ValueError, "Received: kind=None"):
            record_features(None)
        for box in ((1, 2, 3), (1, 2, 3, 4, 5)):
            with self.assertRaisesRegex(
                ValueError, r"`image/box` must have 4 elements. Received: \(1"
            ):
                serialize_record("photos", {**values, "image/box": box})
        del values["image/license"]
        with self.assertRaisesRegex(KeyError, "image/license"):
            serialize_record("photos", values)

    @settings(max_examples=50, deadline=None, derandomize=True, database=None)
    @given(ANY_TEXT, ANY_TEXT, ANY_TEXT)
    def test_any_text_survives(self, label, source, license):
        texts = {
            "image/label": label,
            "image/source": source,
            "image/license": license,
        }
        encoded = serialize_record("comics", values_of("comics", **texts))
        found = tf.io.parse_single_example(encoded, record_features("comics"))
        for key, text in texts.items():
            value = found[key].numpy()
            self.assertEqual(value.decode("utf-8", "surrogateescape"), text)
            if not any("\ud800" <= letter <= "\udfff" for letter in text):
                self.assertEqual(value.decode(), text)


class ReadTest(RecordsTest):
    def test_folder_file_pattern_and_list(self):
        first = self.write("train-00000-of-00002.tfrecord", "a")
        second = self.write("train-00001-of-00002.tfrecord", "b")
        (self.folder / "notes.txt").touch()
        (self.folder / ".hidden.tfrecord").write_text("Not finished.")
        for records in (
            str(self.folder),
            self.folder / "train-*.tfrecord",
            [first, str(second)],
            [str(self.folder / "train-*-of-00002.tfrecord")],
        ):
            self.assertEqual(self.names(records), ["a", "b"])
        self.assertEqual(self.names(second), ["b"])
        self.assertEqual(self.names([second, first]), ["b", "a"])

    def test_missing(self):
        with self.assertRaisesRegex(
            FileNotFoundError, "no TFRecord shards.*Received: .*records"
        ):
            read_records(self.folder)
        self.folder.mkdir()
        for records in (self.folder, self.folder / "a-*.tfrecord"):
            with self.assertRaisesRegex(FileNotFoundError, "tfrecords build"):
                list_shards(records)

    def test_incomplete_sets(self):
        for number in (0, 1, 2):
            self.write(f"train-0000{number}-of-00003.tfrecord", "a")
        self.write("eval-00000-of-00001.tfrecord", "a")
        self.write("other.tfrecord", "a")
        self.assertEqual(len(list_shards(self.folder)), 5)
        (self.folder / "train-00001-of-00003.tfrecord").unlink()
        with self.assertRaisesRegex(
            FileNotFoundError,
            "Of the 3 shards of `train` only 2 are here.*Received: .*records",
        ):
            list_shards(self.folder)
        # Who names them wants these.
        self.assertEqual(len(list_shards(self.folder / "train-*")), 2)

    def test_while_a_build_replaces_shards(self):
        self.write("train-00000-of-00001.tfrecord", "a")
        work = self.folder / ".train.build"
        work.mkdir()
        self.assertEqual(self.names(), ["a"])
        (work / INSTALLING).touch()
        with self.assertRaisesRegex(
            FileNotFoundError, "interrupted.*same command.*Received: .*records"
        ):
            read_records(self.folder)

    @parameterized.parameters(
        (SCHEMA_VERSION + 1, "install a newer keras_comic"),
        (SCHEMA_VERSION - 1, "build the records again"),
    )
    def test_another_version(self, version, advice):
        self.addCleanup(setattr, tfrecord, "SCHEMA_VERSION", SCHEMA_VERSION)
        tfrecord.SCHEMA_VERSION = version
        self.write("train-00000-of-00001.tfrecord", "a")
        tfrecord.SCHEMA_VERSION = SCHEMA_VERSION
        with self.assertRaisesRegex(
            ValueError,
            f"reads version {SCHEMA_VERSION} .*{advice}.*Received: version "
            f"{version}, kind 'photos' in .*train",
        ):
            read_records(self.folder)

    def test_several_kinds(self):
        self.write("a.tfrecord", "a", kind="photos")
        self.write("b.tfrecord", "b", kind="pairs")
        with self.assertRaisesRegex(
            ValueError, "one kind.*photos in .*a.tfrecord, pairs in .*b.tfrec"
        ):
            read_records(self.folder)

    def test_foreign_files(self):
        example = tf.train.Example()
        example.features.feature["image"].bytes_list.value.append(b"1")
        path = self.folder / "foreign.tfrecord"
        for content in (example.SerializeToString(), b"\xff\xff no example"):
            write_shard(path, content)
            with self.assertRaisesRegex(
                ValueError, "not a shard written by keras_comic.*foreign"
            ):
                read_records(path)
        path.write_text("No records, but a letter of some length.")
        with self.assertRaisesRegex(ValueError, "not a shard.*foreign"):
            read_records(path)


class SchemaTest(TestCase):
    def test_page(self):
        page = (ROOT / "tfrecords" / "README.md").read_text(encoding="utf-8")
        features = re.findall(r"^\| `(\w+/\w+)` \| (\w+)", page, re.MULTILINE)
        self.assertEqual(
            dict(features), {key: row.dtype for key, row in SCHEMA.items()}
        )
