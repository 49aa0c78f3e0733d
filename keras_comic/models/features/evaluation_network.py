"""Loads the network whose features an evaluation compares."""

import os
from typing import NamedTuple

import keras

from keras_comic.models.features.feature_network import FeatureNetwork
from keras_comic.models.features.inception_features import InceptionFeatures
from keras_comic.models.features.squeeze_net_features import SqueezeNetFeatures
from keras_comic.models.features.weight_files import read_npz

# The suffix of a file tells its network; in an `.npz` file the names do.
SQUEEZE_NET_SUFFIXES = (".h5", ".hdf5")
INCEPTION_SUFFIXES = (".pt", ".pth")
# Below it nothing is left of an image after InceptionV3's poolings.
SMALLEST_SIDE = 75
INCEPTION_NAME = "Conv2d_1a_3x3.conv.weight"


class EvaluationNetwork(NamedTuple):
    """A feature network, and the layers that an evaluation takes."""

    network: object
    feature_layer: str
    content_layers: tuple
    style_layers: tuple
    logits_layer: str | None = None


def load_evaluation_network(features="imagenet"):
    """Loads the network that an evaluation looks through.

    Args:
        features: `"imagenet"`, which fetches Keras's InceptionV3 (once); or
            the path of a file of weights: of SqueezeNet 1.1 (`.h5`), of VGG-19
            or VGG-16 (`.npz`), or of the Inception of 2015 that published
            numbers are of (`.pth`, `.npz`); or one of the networks of these.
            Defaults to `"imagenet"`.

    Returns:
        An `EvaluationNetwork`.

    Raises:
        FileNotFoundError: If the file does not exist.
        ValueError: If it is no such file.
        OSError: If ImageNet's weights cannot be fetched; it says how to go on
            without a network.
    """
    network = features
    if isinstance(features, (str, os.PathLike)):
        fetch = features == "imagenet"
        network = _fetch_imagenet() if fetch else _read_network(features)
    for kind, *layers in LAYERS:
        if isinstance(network, kind):
            return EvaluationNetwork(network, *layers)
    if isinstance(network, FeatureNetwork):
        # As deep in each block as LPIPS looks.
        blocks = list(enumerate(network.convolutions, start=1))
        return EvaluationNetwork(
            network,
            network.layer_names[-1],
            tuple(f"relu{i}_{min(n, 2 if i < 3 else 3)}" for i, n in blocks),
            tuple(f"relu{i}_1" for i, _ in blocks),
        )
    raise ValueError(
        '`features` must be "imagenet", a file of weights, or a network of '
        f"features. Received: features={features!r}"
    )


class ImageNetInceptionV3:
    """Keras's InceptionV3, called as `FeatureNetwork` is."""

    layer_names = ("max_pooling2d", "max_pooling2d_1", "mixed7", "avg_pool")

    def __init__(self, weights="imagenet"):
        model = keras.applications.InceptionV3(
            include_top=False, weights=weights, pooling="avg"
        )
        # Keras counts the poolings of all models that it makes.
        poolings = [
            layer
            for layer in model.layers
            if isinstance(layer, keras.layers.MaxPooling2D)
        ]
        outputs = (
            poolings[0].output,
            poolings[1].output,
            model.get_layer("mixed7").output,
            model.output,
        )
        self.model = keras.Model(
            model.inputs[0], dict(zip(self.layer_names, outputs))
        )
        self.model.trainable = False

    @property
    def weights(self):
        """The variables, in Keras's order."""
        return self.model.weights

    def __call__(self, images, layers=None):
        if min(images.shape[1:3]) < SMALLEST_SIDE:
            raise ValueError(
                "InceptionV3 looks at images with sides of at least "
                f"{SMALLEST_SIDE} pixels. "
                f"Received: images.shape={tuple(images.shape)}"
            )
        found = self.model(images, training=False)
        return {name: found[name] for name in layers or self.layer_names}


# Kind of network: the layers of an `EvaluationNetwork`.
LAYERS = (
    (
        SqueezeNetFeatures,
        "fire9",
        ("conv1", "fire3", "fire5", "fire6", "fire7", "fire8", "fire9"),
        ("conv1", "fire3", "fire5"),
    ),
    (
        InceptionFeatures,
        "pool_3",
        ("pool_1", "pool_2", "mixed_7"),
        ("pool_1", "pool_2"),
        "logits_unbiased",
    ),
    (
        ImageNetInceptionV3,
        "avg_pool",
        ("max_pooling2d", "max_pooling2d_1", "mixed7"),
        ("max_pooling2d", "max_pooling2d_1"),
    ),
)


def _fetch_imagenet():
    try:
        return ImageNetInceptionV3()
    except Exception as error:
        raise OSError(
            "The ImageNet weights of InceptionV3 could not be fetched "
            f"({error}). Without a network, pass the path of a file of "
            "weights: SqueezeNet (.h5), VGG-19 (.npz), or the Inception of "
            "2015 (.pth)."
        ) from error


def _read_network(path):
    suffix = os.path.splitext(path)[1].lower()
    if not os.path.isfile(path):
        raise FileNotFoundError(
            '`features` must be "imagenet" or a file of weights that exists. '
            f"Received: features={str(path)!r}"
        )
    if suffix in SQUEEZE_NET_SUFFIXES:
        return SqueezeNetFeatures.from_weights(path)
    if suffix in INCEPTION_SUFFIXES:
        return InceptionFeatures.from_weights(path)
    if suffix != ".npz":
        known = (*SQUEEZE_NET_SUFFIXES, ".npz", *INCEPTION_SUFFIXES)
        raise ValueError(
            f"A file of weights must end in one of {', '.join(known)}. "
            f"Received: features={str(path)!r}"
        )
    if INCEPTION_NAME in read_npz(path, "features"):
        return InceptionFeatures.from_weights(path)
    return FeatureNetwork.from_weights(path)
