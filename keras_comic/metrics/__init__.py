"""Metrics: numbers that cards report, each with how it was measured."""

from keras_comic.metrics.art_fid import ArtFID
from keras_comic.metrics.color_distance import ColorDistance
from keras_comic.metrics.comic_look import comic_look
from keras_comic.metrics.comic_look import mean_comic_look
from keras_comic.metrics.diversity import Diversity
from keras_comic.metrics.edge_preservation import EdgePreservation
from keras_comic.metrics.frechet_distance import FrechetDistance
from keras_comic.metrics.inception_score import InceptionScore
from keras_comic.metrics.kernel_distance import KernelDistance
from keras_comic.metrics.perceptual_distance import PerceptualDistance
from keras_comic.metrics.precision_recall import PrecisionRecall
from keras_comic.metrics.protocol import network_facts
from keras_comic.metrics.result import MetricResult
from keras_comic.metrics.sharpness import Sharpness
from keras_comic.metrics.stillness import Stillness
from keras_comic.metrics.structural_similarity import StructuralSimilarity
from keras_comic.metrics.style_loss import StyleLoss
from keras_comic.metrics.style_score import StyleScore
from keras_comic.metrics.style_score import content_distance
from keras_comic.metrics.style_score import style_distance
from keras_comic.metrics.temporal_distance import TemporalDistance
from keras_comic.metrics.warped_distance import WarpedDistance
from keras_comic.metrics.warping_error import WarpingError

__all__ = [
    "ArtFID",
    "ColorDistance",
    "Diversity",
    "EdgePreservation",
    "FrechetDistance",
    "InceptionScore",
    "KernelDistance",
    "MetricResult",
    "PerceptualDistance",
    "PrecisionRecall",
    "Sharpness",
    "Stillness",
    "StructuralSimilarity",
    "StyleLoss",
    "StyleScore",
    "TemporalDistance",
    "WarpedDistance",
    "WarpingError",
    "comic_look",
    "content_distance",
    "mean_comic_look",
    "network_facts",
    "style_distance",
]
