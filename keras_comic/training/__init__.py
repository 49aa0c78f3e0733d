"""Training of adversarial models."""

from keras_comic.training.callbacks.best_checkpoint import BestCheckpoint
from keras_comic.training.callbacks.loss_plot import LossPlot
from keras_comic.training.callbacks.roll_back import RollBack
from keras_comic.training.callbacks.sample_grid import SampleGrid
from keras_comic.training.callbacks.tensor_board import TensorBoard
from keras_comic.training.callbacks.training_alarms import TrainingAlarms
from keras_comic.training.callbacks.training_checkpoint import (
    TrainingCheckpoint,
)
from keras_comic.training.callbacks.training_progress import TrainingProgress
from keras_comic.training.gan import GAN
from keras_comic.training.image_pool import ImagePool
from keras_comic.training.judge import Judge
from keras_comic.training.phase import Phase
from keras_comic.training.schedules import LinearDecay
from keras_comic.training.temporal_consistency import TemporalConsistency

__all__ = [
    "BestCheckpoint",
    "GAN",
    "ImagePool",
    "Judge",
    "LinearDecay",
    "LossPlot",
    "Phase",
    "RollBack",
    "SampleGrid",
    "TemporalConsistency",
    "TensorBoard",
    "TrainingAlarms",
    "TrainingCheckpoint",
    "TrainingProgress",
]
