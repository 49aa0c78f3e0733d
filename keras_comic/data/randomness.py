"""Random numbers that depend on a key and on a number alone.

Every sample of a dataset takes its random numbers and its place in the order
from its own number, so that a run can start anywhere, and the samples can be
made side by side.
"""

import hashlib

import numpy as np

# Rounds of the permutation; each mixes one half of a place into the other.
NUM_ROUNDS = 10
# The constants of SplitMix64.
GOLDEN = np.uint64(0x9E3779B97F4A7C15)
MULTIPLIERS = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)


def random_key(seed, stream):
    """Derives the key of one stream of random numbers."""
    digest = hashlib.sha256(f"{seed}/{stream}".encode()).digest()
    return int.from_bytes(digest[:4], "little") >> 1


def random_uniforms(key, numbers, count):
    """Draws random numbers in [0, 1) for each of some samples."""
    numbers = np.asarray(numbers).astype("uint64")
    columns = np.arange(1, count + 1, dtype="uint64")
    samples = _mix(numbers * GOLDEN + _mix(np.uint64(key) + GOLDEN))
    mixed = _mix(samples[:, None] + columns * GOLDEN)
    return (mixed >> np.uint64(40)).astype("float32") * np.float32(2**-24)


def shuffled(places, key, turns, counts):
    """Permutes places, in each turn by another permutation."""
    places = np.asarray(places, "int64")
    counts = np.broadcast_to(np.asarray(counts, "int64"), places.shape)
    turns = np.broadcast_to(np.asarray(turns, "int64"), places.shape)
    keys = _mix(turns.astype("uint64") * GOLDEN + _mix(np.uint64(key) + GOLDEN))
    # A place is two digits, of these bases.
    rows = np.ceil(np.sqrt(counts)).astype("uint64")
    columns = (-(-counts // rows.astype("int64"))).astype("uint64")
    result = places.copy()
    left = np.arange(len(places))
    while len(left):
        walked = _permute(
            result[left].astype("uint64"),
            keys[left],
            rows[left],
            columns[left],
        )
        result[left] = walked.astype("int64")
        left = left[result[left] >= counts[left]]
    return result


def _permute(places, keys, rows, columns):
    first, second = places // columns, places % columns
    for number in range(NUM_ROUNDS):
        keys = keys + GOLDEN
        if number % 2:
            second = (second + _mix(first + keys) % columns) % columns
        else:
            first = (first + _mix(second + keys) % rows) % rows
    return first * columns + second


def _mix(values):
    """Mixes bits by the finaliser of SplitMix64."""
    with np.errstate(over="ignore"):
        values = np.asarray(values, "uint64")
        values = (values ^ (values >> np.uint64(30))) * MULTIPLIERS[0]
        values = (values ^ (values >> np.uint64(27))) * MULTIPLIERS[1]
        return values ^ (values >> np.uint64(31))
