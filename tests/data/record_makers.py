"""Makers of records that behave as a test needs it, also in processes."""

import collections
import os

from keras_comic.data.record_maker import Drop
from keras_comic.data.record_maker import Record
from keras_comic.data.record_maker import RecordMaker
from keras_comic.data.record_maker import sha256_of
from tests.test_case import photos

Made = collections.namedtuple("Made", "records drops conversions")


def make_records(maker, source):
    """Returns all that a maker makes of a source."""
    drops, conversions = [], collections.Counter()
    records = list(maker.iterate(source, drops, conversions))
    return Made(records, drops, dict(conversions))


class LineRecordMaker(RecordMaker):
    """Makes a record of each line of a text file.

    Some lines are commands: `drop`, `fail`, and `exit`, which ends the
    process. The names of the sources that were read in this process are
    kept in `seen`.
    """

    def __init__(self, rules=None):
        super().__init__("photos", None, rules)
        self.seen = []

    def make_records(self, source, drops, conversions):
        self.seen.append(source.name)
        for line in source.path.read_bytes().splitlines():
            if line == b"exit":
                os._exit(1)
            if line == b"fail":
                raise ValueError(f"This file fails: {source.path}")
            if line == b"drop":
                drops.append(Drop(str(source.path), "line", ""))
                continue
            conversions["line"] += 1
            image = photos(8, 12, 3, seed=len(line))
            facts = self.facts(source, image, line, sha256_of(line))
            yield Record(line, facts)
