"""The distance of generated images from each other."""

import keras
import numpy as np

from keras_comic.metrics.feature_metric import FeatureMetric
from keras_comic.metrics.precision_recall import distance_blocks


@keras.saving.register_keras_serializable(package="keras_comic")
class Diversity(FeatureMetric):
    """Mean distance of the features of all pairs of generated images.

    Euclidean distance, over all pairs of different images. A generator that
    has collapsed comes near 0; compare with the same number of the comics, or
    of the photos that were stylised. Sees every pair, so some thousand images
    take some seconds.

    All features are kept, on the host; computed in float64, block by block.

    Args:
        feature_network: Callable or `None`, see `FrechetDistance`. Defaults
            to `None`.
        layer: String or `None`, see `FrechetDistance`. Defaults to `None`.
        protocol: Dict or `None`, see `FrechetDistance`. Defaults to `None`.
        name: String or `None`. Defaults to `None`, `"diversity"`.
        **kwargs: Keyword arguments of `keras.metrics.Metric`.

    Returns:
        `result()` is a float64, at least 0, in units of the features; NaN with
        fewer than 2 images. The spread of `report()` is the standard
        deviation over the pairs.

    Raises:
        TypeError: If `feature_network` is not callable.
        ValueError: If `protocol` is no such dict.

    Example:

    >>> diversity = keras_comic.metrics.Diversity()
    >>> diversity.update_state(np.array([[0.0, 0.0], [3.0, 4.0]]))
    >>> float(diversity.result())
    5.0
    """

    sides = ("images",)

    def update_state(self, images):
        """Adds a batch of images, or of features.

        Args:
            images: Float `(batch, height, width, 3)`, RGB in `[-1, 1]`;
                without a feature network, features `(batch, dimensions)`.
        """
        self.gather(images=images)

    def compute(self, features):
        total = squares = 0.0
        for block in distance_blocks(features, features):
            total += np.sqrt(block).sum()
            squares += block.sum()
        pairs = len(features) * (len(features) - 1)
        mean = total / pairs
        variance = max(squares / pairs - mean**2, 0.0)
        return [(np.float64(mean), np.sqrt(variance))]
