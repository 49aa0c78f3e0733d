"""Which record goes into which shard."""

import collections

from keras_comic.data.duplicates import find_duplicates
from keras_comic.data.framing import FRAME_BYTES
from keras_comic.data.record_maker import Drop

# `shards`: dict of splits to lists of shards, each a list of the numbers of
# its records; `drops`: list of `Drop`; `duplicates`: list of `Duplicate`.
Plan = collections.namedtuple("Plan", "shards drops duplicates")


def plan_shards(facts, rules, num_shards, shard_bytes):
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
    shards = {}
    for split in sorted(splits):
        numbers = splits[split]
        if num_shards is None:
            shards[split] = _fill(numbers, facts, shard_bytes)
        elif num_shards > len(numbers):
            raise ValueError(
                "`num_shards` must not exceed the number of records, "
                f"{len(numbers)} in {split}. Received: num_shards={num_shards}"
            )
        else:
            shards[split] = [numbers[i::num_shards] for i in range(num_shards)]
    return Plan(shards, drops, duplicates)


def shard_names(split, total):
    """The names of a split's shards."""
    return [
        f"{split}-{number:05d}-of-{total:05d}.tfrecord"
        for number in range(total)
    ]


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
    return Drop(fact["path"], rule, reason, None)
