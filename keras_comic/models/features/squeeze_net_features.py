"""SqueezeNet's features, for distances and metrics on a small budget."""

import os

import h5py
import keras
import numpy as np
from keras import ops

from keras_comic.models.features.layered_network import LayeredNetwork

SQUEEZE_FILTERS = (16, 16, 32, 32, 48, 48, 64, 64)
EXPAND_FILTERS = (64, 64, 128, 128, 192, 192, 256, 256)


@keras.saving.register_keras_serializable(package="keras_comic")
class SqueezeNetFeatures(LayeredNetwork):
    """SqueezeNet 1.1's activations, frozen: a full network of 0.7 M weights.

    Called as `FeatureNetwork` is. Layers are `conv1` and `fire2` to `fire9`,
    each after its activation (a fire module's two, side by side). Convolutions
    of stride 2 and poolings have no padding. For `perceptual_distance`, and for
    distances of distributions where Inception's weights are not at hand: name
    it with every number it gives.

    Args:
        filters: Integer > 0. Channels of the first convolution. Defaults to
            `64`.
        squeeze_filters: Integers > 0, one for each fire module. Channels that
            it squeezes its input to. Defaults to SqueezeNet 1.1's.
        expand_filters: Integers > 0, one for each fire module. Channels of
            each half of its output. Defaults to SqueezeNet 1.1's.
        **kwargs: Keyword arguments of `keras.Model`. The activations come
            back as float32 under every dtype policy.

    Call arguments:
        images: Float `(batch, height, width, 3)`, RGB in `[-1, 1]`; sides of
            at least 31 pixels for all layers.
        layers: Names such as `["conv1", "fire9"]`, or `None` for all. Defaults
            to `None`.

    Returns:
        Dict of name to float32 `(batch, h, w, channels)`, each non-negative.

    Raises:
        ValueError: If a layer name is unknown, or the arguments differ in
            length.

    Example:

    >>> network = keras_comic.models.SqueezeNetFeatures(4, (2, 2), (4, 4))
    >>> network.layer_names
    ['conv1', 'fire2', 'fire3']
    >>> images = np.zeros((1, 32, 32, 3), "float32")
    >>> tuple(network(images, layers=["fire3"])["fire3"].shape)
    (1, 7, 7, 8)

    Reference:
        - [Iandola et al., 2016](https://arxiv.org/abs/1602.07360), in the
          version 1.1 of the authors' code; no differences.
    """

    def __init__(
        self,
        filters=64,
        squeeze_filters=SQUEEZE_FILTERS,
        expand_filters=EXPAND_FILTERS,
        **kwargs,
    ):
        squeeze_filters = tuple(squeeze_filters)
        expand_filters = tuple(expand_filters)
        if len(squeeze_filters) != len(expand_filters):
            raise ValueError(
                "`squeeze_filters` and `expand_filters` must have one number "
                "a fire module. Received: "
                f"squeeze_filters={squeeze_filters}, "
                f"expand_filters={expand_filters}"
            )
        super().__init__(**kwargs)
        self.filters = filters
        self.squeeze_filters = squeeze_filters
        self.expand_filters = expand_filters
        relu = {"activation": "relu"}
        self.first = self.convolution(filters, 3, "conv1", strides=2, **relu)
        self.fires = [
            (
                self.convolution(squeeze, 1, f"fire{n}_squeeze1x1", **relu),
                self.convolution(expand, 1, f"fire{n}_expand1x1", **relu),
                self.convolution(
                    expand, 3, f"fire{n}_expand3x3", padding="same", **relu
                ),
            )
            for n, (squeeze, expand) in enumerate(
                zip(squeeze_filters, expand_filters, strict=True), start=2
            )
        ]
        self.make_weights()

    @property
    def layer_names(self):
        """Names of the layers, from the shallowest to the deepest."""
        return ["conv1", *(f"fire{n + 2}" for n in range(len(self.fires)))]

    def _features_of(self, images):
        """Yields names and values, from the shallowest to the deepest."""
        x = self.first(self.without_mean(images))
        yield "conv1", x
        for name, (squeeze, *halves) in zip(self.layer_names[1:], self.fires):
            if name in ("fire2", "fire4", "fire6"):
                x = ops.max_pool(x, 3, 2, "valid", "channels_last")
            x = squeeze(x)
            x = ops.concatenate([expand(x) for expand in halves], axis=-1)
            yield name, x

    @classmethod
    def from_weights(cls, weights, **kwargs):
        """SqueezeNet 1.1 with trained weights.

        Args:
            weights: Path of an `.h5` file of Keras weights with layers named
                `conv1` (or `conv1_1`), `fire2/squeeze1x1` and on, trained on
                BGR in 0 to 255 minus ImageNet's mean; or a
                `SqueezeNetFeatures`, which is given back.
            **kwargs: Keyword arguments of `keras.Model`, such as `dtype`.

        Returns:
            A `SqueezeNetFeatures`.

        Raises:
            FileNotFoundError: If the file does not exist.
            ValueError: If it is no `.h5` file, or lacks a layer.
        """
        if isinstance(weights, SqueezeNetFeatures):
            return weights
        if not os.path.isfile(weights):
            raise FileNotFoundError(
                "`weights` must be a file of SqueezeNet weights that exists. "
                f"Received: weights={str(weights)!r}"
            )
        arrays = _read_layers(weights)
        try:
            first, *others = [arrays["conv1"]] + [
                arrays[f"fire{number}/{part}"]
                for number in range(2, 10)
                for part in ("squeeze1x1", "expand1x1", "expand3x3")
            ]
        except KeyError as error:
            raise ValueError(
                "The file must hold the layers of SqueezeNet 1.1, `conv1` and "
                "`fire2/squeeze1x1` to `fire9/expand3x3`. "
                f"Received: weights={str(weights)!r} without {error}, with "
                f"{sorted(arrays)[:4]} ..."
            ) from error
        network = cls(
            len(first[1]),
            [len(bias) for _, bias in others[0::3]],
            [len(bias) for _, bias in others[1::3]],
            **kwargs,
        )
        layers = [network.first, *(c for fire in network.fires for c in fire)]
        for layer, values in zip(layers, [first, *others], strict=True):
            layer.set_weights(values)
        return network

    def get_config(self):
        return {
            **super().get_config(),
            "filters": self.filters,
            "squeeze_filters": self.squeeze_filters,
            "expand_filters": self.expand_filters,
        }


def _read_layers(path):
    """Dict of a layer's name to its kernel and bias."""
    arrays = {}

    def visit(name, entry):
        if isinstance(entry, h5py.Dataset):
            layer, _, variable = name.rpartition("/")
            # `fire2/squeeze1x1/fire2/squeeze1x1_1/kernel:0`.
            group = "/".join(layer.split("/")[:2])
            if not group.startswith("fire"):
                group = group.split("/")[0]
            variable = variable.split(":")[0]
            arrays.setdefault(group, {})[variable] = np.asarray(entry)

    try:
        with h5py.File(path) as file:
            root = file.get("model_weights", file)
            root.visititems(visit)
    except OSError as error:
        raise ValueError(
            "`weights` must be an `.h5` file. "
            f"Received: weights={str(path)!r} ({error})"
        ) from error
    return {
        name: (values["kernel"], values["bias"])
        for name, values in arrays.items()
        if {"kernel", "bias"} <= set(values)
    }
