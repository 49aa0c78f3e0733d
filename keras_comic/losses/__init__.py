"""Losses: tensors in, one value per sample out."""

from keras_comic.losses.adversarial import ADVERSARIAL_LOSSES
from keras_comic.losses.adversarial import cross_entropy_discriminator_loss
from keras_comic.losses.adversarial import cross_entropy_generator_loss
from keras_comic.losses.adversarial import hinge_discriminator_loss
from keras_comic.losses.adversarial import hinge_generator_loss
from keras_comic.losses.adversarial import least_squares_discriminator_loss
from keras_comic.losses.adversarial import least_squares_generator_loss
from keras_comic.losses.perceptual import content_loss
from keras_comic.losses.perceptual import gram_matrix
from keras_comic.losses.perceptual import gram_style_loss
from keras_comic.losses.perceptual import moments_style_loss
from keras_comic.losses.pixel import edge_aware_smoothness_loss
from keras_comic.losses.pixel import structure_loss
from keras_comic.losses.pixel import tone_loss
from keras_comic.losses.pixel import total_variation_loss

__all__ = [
    "ADVERSARIAL_LOSSES",
    "content_loss",
    "cross_entropy_discriminator_loss",
    "cross_entropy_generator_loss",
    "edge_aware_smoothness_loss",
    "gram_matrix",
    "gram_style_loss",
    "hinge_discriminator_loss",
    "hinge_generator_loss",
    "least_squares_discriminator_loss",
    "least_squares_generator_loss",
    "moments_style_loss",
    "structure_loss",
    "tone_loss",
    "total_variation_loss",
]
