"""How different generated images are from each other."""

import keras
import numpy as np

from keras_comic.metrics.feature_list import FeatureList
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
        name: String. Defaults to `"diversity"`.
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

    def __init__(
        self,
        feature_network=None,
        layer=None,
        protocol=None,
        name="diversity",
        **kwargs,
    ):
        super().__init__(feature_network, layer, protocol, name, **kwargs)

    def make_state(self):
        """What gathers the features.

        Returns:
            A `FeatureList`.
        """
        return FeatureList()

    def update_state(self, images):
        """Adds a batch of images, or of features.

        Args:
            images: Float `(batch, height, width, 3)`, RGB in `[-1, 1]`;
                without a feature network, features `(batch, dimensions)`.

        Raises:
            RuntimeError: If called in a compiled step.
            TypeError: If images are not of a float dtype.
            ValueError: If a shape is another.
        """
        self._gather({"images": images})

    def compute(self):
        """Mean and standard deviation over the pairs.

        Returns:
            Dict of `value` to two floats.
        """
        features = self.states["images"].array()
        count = len(features)
        if count < 2 or not np.isfinite(features).all():
            return {"value": (np.float64("nan"), None)}
        total = squares = 0.0
        for block in distance_blocks(features, features):
            total += np.sqrt(block).sum()
            squares += block.sum()
        pairs = count * (count - 1)
        mean = total / pairs
        variance = max(squares / pairs - mean**2, 0.0)
        return {"value": (np.float64(mean), np.sqrt(variance))}
