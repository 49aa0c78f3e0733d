import collections

import numpy as np
import pytest

from keras_comic.data.record_order import RecordOrder
from tests.test_case import TestCase
from tests.test_case import photos

LABELS = np.array([0] * 6 + [2] * 3 + [1])


class RecordOrderTest(TestCase):
    def test_every_record_once_in_a_round(self):
        order = RecordOrder(None, 7, seed=0, name="photos")
        rounds = [
            tuple(order.records(np.arange(7 * i, 7 * i + 7))) for i in range(9)
        ]
        for numbers in rounds:
            self.assertEqual(sorted(numbers), list(range(7)))
        self.assertEqual(len(set(rounds)), 9)

    def test_evenly_over_labels(self):
        order = RecordOrder(LABELS, 10, seed=0, name="comics")
        numbers = order.records(np.arange(3 * 12)).reshape(12, 3)
        for some in numbers:
            self.assertEqual(sorted(LABELS[some]), [0, 1, 2])
        orders = {tuple(LABELS[some]) for some in numbers}
        self.assertGreater(len(orders), 3)
        of_label = {
            label: [n for n in numbers.ravel() if LABELS[n] == label]
            for label in range(3)
        }
        self.assertEqual(sorted(of_label[0][:6]), list(range(6)))
        self.assertEqual(sorted(of_label[0][6:]), list(range(6)))
        self.assertNotEqual(of_label[0][:6], of_label[0][6:])
        self.assertEqual(sorted(of_label[2][3:6]), [6, 7, 8])
        self.assertEqual(collections.Counter(of_label[1]), {9: 12})

    def test_more_records_than_memory_has_room_for(self):
        order = RecordOrder(None, 10**12, seed=0, name="photos")
        records = order.records(np.arange(1000))
        self.assertEqual(len(set(records)), 1000)
        self.assertGreater(records.max(), 9 * 10**11)


class RecordReaderTest(TestCase):
    def setUp(self):
        super().setUp()
        pytest.importorskip("tensorflow")
        from keras_comic.data.record_index import RecordIndex
        from tests.data.small_records import picture_record
        from tests.data.small_records import write_shards

        self.records = [
            picture_record(photos(8, 8, 3, seed=i), f"{i % 2}")
            for i in range(8)
        ]
        folder = self.temporary_folder()
        (self.shard,) = write_shards(folder, self.records)
        self.index = RecordIndex(folder, max_corrupt=5)
        self.bad = set()

    def parse(self, data, check):
        number = self.records.index(data)
        if number in self.bad:
            raise ValueError("it is bad")
        return number, check

    def make(self, labels=None):
        from keras_comic.data.record_order import RecordReader

        self.order = RecordOrder(labels, 8, seed=0, name="photos")
        return RecordReader(self.index, self.order, self.parse)

    def test_the_next_good_one_takes_the_place_of_a_corrupt_one(self):
        reader = self.make()
        samples = np.arange(16)
        order = self.order.records(samples)
        self.bad = {order[3], order[4]}
        with self.assertWarnsRegex(UserWarning, "it is bad"):
            found = [number for number, _ in reader.read(samples)]
        self.assertEqual(found[:3], order[:3].tolist())
        self.assertEqual(found[3:6], [order[5]] * 3)
        self.assertEqual(len(self.index.corrupt), 2)
        # Whichever sample is asked for first.
        again = self.make()
        self.assertEqual(
            [again.read(np.array([n]))[0][0] for n in samples[::-1]],
            found[::-1],
        )
        self.assertEqual(len(self.index.corrupt), 2)

    def test_a_label_without_a_good_record(self):
        reader = self.make(np.array([0] * 6 + [1] * 2))
        self.bad = {6, 7}
        with self.assertWarns(UserWarning):
            with self.assertRaisesRegex(
                ValueError,
                "All records of a label are corrupt. Received: the "
                "record at byte .*: it is bad; the record at",
            ):
                reader.read(np.arange(4))
