import concurrent.futures
import json
import os

import numpy as np
import pytest

from tests.test_case import TestCase
from tests.test_case import photos

tf = pytest.importorskip("tensorflow")

from keras_comic.data import record_index  # noqa: E402
from keras_comic.data.framing import frame_record  # noqa: E402
from keras_comic.data.record_index import RecordIndex  # noqa: E402
from keras_comic.data.record_index import index_shards  # noqa: E402
from tests.data.small_records import pair_record  # noqa: E402
from tests.data.small_records import picture_record  # noqa: E402
from tests.data.small_records import write_shards  # noqa: E402


class RecordIndexTest(TestCase):
    def setUp(self):
        super().setUp()
        self.folder = self.temporary_folder() / "records"
        self.records = [
            picture_record(photos(8, 8 + i, 3, seed=i), f"label {i % 3}")
            for i in range(10)
        ]
        self.shards = write_shards(self.folder, self.records, num_shards=3)
        # As they follow each other, shard by shard.
        self.in_order = [r for i in range(3) for r in self.records[i::3]]

    def damage(self, number):
        """Flips a byte of the data of a record, counted shard by shard."""
        index = RecordIndex(self.folder)
        shard = index.shards[index.shard_numbers[number]]
        with open(shard, "r+b") as file:
            file.seek(index.offsets[number] + 50)
            byte = file.read(1)[0]
            file.seek(-1, os.SEEK_CUR)
            file.write(bytes([byte ^ 1]))
        return index

    def test_reads_in_any_order(self):
        index = RecordIndex(self.folder)
        numbers = np.random.default_rng(0).integers(0, 10, 50)
        self.assertEqual(
            index.read(numbers), [self.in_order[n] for n in numbers]
        )
        self.assertEqual(index.read([]), [])
        one = RecordIndex(self.shards[1])
        self.assertEqual(one.read([0, 1, 2]), self.in_order[4:7])

    def test_threads_and_few_open_files(self):
        limit = record_index.MAX_OPEN_FILES
        self.addCleanup(setattr, record_index, "MAX_OPEN_FILES", limit)
        record_index.MAX_OPEN_FILES = 1
        index = RecordIndex(self.folder)
        before = len(os.listdir("/proc/self/fd")) if _has_proc() else 0
        numbers = np.random.default_rng(0).integers(0, 10, (40, 20))
        with concurrent.futures.ThreadPoolExecutor(4) as executor:
            for some, found in zip(numbers, executor.map(index.read, numbers)):
                self.assertEqual(found, [self.in_order[n] for n in some])
        if _has_proc():
            self.assertLessEqual(len(os.listdir("/proc/self/fd")), before + 1)

    def test_a_wrong_checksum(self):
        index = self.damage(5)
        with self.assertWarnsRegex(
            UserWarning,
            r"Left out the record at byte \d+ of .*00001-of-00003"
            ".tfrecord: its checksum is wrong",
        ):
            found = index.read([4, 5, 6])
        self.assertEqual(found, [self.in_order[4], None, self.in_order[6]])
        # Counted once.
        self.assertEqual(index.read([5]), [None])
        self.assertEqual(
            list(index.corrupt.values()), ["its checksum is wrong"]
        )

    def test_a_file_that_has_become_shorter(self):
        index = RecordIndex(self.folder)
        os.truncate(self.shards[2], index.offsets[9] + 10)
        with self.assertWarnsRegex(UserWarning, "the file ends within it"):
            self.assertEqual(index.read([9]), [None])

    def test_limit(self):
        self.damage(5)
        with self.assertWarns(UserWarning):
            index = RecordIndex(self.folder, max_corrupt=1)
        self.assertEqual(len(index), 9)
        with self.assertRaisesRegex(
            ValueError, "More than 1 cannot be read: build the records again"
        ):
            index.report(3, "it is of no use")
        with self.assertRaisesRegex(ValueError, "More than 0 cannot be read"):
            RecordIndex(self.folder, max_corrupt=0)

    def test_errors(self):
        with self.assertRaisesRegex(FileNotFoundError, "no TFRecord shards"):
            RecordIndex(self.folder / "missing")
        empty = write_shards(self.folder.parent / "empty", [])
        with self.assertRaisesRegex(ValueError, "The shards are empty"):
            RecordIndex(empty)
        image = photos(8, 8, 3)
        pairs = write_shards(
            self.folder.parent / "pairs", [pair_record(image, image)]
        )
        with self.assertRaisesRegex(ValueError, "must be of one kind"):
            RecordIndex([self.folder, *pairs])


def _has_proc():
    return os.path.isdir("/proc/self/fd")


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
