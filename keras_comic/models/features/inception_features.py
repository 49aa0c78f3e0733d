"""The Inception network of 2015, whose features FID, KID and IS are of."""

import os

import keras
import numpy as np
from keras import ops

from keras_comic.layers import network_policy
from keras_comic.layers import to_pixels
from keras_comic.models.features.torch_weights import read_torch_weights

IMAGE_SIZE = 299
BATCH_NORM_EPSILON = 1e-3
NUM_CLASSES = 1008
PUBLISHED_FILE = "pt_inception-2015-12-05-6726825d.pth"

# A convolution: its name in the PyTorch file, in the graph of 2015, filters,
# kernel, strides and padding.
STEM = (
    ("Conv2d_1a_3x3", "conv", 32, (3, 3), 2, "valid"),
    ("Conv2d_2a_3x3", "conv_1", 32, (3, 3), 1, "valid"),
    ("Conv2d_2b_3x3", "conv_2", 64, (3, 3), 1, "same"),
    "pool_1",
    ("Conv2d_3b_1x1", "conv_3", 80, (1, 1), 1, "valid"),
    ("Conv2d_4a_3x3", "conv_4", 192, (3, 3), 1, "valid"),
    "pool_2",
)


def _chain(name, tower, *steps):
    """A branch: convolutions one after the other, `(filters, kernel)` each."""
    branch = []
    for index, (filters, kernel) in enumerate(steps):
        node = f"conv_{index}" if index else "conv"
        branch.append(
            (
                name if len(steps) == 1 else f"{name}_{index + 1}",
                f"{tower}/{node}" if tower else node,
                filters,
                kernel,
                1,
                "same",
            )
        )
    return branch


def _fork(name, tower):
    """Two convolutions of one input, side by side."""
    return tuple(
        (f"{name}{letter}", f"{tower}/mixed/{node}", 384, kernel, 1, "same")
        for letter, node, kernel in (
            ("a", "conv", (1, 3)),
            ("b", "conv_1", (3, 1)),
        )
    )


def _reduced(branch):
    """The branch with its last convolution halving height and width."""
    return [*branch[:-1], (*branch[-1][:4], 2, "valid")]


def _pooled(pool, filters):
    return [pool, *_chain("branch_pool", "tower_2", (filters, (1, 1)))]


def _twice_3x3(tower):
    return _chain(
        "branch3x3dbl", tower, (64, (1, 1)), (96, (3, 3)), (96, (3, 3))
    )


def _block_a(pool_filters):
    return [
        _chain("branch1x1", "", (64, (1, 1))),
        _chain("branch5x5", "tower", (48, (1, 1)), (64, (5, 5))),
        _twice_3x3("tower_1"),
        _pooled("average", pool_filters),
    ]


def _block_b():
    return [
        _reduced(_chain("branch3x3", "", (384, (3, 3)))),
        _reduced(_twice_3x3("tower")),
        ["halve"],
    ]


def _block_c(filters):
    first = (filters, (1, 1))
    across, down = (filters, (1, 7)), (filters, (7, 1))
    return [
        _chain("branch1x1", "", (192, (1, 1))),
        _chain("branch7x7", "tower", first, across, (192, (7, 1))),
        _chain(
            "branch7x7dbl",
            "tower_1",
            first,
            down,
            across,
            down,
            (192, (1, 7)),
        ),
        _pooled("average", 192),
    ]


def _block_d():
    first = (192, (1, 1))
    return [
        _reduced(_chain("branch3x3", "tower", first, (320, (3, 3)))),
        _reduced(
            _chain(
                "branch7x7x3",
                "tower_1",
                first,
                (192, (1, 7)),
                (192, (7, 1)),
                (192, (3, 3)),
            )
        ),
        ["halve"],
    ]


def _block_e(pool):
    return [
        _chain("branch1x1", "", (320, (1, 1))),
        [
            *_chain("branch3x3_1", "tower", (384, (1, 1))),
            _fork("branch3x3_2", "tower"),
        ],
        [
            *_chain("branch3x3dbl", "tower_1", (448, (1, 1)), (384, (3, 3))),
            _fork("branch3x3dbl_3", "tower_1"),
        ],
        _pooled(pool, 192),
    ]


# Names of the PyTorch file, of the graph of 2015, and the branches. Only the
# last block pools by the maximum.
BLOCKS = (
    ("Mixed_5b", "mixed", _block_a(32)),
    ("Mixed_5c", "mixed_1", _block_a(64)),
    ("Mixed_5d", "mixed_2", _block_a(64)),
    ("Mixed_6a", "mixed_3", _block_b()),
    ("Mixed_6b", "mixed_4", _block_c(128)),
    ("Mixed_6c", "mixed_5", _block_c(160)),
    ("Mixed_6d", "mixed_6", _block_c(160)),
    ("Mixed_6e", "mixed_7", _block_c(192)),
    ("Mixed_7a", "mixed_8", _block_d()),
    ("Mixed_7b", "mixed_9", _block_e("average")),
    ("Mixed_7c", "mixed_10", _block_e("maximum")),
)
LAYERS = (
    "pool_1",
    "pool_2",
    "mixed_7",
    "pool_3",
    "logits_unbiased",
    "logits",
)


def convolutions():
    """All convolutions, from the shallowest to the deepest."""
    found = [entry for entry in STEM if not isinstance(entry, str)]
    for block, node, branches in BLOCKS:
        for branch in branches:
            for step in branch:
                if isinstance(step, str):
                    continue
                fork = step if isinstance(step[0], tuple) else (step,)
                found += [
                    (f"{block}.{name}", f"{node}/{inner}", *rest)
                    for name, inner, *rest in fork
                ]
    return found


@keras.saving.register_keras_serializable(package="keras_comic")
class InceptionFeatures(keras.Model):
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
        trainable = kwargs.pop("trainable", False)
        dtype = network_policy(kwargs.pop("dtype", None))
        super().__init__(dtype=dtype, **kwargs)
        self.width = width
        self.num_classes = num_classes
        self.convolutions = [
            keras.layers.Conv2D(
                max(round(filters * width), 1),
                kernel,
                strides,
                padding,
                data_format="channels_last",
                activation="relu",
                dtype=self.dtype_policy,
                name=name.replace(".", "_"),
            )
            for name, _, filters, kernel, strides, padding in convolutions()
        ]
        self.classifier = keras.layers.Dense(
            num_classes, use_bias=False, dtype="float32", name="classifier"
        )
        self.build((None, None, None, 3))
        # After the build, so that it reaches every weight.
        self.trainable = trainable

    @property
    def layer_names(self):
        """Names of the layers, from the shallowest to the deepest."""
        return list(LAYERS)

    def build(self, images_shape):
        channels = images_shape[-1]
        position = 0
        for entry in STEM:
            if not isinstance(entry, str):
                channels = self._build_next(position, channels)
                position += 1
        for _, _, branches in BLOCKS:
            outputs = 0
            for branch in branches:
                inner = channels
                for step in branch:
                    if isinstance(step, str):
                        continue
                    if isinstance(step[0], tuple):
                        inner = sum(
                            self._build_next(position + index, inner)
                            for index in range(len(step))
                        )
                        position += len(step)
                    else:
                        inner = self._build_next(position, inner)
                        position += 1
                outputs += inner
            channels = outputs
        self.classifier.build((None, channels))
        self.classifier_bias = self.add_weight(
            shape=(self.num_classes,),
            initializer="zeros",
            name="classifier_bias",
        )

    def _build_next(self, position, channels):
        layer = self.convolutions[position]
        layer.build((None, None, None, channels))
        return layer.filters

    def call(self, images, layers=None):
        wanted = self.layer_names if layers is None else list(layers)
        if unknown := sorted(set(wanted) - set(self.layer_names)):
            raise ValueError(
                f"`layers` must be among {self.layer_names}. "
                f"Received: layers={wanted}, where {unknown} are not"
            )
        found = {}
        for name, value in self._activations(images):
            if name in wanted:
                found[name] = ops.cast(value, "float32")
                if len(found) == len(set(wanted)):
                    break
        return found

    def _activations(self, images):
        """Yields the layers one by one, computing no further than asked."""
        x = _resize(to_pixels(images, clip=False))
        x = ops.cast((x - 128.0) / 128.0, self.compute_dtype)
        remaining = iter(self.convolutions)
        for entry in STEM:
            if isinstance(entry, str):
                x = ops.max_pool(x, 3, 2, "valid", "channels_last")
                yield entry, x
            else:
                x = next(remaining)(x)
        for _, node, branches in BLOCKS:
            outputs = []
            for branch in branches:
                y = x
                for step in branch:
                    if isinstance(step, str):
                        y = _pool(y, step)
                    elif isinstance(step[0], tuple):
                        y = ops.concatenate(
                            [next(remaining)(y) for _ in step], axis=-1
                        )
                    else:
                        y = next(remaining)(y)
                outputs.append(y)
            x = ops.concatenate(outputs, axis=-1)
            yield node, x
        x = ops.mean(ops.cast(x, "float32"), axis=[1, 2])
        yield "pool_3", x
        x = self.classifier(x)
        yield "logits_unbiased", x
        yield "logits", x + ops.cast(self.classifier_bias, "float32")

    def compute_output_shape(self, images_shape, layers=None):
        batch = images_shape[0]
        scale = self.width

        def channels(*filters):
            return sum(max(round(count * scale), 1) for count in filters)

        mixed = channels(192, 192, 192, 192)
        last = channels(320, 384, 384, 384, 384, 192)
        shapes = {
            "pool_1": (batch, 73, 73, channels(64)),
            "pool_2": (batch, 35, 35, channels(192)),
            "mixed_7": (batch, 17, 17, mixed),
            "pool_3": (batch, last),
            "logits_unbiased": (batch, self.num_classes),
            "logits": (batch, self.num_classes),
        }
        return {name: shapes[name] for name in layers or self.layer_names}

    @classmethod
    def from_weights(cls, weights, **kwargs):
        """Loads the network with the published weights.

        Args:
            weights: Path of the published file: the PyTorch one
                (`pt_inception-2015-12-05-6726825d.pth`, of pytorch-fid or of
                torch-fidelity), or an `.npz` file with its names or those of
                the TensorFlow graph; or an `InceptionFeatures`, which is
                returned.
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
        arrays = _by_torch_names(_read_arrays(weights), weights)
        first = arrays["Conv2d_1a_3x3.conv.weight"]
        network = cls(len(first) / STEM[0][2], len(arrays["fc.bias"]), **kwargs)
        for layer, (name, *_) in zip(network.convolutions, convolutions()):
            _assign(layer.kernel, layer.bias, _folded(arrays, name), name)
        _assign(
            network.classifier.kernel,
            network.classifier_bias,
            (arrays["fc.weight"].T, arrays["fc.bias"]),
            "fc",
        )
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


def _read_arrays(path):
    suffix = os.path.splitext(path)[1].lower()
    if suffix in (".pth", ".pt"):
        return read_torch_weights(path)
    try:
        with np.load(path) as archive:
            return dict(archive)
    # What NumPy raises depends on what the file is instead.
    except Exception as error:
        raise ValueError(
            "`weights` must be a `.pth` or `.npz` file. "
            f"Received: weights={str(path)!r} ({error})"
        ) from error


def _by_torch_names(arrays, path):
    """The arrays by the names and in the order of axes of PyTorch."""
    pairs = [
        ("fc.weight", "softmax/weights", (1, 0)),
        ("fc.bias", "softmax/biases", (0,)),
    ]
    for name, node, *_ in convolutions():
        pairs += [
            (f"{name}.conv.weight", f"{node}/conv2d_params", (3, 2, 0, 1)),
            (f"{name}.bn.weight", f"{node}/batchnorm/gamma", (0,)),
            (f"{name}.bn.bias", f"{node}/batchnorm/beta", (0,)),
            (f"{name}.bn.running_mean", f"{node}/batchnorm/moving_mean", (0,)),
            (
                f"{name}.bn.running_var",
                f"{node}/batchnorm/moving_variance",
                (0,),
            ),
        ]
    found = {}
    for name, node, axes in pairs:
        if name in arrays:
            array, rank = np.asarray(arrays[name]), len(axes)
        elif node in arrays:
            array, rank = np.asarray(arrays[node]), len(axes)
            if array.ndim == rank:
                array = array.transpose(axes)
        else:
            raise ValueError(
                "The file must hold the Inception weights of 2015-12-05, "
                "named as in the PyTorch file or the TensorFlow graph. "
                f"Received: weights={str(path)!r} without {name!r} or "
                f"{node!r}, with {sorted(arrays)[:4]} ..."
            )
        if array.ndim != rank:
            raise ValueError(
                f"{name!r} must have {rank} axes. Received: "
                f"weights={str(path)!r} with one of shape {array.shape}"
            )
        found[name] = array
    return found


def _folded(arrays, name):
    """Kernel and bias of a convolution with its batch normalisation."""
    kernel = arrays[f"{name}.conv.weight"].astype("float64")
    gamma, beta, mean, variance = (
        arrays[f"{name}.bn.{part}"].astype("float64")
        for part in ("weight", "bias", "running_mean", "running_var")
    )
    factor = gamma / np.sqrt(variance + BATCH_NORM_EPSILON)
    return kernel.transpose(2, 3, 1, 0) * factor, beta - mean * factor


def _assign(kernel, bias, values, name):
    for variable, value in zip((kernel, bias), values):
        if tuple(variable.shape) != value.shape:
            raise ValueError(
                f"{name!r} must have the shape {tuple(variable.shape)}. "
                f"Received: {value.shape}"
            )
        variable.assign(value.astype("float32"))
