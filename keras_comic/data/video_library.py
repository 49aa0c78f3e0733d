"""Importing what only videos need."""

import importlib


def import_video_library(name):
    """Imports what only videos need.

    Args:
        name: String, such as `"av"`.

    Returns:
        The module.

    Raises:
        ImportError: If it is not installed.
    """
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise ImportError(
            f"Videos need `{name}`, which cannot be imported ({error}). "
            "Install it with `pip install keras-comic[video]`."
        ) from error
