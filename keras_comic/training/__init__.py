"""Training of adversarial models."""

from keras_comic.training.gan import GAN
from keras_comic.training.training_checkpoint import TrainingCheckpoint

__all__ = ["GAN", "TrainingCheckpoint"]
