"""Imports libraries that only videos need."""

import importlib


def import_video_library(name):
    """Imports a library of the extra `video`."""
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise ImportError(
            f"Videos need `{name}`, which cannot be imported ({error}). "
            "Install it with `pip install keras-comic[video]`."
        ) from error
