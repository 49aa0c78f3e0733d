"""keras_comic: photos and video into comics, with TensorFlow and Keras 3."""

import importlib

from keras_comic import compat
from keras_comic import layers
from keras_comic import losses
from keras_comic import metrics
from keras_comic import models
from keras_comic import training
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

# Sub-packages that need TensorFlow or other heavy libraries.
_LAZY = ("data", "export", "provenance", "serving", "video")


def __getattr__(name):
    if name in _LAZY:
        return importlib.import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__():
    return sorted({*globals(), *__all__})
