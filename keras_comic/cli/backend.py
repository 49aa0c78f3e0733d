"""Imports what the commands work with."""

import importlib
import os
import sys
import tempfile

MODELS = "keras_comic.models"


def import_models():
    """Imports the models with Keras, without its backend's notes on stderr."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    if MODELS in sys.modules:
        return
    sys.stderr.flush()
    stderr = os.dup(2)
    with tempfile.TemporaryFile() as notes:
        os.dup2(notes.fileno(), 2)
        try:
            importlib.import_module(MODELS)
        except BaseException:
            notes.seek(0)
            os.write(stderr, notes.read())
            raise
        finally:
            os.dup2(stderr, 2)
            os.close(stderr)


def import_module(name):
    """Imports a module of the user's own, also from the current folder."""
    import_models()
    if os.getcwd() not in sys.path:
        sys.path.insert(0, os.getcwd())
    try:
        importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name != name:
            raise
        raise ImportError(
            "--import must name a module that Python finds, here or where "
            f"packages are installed. Received: --import {name}"
        ) from error
