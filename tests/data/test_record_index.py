import concurrent.futures
import os

import numpy as np
import pytest

from tests.test_case import TestCase
from tests.test_case import photos

tf = pytest.importorskip("tensorflow")

from keras_comic.data import record_index  # noqa: E402
from keras_comic.data.record_index import RecordIndex  # noqa: E402
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
