"""Frozen networks that losses and metrics look through."""

from keras_comic.models.features.evaluation_network import (
    load_evaluation_network,
)
from keras_comic.models.features.feature_network import FeatureNetwork
from keras_comic.models.features.inception_features import InceptionFeatures
from keras_comic.models.features.squeeze_net_features import SqueezeNetFeatures

__all__ = [
    "FeatureNetwork",
    "InceptionFeatures",
    "SqueezeNetFeatures",
    "load_evaluation_network",
]
