"""Gives memory that is free back to the system."""

import ctypes
import functools
import sys


def release_free_memory():
    """Lets the C library give back what has been freed."""
    trim = _trim_function()
    return trim is not None and bool(trim(0))


@functools.cache
def _trim_function():
    if not sys.platform.startswith("linux"):
        return None
    try:
        return ctypes.CDLL(None).malloc_trim
    except (AttributeError, OSError):
        # Another C library.
        return None
