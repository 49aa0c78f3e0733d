"""Losses: tensors in, one value per sample out."""

from keras_comic.losses.adversarial import ADVERSARIAL_LOSSES
from keras_comic.losses.adversarial import cross_entropy_discriminator_loss
from keras_comic.losses.adversarial import cross_entropy_generator_loss
from keras_comic.losses.adversarial import hinge_discriminator_loss
from keras_comic.losses.adversarial import hinge_generator_loss
from keras_comic.losses.adversarial import least_squares_discriminator_loss
from keras_comic.losses.adversarial import least_squares_generator_loss
from keras_comic.losses.adversarial import minimax_discriminator_loss
from keras_comic.losses.adversarial import minimax_generator_loss
from keras_comic.losses.adversarial import wasserstein_discriminator_loss
from keras_comic.losses.adversarial import wasserstein_generator_loss
from keras_comic.losses.coherence import CoherencePreservingLoss
from keras_comic.losses.coherence import motion_consistency_loss
from keras_comic.losses.color import lab_color_loss
from keras_comic.losses.color import rgb_to_lab
from keras_comic.losses.color import rgb_to_yuv
from keras_comic.losses.color import yuv_color_loss
from keras_comic.losses.contextual import contextual_loss
from keras_comic.losses.contextual import patch_style_loss
from keras_comic.losses.lpips import PERCEPTUAL_LAYERS
from keras_comic.losses.lpips import load_perceptual_heads
from keras_comic.losses.lpips import perceptual_distance
from keras_comic.losses.penalties import WeightClipping
from keras_comic.losses.penalties import clip_weights
from keras_comic.losses.penalties import dragan_penalty
from keras_comic.losses.penalties import gradient_penalty
from keras_comic.losses.penalties import interpolate_samples
from keras_comic.losses.penalties import lipschitz_penalty
from keras_comic.losses.penalties import perturb_samples
from keras_comic.losses.penalties import r1_penalty
from keras_comic.losses.penalties import r2_penalty
from keras_comic.losses.perceptual import content_loss
from keras_comic.losses.perceptual import feature_loss
from keras_comic.losses.perceptual import gram_matrix
from keras_comic.losses.perceptual import gram_style_loss
from keras_comic.losses.perceptual import moments_style_loss
from keras_comic.losses.pixel import edge_aware_smoothness_loss
from keras_comic.losses.pixel import edge_loss
from keras_comic.losses.pixel import structure_loss
from keras_comic.losses.pixel import tone_loss
from keras_comic.losses.pixel import total_variation_loss
from keras_comic.losses.regions import fill_regions
from keras_comic.losses.regions import region_smoothing_loss
from keras_comic.losses.relativistic import RELATIVISTIC_LOSSES
from keras_comic.losses.relativistic import (
    relativistic_cross_entropy_discriminator_loss,
)
from keras_comic.losses.relativistic import (
    relativistic_cross_entropy_generator_loss,
)
from keras_comic.losses.relativistic import (
    relativistic_hinge_discriminator_loss,
)
from keras_comic.losses.relativistic import relativistic_hinge_generator_loss
from keras_comic.losses.relativistic import (
    relativistic_least_squares_discriminator_loss,
)
from keras_comic.losses.relativistic import (
    relativistic_least_squares_generator_loss,
)
from keras_comic.losses.temporal import chained_flows
from keras_comic.losses.temporal import long_term_warping_loss
from keras_comic.losses.temporal import photometric_weights
from keras_comic.losses.temporal import short_term_warping_loss
from keras_comic.losses.temporal import warping_loss
from keras_comic.losses.unpaired import cycle_loss
from keras_comic.losses.unpaired import identity_loss

__all__ = [
    "ADVERSARIAL_LOSSES",
    "CoherencePreservingLoss",
    "PERCEPTUAL_LAYERS",
    "RELATIVISTIC_LOSSES",
    "WeightClipping",
    "chained_flows",
    "clip_weights",
    "content_loss",
    "contextual_loss",
    "cross_entropy_discriminator_loss",
    "cross_entropy_generator_loss",
    "cycle_loss",
    "dragan_penalty",
    "edge_aware_smoothness_loss",
    "edge_loss",
    "feature_loss",
    "fill_regions",
    "gradient_penalty",
    "gram_matrix",
    "gram_style_loss",
    "hinge_discriminator_loss",
    "hinge_generator_loss",
    "identity_loss",
    "interpolate_samples",
    "lab_color_loss",
    "least_squares_discriminator_loss",
    "least_squares_generator_loss",
    "lipschitz_penalty",
    "load_perceptual_heads",
    "long_term_warping_loss",
    "minimax_discriminator_loss",
    "minimax_generator_loss",
    "moments_style_loss",
    "motion_consistency_loss",
    "patch_style_loss",
    "perceptual_distance",
    "perturb_samples",
    "photometric_weights",
    "r1_penalty",
    "r2_penalty",
    "region_smoothing_loss",
    "relativistic_cross_entropy_discriminator_loss",
    "relativistic_cross_entropy_generator_loss",
    "relativistic_hinge_discriminator_loss",
    "relativistic_hinge_generator_loss",
    "relativistic_least_squares_discriminator_loss",
    "relativistic_least_squares_generator_loss",
    "rgb_to_lab",
    "rgb_to_yuv",
    "short_term_warping_loss",
    "structure_loss",
    "tone_loss",
    "total_variation_loss",
    "warping_loss",
    "wasserstein_discriminator_loss",
    "wasserstein_generator_loss",
    "yuv_color_loss",
]
