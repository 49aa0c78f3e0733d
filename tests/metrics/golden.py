"""Reads `golden.json`."""

import functools
import json

from tests.metrics.make_golden import GOLDEN


@functools.cache
def golden():
    """Dict of a metric's name to the numbers of other projects."""
    return json.loads(GOLDEN.read_text(encoding="utf-8"))
