"""The mean perceptual distance of pairs (LPIPS's form)."""

import hashlib

import keras
import numpy as np

from keras_comic.layers.unit_distance import unit_distance
from keras_comic.metrics.sample_mean import LayerMean


@keras.saving.register_keras_serializable(package="keras_comic")
class PerceptualDistance(LayerMean):
    """Mean distance of the activations of pairs, in the form of LPIPS.

    Sum over layers of the mean over positions of the sum over channels of
    `head (u - v)^2`, where u and v are the activations with the channels of
    each position brought to length 1. How much of what a photo shows a
    stylisation loses. With the published heads and their layers it is LPIPS up
    to the backbone: name the network with every number, as `report` does.

    Works in `compile(metrics=[...])` on every backend.

    Args:
        feature_network: Callable or `None`. Takes images in `[-1, 1]` and
            `layers=[names]` and gives a dict of name to activations, as
            `FeatureNetwork` does. `None` takes lists (or dicts) of activations
            instead of images. Defaults to `None`.
        layers: List of strings, or `None` for all. Defaults to `None`.
        heads: List of float `(channels,)`, at least 0, one for each layer, as
            `keras_comic.losses.load_perceptual_heads` reads them; or `None`,
            all 1, which is the uncalibrated distance of the paper. Defaults
            to `None`.
        protocol: Dict or `None`, see `FrechetDistance`. Defaults to `None`.
        name: String or `None`. Defaults to `None`, `"perceptual_distance"`.
        **kwargs: Keyword arguments of `keras.metrics.Metric`.

    Returns:
        `result()` is a float64 scalar (float32 on JAX), at least 0; NaN
        without pairs.

    Raises:
        TypeError: If `feature_network` is not callable.
        ValueError: If a head is negative, or `protocol` is no such dict.

    Example:

    >>> distance = keras_comic.metrics.PerceptualDistance()
    >>> up, right = np.array([0.0, 2.0]), np.array([1.0, 0.0])
    >>> distance.update_state(
    ...     [up.reshape(1, 1, 1, 2)], [right.reshape(1, 1, 1, 2)])
    >>> float(distance.result())  # (0 - 1)^2 + (1 - 0)^2
    2.0

    Reference:
        - [Zhang et al., 2018](https://arxiv.org/abs/1801.03924), equation 1;
          differs from it in the networks, which are the caller's.
    """

    def __init__(
        self,
        feature_network=None,
        layers=None,
        heads=None,
        protocol=None,
        name=None,
        **kwargs,
    ):
        if heads is not None:
            heads = [np.asarray(h, "float32").reshape(-1) for h in heads]
            if any(head.min() < 0.0 for head in heads):
                raise ValueError(
                    "The weights of a head must be at least 0. Received: "
                    f"heads with minima {[float(h.min()) for h in heads]}"
                )
            if layers is not None and len(heads) != len(layers):
                raise ValueError(
                    "`heads` must hold one entry for each layer. "
                    f"Received: {len(heads)} heads for layers={list(layers)}"
                )
        super().__init__(feature_network, layers, protocol, name, **kwargs)
        self.heads = heads

    def sample_values(self, photos, fake_comics):
        firsts, seconds = self.activations(
            photos=photos, fake_comics=fake_comics
        )
        heads = [None] * len(firsts) if self.heads is None else self.heads
        if len(firsts) != len(heads):
            raise ValueError(
                "There must be one head for each layer. "
                f"Received: {len(firsts)} layers, {len(heads)} heads"
            )
        total = 0.0
        for first, second, head in zip(firsts, seconds, heads):
            if head is not None and head.shape != (first.shape[-1],):
                raise ValueError(
                    "A head must have a weight for each of the "
                    f"{first.shape[-1]} channels of its layer. "
                    f"Received: {len(head)} weights"
                )
            total += unit_distance(first, second, head)
        return total

    def facts(self):
        heads = "none" if self.heads is None else _checksum(self.heads)
        return {**super().facts(), "heads": heads}

    def get_config(self):
        heads = None if self.heads is None else [h.tolist() for h in self.heads]
        return {**super().get_config(), "heads": heads}


def _checksum(heads):
    values = np.concatenate(heads).astype("<f4").tobytes()
    return f"sha256 {hashlib.sha256(values).hexdigest()[:12]}"
