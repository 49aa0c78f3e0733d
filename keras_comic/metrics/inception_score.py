"""The Inception Score."""

import keras
import numpy as np
from scipy import special

from keras_comic.metrics.feature_metric import FeatureMetric


@keras.saving.register_keras_serializable(package="keras_comic")
class InceptionScore(FeatureMetric):
    """Inception Score: whether images look like one class each, and varied.

    `exp(mean of KL(p(class | image) || p(class)))` in each of some splits, and
    the mean over these. Between 1 and the number of classes, higher is better.
    It knows nothing of the comics, and Inception's classes are those of
    photographs: reported because others do; prefer `KernelDistance`.

    The features are logits: of the network of 2015, those without the last
    bias (`InceptionFeatures`, layer `logits_unbiased`). Splits are consecutive
    in the order that images came, as in the authors' code. All logits are
    kept, on the host; computed in float64.

    Args:
        feature_network: Callable or `None`. Takes images in `[-1, 1]` and
            gives logits `(batch, classes)`. `None` takes logits instead of
            images. Defaults to `None`.
        layer: String or `None`, see `FrechetDistance`. Defaults to `None`.
        num_splits: Integer > 0. Splits; with fewer images, as many as there
            are images. Defaults to `10`.
        protocol: Dict or `None`, see `FrechetDistance`. Defaults to `None`.
        name: String or `None`. Defaults to `None`, `"inception_score"`.
        **kwargs: Keyword arguments of `keras.metrics.Metric`.

    Returns:
        `result()` is a float64; NaN without images. The spread of `report()`
        is the standard deviation over the splits.

    Raises:
        TypeError: If `feature_network` is not callable.
        ValueError: If `num_splits` is not positive, or `protocol` is no such
            dict.

    Example:

    >>> score = keras_comic.metrics.InceptionScore(num_splits=1)
    >>> score.update_state(50.0 * np.eye(4))
    >>> round(float(score.result()), 6)
    4.0

    Reference:
        - [Salimans et al., 2016](https://arxiv.org/abs/1606.03498), section
          4; no differences.
    """

    sides = ("images",)
    least_images = 1

    def __init__(
        self,
        feature_network=None,
        layer=None,
        num_splits=10,
        protocol=None,
        name=None,
        **kwargs,
    ):
        if not num_splits >= 1:
            raise ValueError(
                "`num_splits` must be a positive integer. "
                f"Received: num_splits={num_splits}"
            )
        super().__init__(feature_network, layer, protocol, name, **kwargs)
        self.num_splits = num_splits

    def update_state(self, images):
        """Adds a batch of images, or of logits.

        Args:
            images: Float `(batch, height, width, 3)`, RGB in `[-1, 1]`;
                without a feature network, logits `(batch, classes)`.
        """
        self.gather(images=images)

    def compute(self, logits):
        probabilities = special.softmax(logits, axis=1)
        scores = []
        splits = self._used_splits()
        ends = [len(logits) * i // splits for i in range(1, splits)]
        for part in np.split(probabilities, ends):
            divergence = special.rel_entr(part, part.mean(axis=0)).sum(axis=1)
            scores.append(np.exp(divergence.mean()))
        spread = np.std(scores) if splits > 1 else None
        return [(np.mean(scores), spread)]

    def facts(self):
        return {"splits": self._used_splits(), **super().facts()}

    def get_config(self):
        return {**super().get_config(), "num_splits": self.num_splits}

    def _used_splits(self):
        return max(min(self.num_splits, self.count("images")), 1)
