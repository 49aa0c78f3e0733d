"""The Frechet distance of two sets of features (FID)."""

import keras
import numpy as np

from keras_comic.metrics.feature_metric import FeatureMetric


@keras.saving.register_keras_serializable(package="keras_comic")
class FrechetDistance(FeatureMetric):
    """Frechet distance of two sets of images: FID, on Inception's features.

    `|m - n|^2 + trace(S) + trace(T) - 2 trace((S T)^(1/2))`, where m, n are the
    means and S, T the covariances (divided by count - 1) of the features of
    comics and of fake comics. Lower is better, 0 for equal moments. It is
    FID as published only with the network of 2015 (`InceptionFeatures`, layer
    `pool_3`) and at least its 2,048 images on both sides; it is biased
    upwards for few images, so compare equal counts, and prefer
    `KernelDistance` below some thousand.

    All features are kept, on the host; computed in float64. The last term is
    the sum of the singular values of the product of a factor of S and one of
    T, which is exact for fewer images than dimensions too, where a matrix
    square root of `S T` is not. It takes some seconds at 2,048 dimensions.

    Args:
        feature_network: Callable or `None`. Takes images in `[-1, 1]` and
            gives features `(batch, dimensions)`, or activations that are then
            averaged over their positions. `None` takes features instead of
            images. Defaults to `None`.
        layer: String or `None`. For a network that is called with
            `layers=[names]` and gives a dict, such as `FeatureNetwork`: which
            layer. Defaults to `None`.
        protocol: Dict or `None`. What the caller states for `report`, such as
            `{"resize": "256, bicubic", "crop": "centre"}`, and, for features
            that the caller gives, `network` and `network_sha256`. Defaults to
            `None`.
        name: String or `None`. Defaults to `None`, `"frechet_distance"`.
        **kwargs: Keyword arguments of `keras.metrics.Metric`.

    Returns:
        `result()` is a float64, in squared units of the features; NaN with
        fewer than 2 images on a side.

    Raises:
        TypeError: If `feature_network` is not callable.
        ValueError: If `protocol` is no such dict.

    Example:

    >>> fid = keras_comic.metrics.FrechetDistance()
    >>> features = np.array([[0.0], [2.0]])
    >>> fid.update_state(comics=features, fake_comics=features + 3.0)
    >>> float(fid.result())
    9.0

    Reference:
        - [Heusel et al., 2017](https://arxiv.org/abs/1706.08500), equation 6;
          differs from it in: no number is added to a diagonal.
    """

    # Else the covariance has not the full rank.
    enough_images = None

    def compute(self, comics, fake_comics):
        (mean, factor), (other_mean, other_factor) = map(
            _moments, (comics, fake_comics)
        )
        overlap = np.linalg.svd(factor @ other_factor.T, compute_uv=False)
        distance = (
            ((mean - other_mean) ** 2).sum()
            # The traces.
            + (factor**2).sum()
            + (other_factor**2).sum()
            - 2.0 * overlap.sum()
        )
        return [(np.maximum(distance, 0.0), None)]


def _moments(features):
    """Returns the mean, and a factor `R` of the covariance `R^T R`."""
    mean = features.mean(axis=0)
    factor = np.linalg.qr(features - mean, mode="r")
    return mean, factor / np.sqrt(len(features) - 1)
