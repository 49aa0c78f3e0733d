"""The Inception network of 2015, whose features FID, KID and IS are of."""

import os
import re
from typing import NamedTuple

import keras
import numpy as np
from keras import ops

from keras_comic.layers import to_pixels
from keras_comic.models.features.layered_network import LayeredNetwork
from keras_comic.models.features.weight_files import read_npz
from keras_comic.models.features.weight_files import read_torch_weights

IMAGE_SIZE = 299
NUM_CLASSES = 1008
PUBLISHED_FILE = "pt_inception-2015-12-05-6726825d.pth"

# The branches of blocks: a name, and steps: a pooling, or a convolution's
# filters and kernel (height x width). After "/" stands the stride of one
# without padding; "|" lies between two side by side.
BLOCK_A = (
    "branch1x1 64:1x1",
    "branch5x5 48:1x1 64:5x5",
    "branch3x3dbl 64:1x1 96:3x3 96:3x3",
    "branch_pool average {}:1x1",
)
BLOCK_B = (
    "branch3x3 384:3x3/2",
    "branch3x3dbl 64:1x1 96:3x3 96:3x3/2",
    "branch_pool halve",
)
BLOCK_C = (
    "branch1x1 192:1x1",
    "branch7x7 {0}:1x1 {0}:1x7 192:7x1",
    "branch7x7dbl {0}:1x1 {0}:7x1 {0}:1x7 {0}:7x1 192:1x7",
    "branch_pool average 192:1x1",
)
BLOCK_D = (
    "branch3x3 192:1x1 320:3x3/2",
    "branch7x7x3 192:1x1 192:1x7 192:7x1 192:3x3/2",
    "branch_pool halve",
)
BLOCK_E = (
    "branch1x1 320:1x1",
    "branch3x3 384:1x1 384:1x3|384:3x1",
    "branch3x3dbl 448:1x1 384:3x3 384:1x3|384:3x1",
    "branch_pool {} 192:1x1",
)
# Only the last block pools by the maximum.
BLOCKS = (
    ("Mixed_5b", BLOCK_A, 32),
    ("Mixed_5c", BLOCK_A, 64),
    ("Mixed_5d", BLOCK_A, 64),
    ("Mixed_6a", BLOCK_B, None),
    ("Mixed_6b", BLOCK_C, 128),
    ("Mixed_6c", BLOCK_C, 160),
    ("Mixed_6d", BLOCK_C, 160),
    ("Mixed_6e", BLOCK_C, 192),
    ("Mixed_7a", BLOCK_D, None),
    ("Mixed_7b", BLOCK_E, "average"),
    ("Mixed_7c", BLOCK_E, "maximum"),
)
# Layers that a call gives, by the names of the graph of 2015.
LAYERS = ("pool_1", "pool_2", "mixed_7", "pool_3", "logits_unbiased", "logits")


class Convolution(NamedTuple):
    """A convolution: its name in the file, and its arguments."""

    name: str
    filters: int
    kernel: tuple
    strides: int
    padding: str

    @classmethod
    def read(cls, name, text):
        """Reads filters, kernel and stride."""
        pattern = r"(\d+):(\d)x(\d)/?(\d)?"
        filters, *kernel, stride = re.fullmatch(pattern, text).groups()
        padding = "valid" if stride else "same"
        kernel = tuple(map(int, kernel))
        return cls(name, int(filters), kernel, int(stride or 1), padding)


STEM = (
    Convolution.read("Conv2d_1a_3x3", "32:3x3/2"),
    Convolution.read("Conv2d_2a_3x3", "32:3x3/1"),
    Convolution.read("Conv2d_2b_3x3", "64:3x3"),
    "pool_1",
    Convolution.read("Conv2d_3b_1x1", "80:1x1"),
    Convolution.read("Conv2d_4a_3x3", "192:3x3/1"),
    "pool_2",
)


def branches_of(block, branches, value):
    """Returns the steps of a block's branches: poolings, and convolutions."""
    return [_steps(block, *b.format(value).split()) for b in branches]


def _steps(block, branch, *texts):
    steps, number, count = [], 0, sum(":" in text for text in texts)
    for text in texts:
        if ":" not in text:
            steps.append(text)
            continue
        number += 1
        name = f"{block}.{branch}" + (f"_{number}" if count > 1 else "")
        names = [f"{name}a", f"{name}b"] if "|" in text else [name]
        steps.append(list(map(Convolution.read, names, text.split("|"))))
    return steps


def convolutions():
    """Lists all convolutions, from the shallowest to the deepest."""
    stem = [entry for entry in STEM if not isinstance(entry, str)]
    branches = [branch for block in BLOCKS for branch in branches_of(*block)]
    steps = [step for branch in branches for step in branch]
    return stem + sum((s for s in steps if not isinstance(s, str)), [])


@keras.saving.register_keras_serializable(package="keras_comic")
class InceptionFeatures(LayeredNetwork):
    """Inception as FID knows it: the network of 2015-12-05, frozen.

    FID, KID and Inception Score as published are of the features of this
    network, not of `keras.applications.InceptionV3`, which has other weights
    and 1,000 classes, and averages where the last block of this one takes the
    maximum. Users fetch the weights, and `from_weights` reads them.

    Called as `FeatureNetwork` is. Layers are `pool_1` (64 channels), `pool_2`
    (192), `mixed_7` (768), `pool_3` (2,048 features, for FID and KID),
    `logits_unbiased` (for the Inception Score) and `logits`.

    Images of another size than 299x299 are resized to it as the graph of 2015
    does: bilinear, without smoothing, corner to corner at the top left. That
    is the "legacy" protocol; for the "clean" one, resize them beforehand with
    Pillow's bicubic filter. Say which in the metric's protocol.

    Args:
        width: Float > 0. Factor of all channel counts; the published network
            has 1. Defaults to `1.0`.
        num_classes: Integer > 0. Defaults to `1008`.
        **kwargs: Keyword arguments of `keras.Model`. The activations come
            back as float32 under every dtype policy.

    Call arguments:
        images: Float `(batch, height, width, 3)`, RGB in `[-1, 1]`, any size.
        layers: Names such as `["pool_3"]`, or `None` for all. Defaults to
            `None`.

    Returns:
        Dict of name to float32 `(batch, h, w, channels)`, or
        `(batch, channels)` for `pool_3` and the logits.

    Raises:
        ValueError: If a layer name is unknown, or a number out of its range.

    Example:

    >>> network = keras_comic.models.InceptionFeatures(width=1 / 16)
    >>> images = np.zeros((1, 32, 32, 3), "float32")
    >>> tuple(network(images, layers=["pool_3"])["pool_3"].shape)
    (1, 128)

    Reference:
        - [Szegedy et al., 2016](https://arxiv.org/abs/1512.00567), in the
          graph that its authors published on 2015-12-05; no differences but
          rounding.
    """

    def __init__(self, width=1.0, num_classes=NUM_CLASSES, **kwargs):
        if not width > 0.0:
            raise ValueError(
                f"`width` must be positive. Received: width={width}"
            )
        if not num_classes >= 1:
            raise ValueError(
                "`num_classes` must be a positive integer. "
                f"Received: num_classes={num_classes}"
            )
        super().__init__(**kwargs)
        self.width = width
        self.num_classes = num_classes
        self.convolutions = [
            self.convolution(
                max(round(filters * width), 1),
                kernel,
                name.replace(".", "_"),
                strides=strides,
                padding=padding,
                activation="relu",
            )
            for name, filters, kernel, strides, padding in convolutions()
        ]
        self.classifier = keras.layers.Dense(
            num_classes, use_bias=False, dtype="float32", name="classifier"
        )
        self.classifier_bias = self.add_weight(
            shape=(num_classes,), initializer="zeros", name="classifier_bias"
        )
        self.make_weights()

    @property
    def layer_names(self):
        """Names of the layers, from the shallowest to the deepest."""
        return list(LAYERS)

    def _features_of(self, images):
        """Yields names and values, from the shallowest to the deepest."""
        x = _resize(to_pixels(images, clip=False))
        x = ops.cast((x - 128.0) / 128.0, self.compute_dtype)
        remaining = iter(self.convolutions)
        for entry in STEM:
            if isinstance(entry, str):
                x = ops.max_pool(x, 3, 2, "valid", "channels_last")
                yield entry, x
            else:
                x = next(remaining)(x)
        for number, block in enumerate(BLOCKS):
            outputs = []
            for branch in branches_of(*block):
                y = x
                for step in branch:
                    if isinstance(step, str):
                        y = _pool(y, step)
                    else:
                        sides = [next(remaining)(y) for _ in step]
                        y = ops.concatenate(sides, axis=-1)
                outputs.append(y)
            x = ops.concatenate(outputs, axis=-1)
            yield f"mixed_{number}", x
        x = ops.mean(ops.cast(x, "float32"), axis=[1, 2])
        yield "pool_3", x
        x = self.classifier(x)
        yield "logits_unbiased", x
        yield "logits", x + ops.cast(self.classifier_bias, "float32")

    @classmethod
    def from_weights(cls, weights, **kwargs):
        """Loads the network with the published weights.

        Args:
            weights: Path of the published file: the PyTorch one
                (`pt_inception-2015-12-05-6726825d.pth`, of pytorch-fid or of
                torch-fidelity), or an `.npz` file with its names; or an
                `InceptionFeatures`, which is returned.
            **kwargs: Keyword arguments of `keras.Model`, such as `dtype`.

        Returns:
            An `InceptionFeatures`.

        Raises:
            FileNotFoundError: If the file does not exist; it says where to
                get it.
            ValueError: If it is of another form, lacks a layer, or holds one
                of another shape.
        """
        if isinstance(weights, InceptionFeatures):
            return weights
        if not os.path.isfile(weights):
            raise FileNotFoundError(
                "`weights` must be a file of the Inception weights of "
                "2015-12-05 that exists; none is shipped. Fetch "
                f"{PUBLISHED_FILE} from the releases of "
                "https://github.com/mseitzer/pytorch-fid. "
                f"Received: weights={str(weights)!r}"
            )
        suffix = os.path.splitext(weights)[1].lower()
        read = read_torch_weights if suffix in (".pth", ".pt") else read_npz
        arrays = read(weights)

        def take(name, rank=1):
            array = np.asarray(arrays.get(name))
            if name not in arrays or array.ndim != rank:
                raise ValueError(
                    "The file must hold the Inception weights of 2015-12-05, "
                    f"{name!r} with {rank} axes. Received: "
                    f"weights={str(weights)!r} with {name}.shape="
                    f"{array.shape if name in arrays else None}, and "
                    f"{sorted(arrays)[:4]} ..."
                )
            return array.astype("float64")

        width = len(take(f"{STEM[0].name}.conv.weight", 4)) / STEM[0].filters
        classes = take("fc.weight", 2).T, take("fc.bias")
        network = cls(width, len(classes[1]), **kwargs)
        for layer, (name, *_) in zip(network.convolutions, convolutions()):
            # With its batch normalisation folded in.
            kernel = take(f"{name}.conv.weight", 4).transpose(2, 3, 1, 0)
            deviation = np.sqrt(take(f"{name}.bn.running_var") + 1e-3)
            factor = take(f"{name}.bn.weight") / deviation
            mean, bias = (
                take(f"{name}.bn.running_mean"),
                take(f"{name}.bn.bias"),
            )
            values = kernel * factor, bias - mean * factor
            _assign(layer.kernel, layer.bias, values, name)
        classifier = network.classifier.kernel, network.classifier_bias
        _assign(*classifier, classes, "fc")
        return network

    def get_config(self):
        return {
            **super().get_config(),
            "width": self.width,
            "num_classes": self.num_classes,
        }


def _resize(images):
    """To 299x299, as `tf.image.resize_bilinear` of TensorFlow 1 does."""
    for axis in (1, 2):
        if images.shape[axis] == IMAGE_SIZE:
            continue
        size = ops.shape(images)[axis]
        scale = ops.cast(size, "float32") / IMAGE_SIZE
        positions = ops.arange(IMAGE_SIZE, dtype="float32") * scale
        lows = ops.cast(ops.floor(positions), "int32")
        highs = ops.minimum(lows + 1, size - 1)
        shape = (-1, 1, 1) if axis == 1 else (-1, 1)
        share = ops.reshape(positions - ops.floor(positions), shape)
        low = ops.take(images, lows, axis=axis)
        high = ops.take(images, highs, axis=axis)
        images = low + (high - low) * share
    return images


def _pool(x, kind):
    if kind == "halve":
        return ops.max_pool(x, 3, 2, "valid", "channels_last")
    if kind == "maximum":
        return ops.max_pool(x, 3, 1, "same", "channels_last")
    # What lies outside counts for nothing.
    return ops.average_pool(x, 3, 1, "same", "channels_last")


def _assign(kernel, bias, values, name):
    for variable, value in zip((kernel, bias), values):
        if tuple(variable.shape) != value.shape:
            raise ValueError(
                f"{name!r} must have the shape {tuple(variable.shape)}. "
                f"Received: {value.shape}"
            )
        variable.assign(value.astype("float32"))
