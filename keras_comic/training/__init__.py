"""Training of adversarial models."""

from keras_comic.training.best_checkpoint import BestCheckpoint
from keras_comic.training.best_checkpoint import metric_evaluation
from keras_comic.training.freezing import freeze_layers
from keras_comic.training.gan import GAN
from keras_comic.training.image_pool import ImagePool
from keras_comic.training.loss_plot import LossPlot
from keras_comic.training.roll_back import RollBack
from keras_comic.training.sample_grid import SampleGrid
from keras_comic.training.schedules import LinearDecay
from keras_comic.training.schedules import WarmUp
from keras_comic.training.temporal_consistency import TemporalConsistency
from keras_comic.training.tensor_board import TensorBoard
from keras_comic.training.training_alarms import TrainingAlarms
from keras_comic.training.training_checkpoint import TrainingCheckpoint
from keras_comic.training.training_progress import TrainingProgress
from keras_comic.training.training_time import TrainingTime

__all__ = [
    "BestCheckpoint",
    "GAN",
    "ImagePool",
    "LinearDecay",
    "LossPlot",
    "RollBack",
    "SampleGrid",
    "TemporalConsistency",
    "TensorBoard",
    "TrainingAlarms",
    "TrainingCheckpoint",
    "TrainingProgress",
    "TrainingTime",
    "WarmUp",
    "freeze_layers",
    "metric_evaluation",
]
