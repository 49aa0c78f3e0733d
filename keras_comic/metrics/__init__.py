"""Metrics: numbers that cards report."""

from keras_comic.metrics.style_score import StyleScore
from keras_comic.metrics.style_score import content_distance
from keras_comic.metrics.style_score import luminance_ssim
from keras_comic.metrics.style_score import style_distance

__all__ = [
    "StyleScore",
    "content_distance",
    "luminance_ssim",
    "style_distance",
]
