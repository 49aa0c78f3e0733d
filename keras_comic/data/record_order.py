"""The order in which samples take records, and the reader."""

import numpy as np

from keras_comic.data.randomness import random_key
from keras_comic.data.randomness import shuffled


class RecordOrder:
    """The order of the records: a function of the sample's number."""

    def __init__(self, labels, count, seed, name):
        counts = [count]
        if labels is not None:
            counts = np.unique(labels, return_counts=True)[1]
        # The numbers of the records, label by label.
        self.numbers = None
        if len(counts) > 1:
            self.numbers = np.argsort(labels, kind="stable")
        self.counts = np.array(counts, "int64")
        self.starts = np.cumsum(self.counts) - self.counts
        self.label_key = random_key(seed, f"{name} label")
        self.record_key = random_key(seed, f"{name} order")

    def records(self, samples, attempt=0):
        """Returns the numbers of the records that samples take."""
        samples = np.asarray(samples, "int64")
        num_labels = len(self.counts)
        turns, labels = np.divmod(samples, num_labels)
        if num_labels > 1:
            labels = shuffled(labels, self.label_key, turns, num_labels)
        counts = self.counts[labels]
        rounds, places = np.divmod(turns, counts)
        places = (places + attempt) % counts
        # Each label and round has a permutation of its own.
        rounds = rounds * num_labels + labels
        places = shuffled(places, self.record_key, rounds, counts)
        places += self.starts[labels]
        return places if self.numbers is None else self.numbers[places]


class RecordReader:
    """Reads and parses the records of samples; leaves corrupt ones out."""

    def __init__(self, index, order, parse):
        self.index = index
        self.order = order
        self.parse = parse
        self.checked = np.zeros(len(index), bool)

    def read(self, samples):
        """Reads the records of samples."""
        found = [None] * len(samples)
        left, attempt = np.arange(len(samples)), 0
        while len(left):
            numbers = self.order.records(samples[left], attempt)
            for place, number, data in zip(
                left, numbers, self.index.read(numbers)
            ):
                if data is not None:
                    found[place] = self._parse(number, data)
            left = np.array([i for i in left if found[i] is None], int)
            attempt += 1
            # As many in a row can only be the same ones again.
            if len(left) and attempt > len(self.index.corrupt):
                raise ValueError(
                    "All records of a label are corrupt. Received: "
                    + "; ".join(
                        f"{name}: {reason}"
                        for name, reason in self.index.corrupt.items()
                    )
                )
        return found

    def _parse(self, number, data):
        try:
            parsed = self.parse(data, not self.checked[number])
        except ValueError as error:
            self.index.report(number, str(error))
            return None
        self.checked[number] = True
        return parsed
