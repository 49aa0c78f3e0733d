import json

import pytest

from tests.test_case import TestCase
from tests.test_case import photos

tf = pytest.importorskip("tensorflow")

from keras_comic.data.framing import frame_record  # noqa: E402
from keras_comic.data.shard_index import index_shards  # noqa: E402
from tests.data.small_records import picture_record  # noqa: E402
from tests.data.small_records import write_shards  # noqa: E402


class IndexShardsTest(TestCase):
    def setUp(self):
        super().setUp()
        self.folder = self.temporary_folder()
        labels = ["ink", "wash", "ink", "oil"]
        self.records = [
            picture_record(photos(8 + i, 8, 3, seed=i), label, "comics")
            for i, label in enumerate(labels)
        ]
        self.reports = []

    def write(self):
        self.shard = write_shards(self.folder, self.records)[0]
        return bytearray(self.shard.read_bytes())

    def index(self, contents=None):
        if contents is not None:
            self.shard.write_bytes(contents)
        (index,) = index_shards(
            [str(self.shard)], lambda *report: self.reports.append(report)
        )
        return index

    def found(self, index):
        """The records at the places that an index gives."""
        contents = self.shard.read_bytes()
        return [
            contents[offset : offset + length]
            for offset, length in zip(index.offsets, index.lengths)
        ]

    def start(self, number):
        """Where the frame of a record begins."""
        return sum(len(frame_record(data)) for data in self.records[:number])

    def write_manifest(self, **changes):
        entry = {
            "name": self.shard.name,
            "bytes": self.shard.stat().st_size,
            "lengths": [len(record) for record in self.records],
            "labels": [1, 2, 1, 0],
        }
        manifest = {
            "format_version": 1,
            "schema_version": 2,
            "kind": "comics",
            "labels": ["oil", "ink", "wash"],
            "shards": [{**entry, **changes.pop("entry", {})}],
            **changes,
        }
        path = self.folder / "train.manifest.json"
        path.write_text(json.dumps(manifest))

    def test_from_the_manifest(self):
        contents = self.write()
        self.write_manifest()
        index = self.index()
        self.assertEqual(self.found(index), self.records)
        self.assertEqual(index.kind, "comics")
        names = [index.label_names[label] for label in index.labels]
        self.assertEqual(names, ["ink", "wash", "ink", "oil"])
        # Nothing of the shard was read.
        self.shard.write_bytes(bytes(len(contents)))
        self.assertAllEqual(self.index().offsets, index.offsets)

    def test_by_reading(self):
        self.write()
        index = self.index()
        self.assertEqual(self.found(index), self.records)
        self.assertEqual(index.kind, "comics")
        self.assertEqual(index.label_names, ["ink", "wash", "oil"])
        self.assertAllEqual(index.labels, [0, 1, 0, 2])
        self.assertEqual(self.reports, [])

    def test_manifests_that_do_not_apply(self):
        self.write()
        for changes in (
            {"format_version": 99},
            {"schema_version": 1},
            {"entry": {"bytes": 5, "lengths": [1], "labels": [0]}},
            {"entry": {"name": "other.tfrecord"}},
        ):
            self.write_manifest(**changes)
            self.assertEqual(self.found(self.index()), self.records)
        manifest = self.folder / "train.manifest.json"
        for text in ("", "[]", "{}", "null"):
            manifest.write_text(text)
            self.assertEqual(self.found(self.index()), self.records)

    def test_a_flipped_byte(self):
        contents = self.write()
        step = max(len(contents) // 60, 1)
        for place in [*range(12, 20), *range(20, len(contents), step)]:
            self.reports.clear()
            broken = contents.copy()
            broken[place] ^= 0x40
            index = self.index(broken)
            lost = [i for i in range(4) if self.start(i) <= place][-1]
            ((shard, _, reason),) = self.reports
            self.assertEqual(shard, str(self.shard))
            if place - self.start(lost) < 12:
                # Where the next one begins is not known.
                self.assertIn("and all after it is lost", reason)
                kept = self.records[:lost]
            else:
                self.assertEqual(reason, "its checksum is wrong")
                kept = [r for i, r in enumerate(self.records) if i != lost]
            self.assertEqual(self.found(index), kept)

    def test_a_shard_that_is_cut_off(self):
        contents = self.write()
        for end in (self.start(3) + 5, self.start(3) + 40, len(contents) - 1):
            self.reports.clear()
            index = self.index(contents[:end])
            self.assertEqual(self.found(index), self.records[:3])
            self.assertEqual(len(self.reports), 1)

    def test_of_another_version(self):
        example = tf.train.Example.FromString(self.records[0])
        version = example.features.feature["schema/version"].int64_list
        version.value[0] = 1
        self.records[0] = example.SerializeToString()
        self.write()
        with self.assertRaisesRegex(ValueError, "reads version 2 .*version 1"):
            self.index()
        for foreign in (b"x", b""):
            self.records = [foreign]
            self.write()
            with self.assertRaisesRegex(ValueError, "not a shard written by"):
                self.index()
