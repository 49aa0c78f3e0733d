"""The mean perceptual distance of pairs (LPIPS's form)."""

import hashlib

import keras
import numpy as np

from keras_comic.layers.unit_distance import unit_distance
from keras_comic.metrics.features import layer_features
from keras_comic.metrics.protocol import check_network
from keras_comic.metrics.protocol import deserialize_network
from keras_comic.metrics.protocol import make_protocol
from keras_comic.metrics.protocol import serialize_network
from keras_comic.metrics.sample_mean import SampleMean


@keras.saving.register_keras_serializable(package="keras_comic")
class PerceptualDistance(SampleMean):
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
        name: String. Defaults to `"perceptual_distance"`.
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
        name="perceptual_distance",
        **kwargs,
    ):
        check_network(feature_network)
        layers = None if layers is None else list(layers)
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
                    f"Received: {len(heads)} heads for layers={layers}"
                )
        super().__init__(protocol, name, **kwargs)
        self.feature_network = feature_network
        self.layers = layers
        self.heads = heads

    def sample_values(self, photos, fake_comics):
        """The distance of each pair.

        Args:
            photos: As in `update_state`.
            fake_comics: As in `update_state`.

        Returns:
            Float32 `(batch,)`.

        Raises:
            ValueError: If the layers differ, or the heads do not fit them.
        """
        firsts, seconds = (
            layer_features(inputs, self.feature_network, self.layers, name)
            for inputs, name in (
                (photos, "photos"),
                (fake_comics, "fake_comics"),
            )
        )
        heads = [None] * len(firsts) if self.heads is None else self.heads
        if not len(firsts) == len(seconds) == len(heads):
            raise ValueError(
                "There must be one head for each layer, and the same layers "
                f"of both. Received: {len(firsts)} and {len(seconds)} layers, "
                f"{len(heads)} heads"
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

    def describe(self, counts):
        """The protocol of `report`.

        Args:
            counts: Dict of string to number.

        Returns:
            Dict of strings to strings, numbers, booleans and `None`.
        """
        return make_protocol(
            type(self).__name__,
            counts,
            self.protocol,
            self.feature_network,
            layers=None if self.layers is None else " ".join(self.layers),
            heads="none" if self.heads is None else _checksum(self.heads),
        )

    def get_config(self):
        heads = None if self.heads is None else [h.tolist() for h in self.heads]
        return {
            **super().get_config(),
            "feature_network": serialize_network(self.feature_network),
            "layers": self.layers,
            "heads": heads,
        }

    @classmethod
    def from_config(cls, config):
        config = dict(config)
        config["feature_network"] = deserialize_network(
            config["feature_network"]
        )
        return cls(**config)


def _checksum(heads):
    values = np.concatenate(heads).astype("<f4").tobytes()
    return f"sha256 {hashlib.sha256(values).hexdigest()[:12]}"
