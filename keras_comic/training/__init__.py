"""Training of adversarial models."""

from keras_comic.training.gan import GAN
from keras_comic.training.image_pool import ImagePool
from keras_comic.training.loss_plot import LossPlot
from keras_comic.training.roll_back import RollBack
from keras_comic.training.sample_grid import SampleGrid
from keras_comic.training.schedules import LinearDecay
from keras_comic.training.schedules import WarmUp
from keras_comic.training.training_checkpoint import TrainingCheckpoint
from keras_comic.training.training_progress import TrainingProgress
from keras_comic.training.training_time import TrainingTime

__all__ = [
    "GAN",
    "ImagePool",
    "LinearDecay",
    "LossPlot",
    "RollBack",
    "SampleGrid",
    "TrainingCheckpoint",
    "TrainingProgress",
    "TrainingTime",
    "WarmUp",
]
