"""keras_comic: photos and video into comics, with TensorFlow and Keras 3.

Sub-packages and names are imported when they are first asked for.
"""

import importlib
from typing import TYPE_CHECKING

from keras_comic.registration import ImportWith as _ImportWith

if TYPE_CHECKING:  # For editors and type checkers.
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
    from keras_comic.models import AdaINGenerator
    from keras_comic.models import FeatureNetwork
    from keras_comic.models import Generator
    from keras_comic.models import PatchDiscriminator
    from keras_comic.models import StyleTransferGAN
    from keras_comic.presets import from_preset
    from keras_comic.presets import list_presets
    from keras_comic.presets import save_to_preset
    from keras_comic.presets import verify_preset
    from keras_comic.training import GAN

__version__ = "0.1.0"

__all__ = [
    "AdaINGenerator",
    "FeatureNetwork",
    "GAN",
    "Generator",
    "PatchDiscriminator",
    "StyleTransferGAN",
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

# Public name: the module here that defines it.
_LAZY = {
    "AdaINGenerator": "models",
    "FeatureNetwork": "models",
    "GAN": "training",
    "Generator": "models",
    "PatchDiscriminator": "models",
    "StyleTransferGAN": "models",
    "from_preset": "presets",
    "list_presets": "presets",
    "save_to_preset": "presets",
    "verify_preset": "presets",
}
_MODULES = {*__all__, "presets"} - set(_LAZY)
# Those whose classes `keras.saving` is to know after `import keras_comic`.
_WITH_KERAS = ("compat", "layers", "losses", "metrics", "models", "training")


def __getattr__(name):
    if name in _MODULES:
        return importlib.import_module(f"{__name__}.{name}")
    if name in _LAZY:
        module = importlib.import_module(f"{__name__}.{_LAZY[name]}")
        return getattr(module, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__():
    return sorted({*globals(), *__all__})


_ImportWith("keras", __name__, _WITH_KERAS)
