import numpy as np
from absl.testing import parameterized

from keras_comic.data.duplicates import Duplicate
from keras_comic.data.duplicates import find_duplicates


def facts_of(*hashes, files=None):
    """Facts of records: their hashes, and names of files, else all differ."""
    files = range(len(hashes)) if files is None else files
    return [
        {"sha256": str(file), "hash": value}
        for file, value in zip(files, hashes, strict=True)
    ]


def flip(value, *bits):
    for bit in bits:
        value ^= 1 << bit
    return value


def find_slowly(facts, distance):
    """The definition: each is compared with all that were kept before it."""
    kept, found = [], []
    for number, fact in enumerate(facts):
        differences = [
            ((fact["hash"] ^ facts[other]["hash"]).bit_count(), other)
            for other in kept
        ]
        if differences and min(differences)[0] <= distance:
            found.append(Duplicate(number, *min(differences)[::-1]))
        else:
            kept.append(number)
    return found


class DuplicatesTest(parameterized.TestCase):
    def test_the_same_file(self):
        facts = facts_of(None, None, None, None, files="abaa")
        expected = [Duplicate(2, 0, None), Duplicate(3, 0, None)]
        self.assertEqual(find_duplicates(facts, True, None), expected)
        self.assertEqual(find_duplicates(facts, True, 4), expected)
        self.assertEqual(find_duplicates(facts, False, None), [])

    def test_near(self):
        value = 0x0123456789ABCDEF
        facts = facts_of(
            value, flip(value, 0, 31, 63), flip(value, 0, 1, 2, 3), value
        )
        self.assertEqual(
            find_duplicates(facts, True, 3),
            [Duplicate(1, 0, 3), Duplicate(3, 0, 0)],
        )
        self.assertEqual(find_duplicates(facts, False, 0), [Duplicate(3, 0, 0)])
        self.assertEqual(find_duplicates(facts, True, None), [])

    def test_the_same_file_is_said_to_be_that(self):
        facts = facts_of(7, 7, files="aa")
        self.assertEqual(
            find_duplicates(facts, True, 4), [Duplicate(1, 0, None)]
        )
        self.assertEqual(find_duplicates(facts, False, 4), [Duplicate(1, 0, 0)])

    def test_what_is_left_out_is_not_compared_with(self):
        # Each is near its neighbour; the third is far from the first.
        facts = facts_of(0b0, 0b11, 0b1111, 0b111111)
        self.assertEqual(
            find_duplicates(facts, True, 2),
            [Duplicate(1, 0, 2), Duplicate(3, 2, 2)],
        )
        # The file of what was left out is another than that of the first.
        facts = facts_of(0, 1, 1, files="abb")
        self.assertEqual(
            find_duplicates(facts, True, 1),
            [Duplicate(1, 0, 1), Duplicate(2, 0, 1)],
        )

    def test_the_nearest_counts_and_the_earliest_of_equals(self):
        facts = facts_of(0b111, 0b111 << 20, 0b1, 0b1 << 20 | 0b1)
        self.assertEqual(find_duplicates(facts, True, 2)[0], Duplicate(2, 0, 2))
        facts = facts_of(0b1111, 0b0, 0b1)
        self.assertEqual(find_duplicates(facts, True, 3), [Duplicate(2, 1, 1)])
        facts = facts_of(0b11 << 8, 0b11, 0b0)
        self.assertEqual(find_duplicates(facts, True, 2), [Duplicate(2, 0, 2)])

    def test_records_without_a_hash(self):
        facts = facts_of(None, 0, None, 0)
        self.assertEqual(find_duplicates(facts, True, 2), [Duplicate(3, 1, 0)])

    @parameterized.parameters(0, 1, 3, 6, 12, 40, 63, 64)
    def test_finds_what_comparing_all_finds(self, distance):
        random = np.random.default_rng(distance)
        values = [int(v) for v in random.integers(0, 2**63, 40, "uint64")]
        for value in values[:20]:
            bits = random.choice(64, random.integers(2 * distance + 2) % 64)
            values.append(flip(value, *map(int, bits)))
        values = [values[place] for place in random.permutation(len(values))]
        facts = facts_of(*values)
        found = find_duplicates(facts, False, distance)
        self.assertNotEmpty(found)
        self.assertEqual(found, find_slowly(facts, distance))

    def test_many(self):
        # 20,000 records are compared in far less than the minutes that all
        # 200 million pairs would take.
        random = np.random.default_rng(0)
        values = random.integers(0, 2**63, 20000, "uint64").tolist()
        facts = facts_of(*values, *(value ^ 9 for value in values[:100]))
        found = find_duplicates(facts, True, 4)
        self.assertEqual(
            found, [Duplicate(20000 + i, i, 2) for i in range(100)]
        )
