"""Which records show what an earlier one shows."""

import collections

# Bits of a perceptual hash.
HASH_BITS = 64

# Numbers of a record and of the earlier one that it repeats, and in how many
# bits their perceptual hashes differ; `None` if their files are the same.
Duplicate = collections.namedtuple("Duplicate", "number original distance")


def find_duplicates(facts, exact, distance):
    """Finds the records to leave out, so that none repeats an earlier one."""
    files, found = {}, []
    near = None if distance is None else _NearHashes(distance)
    for number, fact in enumerate(facts):
        original, difference = None, None
        if exact:
            original = files.get(fact["sha256"])
        if original is None and near is not None and fact["hash"] is not None:
            original, difference = near.find(fact["hash"])
        if original is not None:
            found.append(Duplicate(number, original, difference))
            continue
        files.setdefault(fact["sha256"], number)
        if near is not None and fact["hash"] is not None:
            near.add(fact["hash"], number)
    return found


class _NearHashes:
    """Hashes that can be found again when some bits have changed."""

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
        """The nearest hash that is near enough, the earliest of equals."""
        best = None
        for (start, mask), table in zip(self.parts, self.tables):
            for other, number in table.get(value >> start & mask, ()):
                found = ((value ^ other).bit_count(), number)
                if found[0] <= self.distance and (best is None or found < best):
                    best = found
        return (None, None) if best is None else best[::-1]
