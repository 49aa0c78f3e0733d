import numpy as np
import pytest
from absl.testing import parameterized

pytest.importorskip("tensorflow")

from keras_comic.data.cleaning import CleaningRules  # noqa: E402
from keras_comic.data.framing import FRAME_BYTES  # noqa: E402
from keras_comic.data.record_plan import Duplicate  # noqa: E402
from keras_comic.data.record_plan import find_duplicates  # noqa: E402
from keras_comic.data.record_plan import plan_shards  # noqa: E402
from keras_comic.data.shard_layout import ShardLayout  # noqa: E402


def facts_of(*lengths, splits=None):
    """Facts of records that do not look alike, in `train` but for `splits`."""
    return [
        {
            "path": f"{number}.png",
            "split": "train" if splits is None else splits[number],
            "length": length,
            "sha256": str(number),
            "hash": 0xFFFF << 16 * number if number < 4 else None,
        }
        for number, length in enumerate(lengths)
    ]


class PlanTest(parameterized.TestCase):
    def plan(self, facts, rules=None, num_shards=None, shard_bytes=100):
        layout = ShardLayout(num_shards=num_shards, shard_bytes=shard_bytes)
        return plan_shards(facts, rules, layout)

    def test_by_size(self):
        framed = 100 - 2 * FRAME_BYTES
        for lengths, expected in (
            ([framed // 2] * 5, [[0, 1], [2, 3], [4]]),
            ([framed // 2, framed // 2 + 1, 1], [[0], [1, 2]]),
            ([500, 1, 500, 500, 1, 1], [[0], [1], [2], [3], [4, 5]]),
            ([1], [[0]]),
        ):
            plan = self.plan(facts_of(*lengths))
            self.assertEqual(plan.shards, {"train": expected})
            self.assertEqual((plan.drops, plan.duplicates), ([], []))

    def test_by_number(self):
        facts = facts_of(*[500] * 7)
        self.assertEqual(
            self.plan(facts, num_shards=3).shards,
            {"train": [[0, 3, 6], [1, 4], [2, 5]]},
        )
        self.assertLen(self.plan(facts, num_shards=7).shards["train"], 7)
        with self.assertRaisesRegex(
            ValueError, "records, 7 in train. Received: num_shards=8"
        ):
            self.plan(facts, num_shards=8)

    def test_splits(self):
        facts = facts_of(*[9] * 5, splits=["train", "eval", "eval", "b", "b"])
        plan = self.plan(facts, shard_bytes=30)
        self.assertEqual(list(plan.shards), ["b", "eval", "train"])
        self.assertEqual(
            plan.shards, {"b": [[3], [4]], "eval": [[1], [2]], "train": [[0]]}
        )
        plan = self.plan(facts[:4], num_shards=1)
        self.assertEqual(
            plan.shards, {"b": [[3]], "eval": [[1, 2]], "train": [[0]]}
        )

    def test_duplicates_are_left_out(self):
        facts = facts_of(*[9] * 4, splits=["train", "eval", "train", "eval"])
        facts[2]["sha256"] = facts[0]["sha256"]
        facts[3]["hash"] = facts[1]["hash"] ^ 5
        plan = self.plan(facts, CleaningRules())
        # Also where the other is in another split.
        self.assertEqual(plan.shards, {"eval": [[1]], "train": [[0]]})
        self.assertEqual(
            plan.drops,
            [
                ("2.png", "duplicate", "the same file as 0.png"),
                (
                    "3.png",
                    "near duplicate",
                    "looks like 1.png: 2 of 64 bits of their perceptual "
                    "hashes differ",
                ),
            ],
        )
        self.assertEqual(
            [(d.number, d.original) for d in plan.duplicates], [(2, 0), (3, 1)]
        )
        plan = self.plan(facts, CleaningRules(duplicate_distance=None))
        self.assertEqual(plan.shards, {"eval": [[1, 3]], "train": [[0]]})
        plan = self.plan(
            facts,
            CleaningRules(exact_duplicates=False, duplicate_distance=1),
        )
        self.assertEqual(plan.shards, {"eval": [[1, 3]], "train": [[0, 2]]})
        self.assertEqual(self.plan(facts).duplicates, [])


class DuplicatesTest(parameterized.TestCase):
    def facts(self, hashes, files=None):
        files = range(len(hashes)) if files is None else files
        return [
            {"sha256": str(file), "hash": value}
            for file, value in zip(files, hashes, strict=True)
        ]

    @parameterized.parameters(0, 1, 4, 12, 64)
    def test_finds_what_comparing_all_finds(self, distance):
        """Each is compared with all that were kept before it."""
        random = np.random.default_rng(distance)
        values = [int(v) for v in random.integers(0, 2**63, 20)]
        for _ in range(100):
            value = values[random.integers(20)]
            for bit in random.integers(0, 64, random.integers(15)):
                value ^= 1 << int(bit)
            values.append(value)
        kept, expected = [], []
        for number, value in enumerate(values):
            differences = [
                ((value ^ values[other]).bit_count(), other) for other in kept
            ]
            if differences and min(differences)[0] <= distance:
                expected.append(Duplicate(number, *min(differences)[::-1]))
            else:
                kept.append(number)
        found = find_duplicates(self.facts(values), False, distance)
        self.assertEqual(found, expected)
