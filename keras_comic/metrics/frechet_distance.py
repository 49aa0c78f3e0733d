"""The Frechet distance of two sets of features (FID)."""

import keras
import numpy as np

from keras_comic.metrics.feature_metric import FeatureMetric

# Images that are gathered before the moments are updated.
PENDING = 256


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

    Mean and covariance are updated batch by batch, in float64; nothing else
    is kept. The last term is the sum of the singular values of the product of
    a factor of S and one of T, which is exact for fewer images than dimensions
    too, where a matrix square root of `S T` is not. It takes some seconds at
    2,048 dimensions.

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
        name: String. Defaults to `"frechet_distance"`.
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

    def __init__(
        self,
        feature_network=None,
        layer=None,
        protocol=None,
        name="frechet_distance",
        **kwargs,
    ):
        super().__init__(feature_network, layer, protocol, name, **kwargs)

    def make_state(self):
        """What gathers the moments of one side.

        Returns:
            A `FeatureMoments`.
        """
        return FeatureMoments()

    def compute(self):
        """The distance.

        Returns:
            Dict of `value` to a float and `None`.
        """
        comics, fake_comics = (self.states[side] for side in self.sides)
        if min(comics.count, fake_comics.count) < 2:
            return {"value": (np.float64("nan"), None)}
        distance = frechet_distance(*comics.moments(), *fake_comics.moments())
        return {"value": (distance, None)}


class FeatureMoments:
    """Mean and covariance of features, updated batch by batch in float64."""

    def __init__(self):
        self.pending = []
        self.folded = 0
        self.center = None
        self.squares = None

    @property
    def count(self):
        """Integer, how many images there are."""
        return self.folded + sum(len(batch) for batch in self.pending)

    def moments(self):
        """The moments of all images."""
        self._fold()
        return self.center, self.squares / (self.folded - 1)

    def add(self, features):
        """Adds a batch."""
        before = self.pending[0][0] if self.pending else self.center
        if before is not None and features.shape[1] != len(before):
            raise ValueError(
                "Features must have the dimensions of those before, "
                f"{len(before)}. Received: {features.shape[1]} dimensions"
            )
        if len(features):
            self.pending.append(np.array(features, "float64"))
        if sum(len(batch) for batch in self.pending) >= PENDING:
            self._fold()

    def merge(self, other):
        """Adds the moments of another set."""
        for batch in other.pending:
            self.add(batch)
        self._fold()
        if other.folded:
            self._add(other.folded, other.center, other.squares)

    def _fold(self):
        if self.pending:
            features = np.concatenate(self.pending)
            self.pending = []
            mean = features.mean(axis=0)
            centred = features - mean
            self._add(len(features), mean, centred.T @ centred)

    def _add(self, count, mean, squares):
        if not self.folded:
            self.folded, self.center = count, mean.copy()
            self.squares = squares.copy()
            return
        if mean.shape != self.center.shape:
            raise ValueError(
                "Features must have the dimensions of those before, "
                f"{len(self.center)}. Received: {len(mean)} dimensions"
            )
        total = self.folded + count
        shift = mean - self.center
        self.squares += squares
        self.squares += np.outer(shift, shift * (self.folded * count / total))
        self.center += shift * (count / total)
        self.folded = total


def frechet_distance(mean, covariance, other_mean, other_covariance):
    """The Frechet distance of two normal distributions."""
    if mean.shape != other_mean.shape:
        raise ValueError(
            "Comics and fake comics must have features of one length. "
            f"Received: {len(mean)} and {len(other_mean)}"
        )
    parts = (mean, covariance, other_mean, other_covariance)
    if not all(np.isfinite(part).all() for part in parts):
        return np.float64("nan")
    root, other_root = _root(covariance), _root(other_covariance)
    overlap = np.linalg.svd(root.T @ other_root, compute_uv=False).sum()
    distance = (
        ((mean - other_mean) ** 2).sum()
        + np.trace(covariance)
        + np.trace(other_covariance)
        - 2.0 * overlap
    )
    return np.maximum(distance, 0.0)


def _root(covariance):
    """A matrix whose product with its transpose is the covariance."""
    try:
        return np.linalg.cholesky(covariance)
    except np.linalg.LinAlgError:
        # Fewer images than dimensions, or features that never vary.
        values, vectors = np.linalg.eigh(covariance)
    limit = values[-1] * len(values) * np.finfo("float64").eps
    kept = values > max(limit, 0.0)
    return vectors[:, kept] * np.sqrt(values[kept])
