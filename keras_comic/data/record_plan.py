"""The plan of the shards, and the records that repeat earlier ones."""

import collections

from keras_comic.data.framing import FRAME_BYTES
from keras_comic.data.record_maker import Drop

# Bits of a perceptual hash.
HASH_BITS = 64

# `shards`: dict of splits to lists of shards, each a list of the numbers of
# its records; `drops`: list of `Drop`; `duplicates`: list of `Duplicate`.
Plan = collections.namedtuple("Plan", "shards drops duplicates")
# Numbers of a record and of the earlier one that it repeats, and in how many
# bits their perceptual hashes differ; `None` if their files are the same.
Duplicate = collections.namedtuple("Duplicate", "number original distance")


def plan_shards(facts, rules, layout):
    """Leaves duplicates out and shares the others among shards."""
    duplicates = []
    if rules is not None:
        duplicates = find_duplicates(
            facts, rules.exact_duplicates, rules.duplicate_distance
        )
    drops = [_duplicate_drop(facts, duplicate) for duplicate in duplicates]
    left_out = {duplicate.number for duplicate in duplicates}
    splits = {}
    for number, fact in enumerate(facts):
        if number not in left_out:
            splits.setdefault(fact["split"], []).append(number)
    shards, count = {}, layout.num_shards
    for split, numbers in sorted(splits.items()):
        if count is None:
            shards[split] = _fill(numbers, facts, layout.shard_bytes)
        elif count > len(numbers):
            raise ValueError(
                "`num_shards` must not exceed the number of records, "
                f"{len(numbers)} in {split}. Received: num_shards={count}"
            )
        else:
            shards[split] = [numbers[i::count] for i in range(count)]
    return Plan(shards, drops, duplicates)


def shard_names(split, total):
    """Returns the names of a split's shards."""
    return [
        f"{split}-{number:05d}-of-{total:05d}.tfrecord"
        for number in range(total)
    ]


def find_duplicates(facts, exact, distance):
    """Finds the records to leave out, so that none repeats an earlier one."""
    files, duplicates = {}, []
    near = None if distance is None else _NearHashes(distance)
    for number, fact in enumerate(facts):
        hashed = near is not None and fact["hash"] is not None
        original, difference = None, None
        if exact:
            original = files.get(fact["sha256"])
        if original is None and hashed:
            original, difference = near.find(fact["hash"])
        if original is not None:
            duplicates.append(Duplicate(number, original, difference))
            continue
        files.setdefault(fact["sha256"], number)
        if hashed:
            near.add(fact["hash"], number)
    return duplicates


class _NearHashes:
    """Hashes that can be found again when some bits have changed.

    Of one part more than bits may change, one part at least is unchanged.
    """

    def __init__(self, distance):
        self.distance = distance
        edges = [
            HASH_BITS * part // (distance + 1) for part in range(distance + 2)
        ]
        self.parts = [
            (start, (1 << (stop - start)) - 1)
            for start, stop in zip(edges, edges[1:])
        ]
        self.tables = [collections.defaultdict(list) for _ in self.parts]

    def add(self, value, number):
        for (start, mask), table in zip(self.parts, self.tables):
            table[value >> start & mask].append((value, number))

    def find(self, value):
        """Returns the nearest hash's number and distance, if near enough."""
        near = [
            ((value ^ other).bit_count(), number)
            for (start, mask), table in zip(self.parts, self.tables)
            for other, number in table.get(value >> start & mask, ())
        ]
        distance, number = min(near, default=(self.distance + 1, None))
        return (None, None) if distance > self.distance else (number, distance)


def _fill(numbers, facts, shard_bytes):
    shards, size = [[]], 0
    for number in numbers:
        length = facts[number]["length"] + FRAME_BYTES
        if shards[-1] and size + length > shard_bytes:
            shards.append([])
            size = 0
        shards[-1].append(number)
        size += length
    return shards


def _duplicate_drop(facts, duplicate):
    fact, original = facts[duplicate.number], facts[duplicate.original]
    if duplicate.distance is None:
        rule, reason = "duplicate", f"the same file as {original['path']}"
    else:
        rule = "near duplicate"
        reason = (
            f"looks like {original['path']}: {duplicate.distance} of 64 bits "
            "of their perceptual hashes differ"
        )
    return Drop(fact["path"], rule, reason)
