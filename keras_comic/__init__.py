"""keras_comic: photos and video into comics, with TensorFlow and Keras 3.

Rooms and names are imported when they are first asked for. The classes of
`models` and `training` are found here by their names too, such as
`keras_comic.AdaINGenerator`.
"""

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # For editors and type checkers.
    from keras_comic import comic
    from keras_comic import compat
    from keras_comic import data
    from keras_comic import export
    from keras_comic import layers
    from keras_comic import losses
    from keras_comic import metrics
    from keras_comic import models
    from keras_comic import provenance
    from keras_comic import serving
    from keras_comic import training
    from keras_comic import video
    from keras_comic.presets import from_preset
    from keras_comic.presets import list_presets
    from keras_comic.presets import save_to_preset
    from keras_comic.presets import verify_preset

__version__ = "0.2.0.dev0"

__all__ = [
    "comic",
    "compat",
    "data",
    "export",
    "from_preset",
    "layers",
    "list_presets",
    "losses",
    "metrics",
    "models",
    "provenance",
    "save_to_preset",
    "serving",
    "training",
    "verify_preset",
    "video",
]

_OF_PRESETS = ("from_preset", "list_presets", "save_to_preset", "verify_preset")
_WITH_CLASSES = ("models", "training")


def __getattr__(name):
    if name in _OF_PRESETS:
        presets = importlib.import_module("keras_comic.presets")
        return getattr(presets, name)
    if name in __all__ or name == "presets":
        return importlib.import_module(f"keras_comic.{name}")
    if name[:1].isupper():
        for room in _WITH_CLASSES:
            module = importlib.import_module(f"keras_comic.{room}")
            if name in module.__all__:
                return getattr(module, name)
    raise AttributeError(f"module 'keras_comic' has no attribute {name!r}")


def __dir__():
    return sorted({*globals(), *__all__})
