"""Training of adversarial models."""

from keras_comic.training.gan import GAN
from keras_comic.training.loss_plot import LossPlot
from keras_comic.training.sample_grid import SampleGrid
from keras_comic.training.training_checkpoint import TrainingCheckpoint
from keras_comic.training.training_progress import TrainingProgress
from keras_comic.training.training_time import TrainingTime

__all__ = [
    "GAN",
    "LossPlot",
    "SampleGrid",
    "TrainingCheckpoint",
    "TrainingProgress",
    "TrainingTime",
]
