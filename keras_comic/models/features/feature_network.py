"""Feature networks that losses and metrics look through."""

import os

import keras
import numpy as np
from keras import ops

from keras_comic.layers import network_policy
from keras_comic.layers import to_pixels

VGG19_CONVOLUTIONS = (2, 2, 4, 4, 4)
# What `weights` may say instead of a file: Keras's class, and the deepest
# convolution that is taken of it.
IMAGENET_NETWORKS = {
    "imagenet": ("VGG19", "block5_conv1"),
    "imagenet_vgg16": ("VGG16", "block5_conv3"),
}
VGG19_FILTERS = (64, 128, 256, 512, 512)
IMAGENET_MEAN_BGR = (103.939, 116.779, 123.68)


@keras.saving.register_keras_serializable(package="keras_comic")
class FeatureNetwork(keras.Model):
    """VGG's activations, frozen, for perceptual losses and metrics.

    Layers are named as in the literature: `relu3_1` is the activation after
    the first convolution of the third block, `conv3_1` what goes into that
    activation. One call gives any number of them, and computes no further than
    the deepest one asked for: call it once for each batch of images, however
    many losses share its layers.

    Losses and metrics receive features, or the network as an argument; they
    never import it. Make one with `FeatureNetwork.from_weights`: VGG-19,
    VGG-16, or a distilled VGG-19.

    Args:
        convolutions: Integers > 0. Convolutions in each block; the last block
            may be cut short. Defaults to VGG-19's up to `relu3_4`,
            `(2, 2, 4)`.
        filters: Integers > 0, one for each block. Channels. Defaults to
            VGG-19's.
        padding: `"same"` (zeros, as ImageNet networks are trained) or
            `"reflect"`. Defaults to `"same"`.
        normalization: `"caffe"` (BGR minus the ImageNet mean, 0 to 255, as
            Keras's VGG) or `"unit"` (RGB in `[0, 1]`, then a learned 1x1
            convolution, as the normalised VGG of AdaIN). Defaults to
            `"caffe"`.
        **kwargs: Keyword arguments of `keras.Model`; `dtype` may be
            `"mixed_bfloat16"`, which halves the time on processors that have
            it. The activations come back as float32.

    Call arguments:
        images: Float `(batch, height, width, 3)`, RGB in `[-1, 1]`; sides of
            at least `2 ** (blocks - 1)` pixels.
        layers: Names such as `["relu1_1", "conv3_3"]`, or `None` for all
            activations. Defaults to `None`.

    Returns:
        Dict of name to float32 `(batch, h, w, channels)`; an activation is
        non-negative.

    Raises:
        ValueError: If a layer name is unknown, or an argument out of range.

    Example:

    >>> network = keras_comic.models.FeatureNetwork((1, 1), (4, 8))
    >>> network.layer_names
    ['relu1_1', 'relu2_1']
    >>> images = np.zeros((1, 32, 32, 3), "float32")
    >>> tuple(network(images, layers=["relu2_1"])["relu2_1"].shape)
    (1, 16, 16, 8)

    Reference:
        - [Simonyan and Zisserman, 2015](https://arxiv.org/abs/1409.1556),
          table 1, columns D and E; no differences.
    """

    def __init__(
        self,
        convolutions=(2, 2, 4),
        filters=None,
        padding="same",
        normalization="caffe",
        **kwargs,
    ):
        convolutions = tuple(convolutions)
        filters = tuple(
            VGG19_FILTERS[: len(convolutions)] if filters is None else filters
        )
        if len(filters) != len(convolutions):
            raise ValueError(
                "`filters` and `convolutions` must have one number a block. "
                f"Received: convolutions={convolutions}, filters={filters}"
            )
        if padding not in ("same", "reflect"):
            raise ValueError(
                '`padding` must be "same" or "reflect". '
                f"Received: padding={padding!r}"
            )
        if normalization not in ("caffe", "unit"):
            raise ValueError(
                '`normalization` must be "caffe" or "unit". '
                f"Received: normalization={normalization!r}"
            )
        trainable = kwargs.pop("trainable", False)
        dtype = network_policy(kwargs.pop("dtype", None))
        super().__init__(dtype=dtype, **kwargs)
        self.convolutions = convolutions
        self.filters = filters
        self.padding = padding
        self.normalization = normalization
        if normalization == "unit":
            self.color = keras.layers.Conv2D(
                3,
                1,
                data_format="channels_last",
                dtype=self.dtype_policy,
                name="color",
            )
        self.blocks = []
        for block, (count, channels) in enumerate(
            zip(convolutions, filters, strict=True), start=1
        ):
            for index in range(1, count + 1):
                self.blocks.append(
                    keras.layers.Conv2D(
                        channels,
                        3,
                        padding="same" if padding == "same" else "valid",
                        data_format="channels_last",
                        dtype=self.dtype_policy,
                        name=f"relu{block}_{index}",
                    )
                )
        self.build((None, None, None, 3))
        # After the build, so that it reaches every weight.
        self.trainable = trainable

    @property
    def layer_names(self):
        """Names of the activations, from the shallowest to the deepest."""
        return [layer.name for layer in self.blocks]

    def build(self, images_shape):
        if self.normalization == "unit":
            self.color.build(images_shape)
        channels = images_shape[-1]
        for layer in self.blocks:
            layer.build((*images_shape[:-1], channels))
            channels = layer.filters

    def call(self, images, layers=None):
        wanted = self.layer_names if layers is None else list(layers)
        known = [n.replace("relu", "conv") for n in self.layer_names]
        unknown = sorted(set(wanted) - {*self.layer_names, *known})
        if unknown:
            raise ValueError(
                f"`layers` must be among {self.layer_names}, or `conv` in "
                "the place of `relu` for what goes into the activation. "
                f"Received: layers={wanted}"
            )
        x = ops.cast(images, "float32")
        if self.normalization == "caffe":
            x = ops.flip(to_pixels(x, clip=False), axis=-1)
            x = x - ops.convert_to_tensor(IMAGENET_MEAN_BGR, dtype="float32")
            x = ops.cast(x, self.compute_dtype)
        else:
            x = self.color((x + 1.0) * 0.5)
        activations = {}
        for layer in self.blocks:
            block, index = layer.name[4:].split("_")
            if index == "1" and block != "1":
                x = ops.max_pool(x, 2, 2, "valid", "channels_last")
            if self.padding == "reflect":
                x = ops.pad(x, [[0, 0], [1, 1], [1, 1], [0, 0]], mode="reflect")
            x = layer(x)
            if f"conv{block}_{index}" in wanted:
                activations[f"conv{block}_{index}"] = ops.cast(x, "float32")
            x = ops.relu(x)
            if layer.name in wanted:
                activations[layer.name] = ops.cast(x, "float32")
            if len(activations) == len(set(wanted)):
                break
        return activations

    def compute_output_shape(self, images_shape, layers=None):
        height, width = images_shape[1:3]
        shapes = {}
        for layer in self.blocks:
            factor = 2 ** (int(layer.name[4:].split("_")[0]) - 1)
            shapes[layer.name] = (
                images_shape[0],
                None if height is None else height // factor,
                None if width is None else width // factor,
                layer.filters,
            )
        return {
            name: shapes[name.replace("conv", "relu")]
            for name in layers or self.layer_names
        }

    @classmethod
    def from_weights(cls, weights="imagenet", **kwargs):
        """A feature network with trained weights.

        Args:
            weights: `"imagenet"` (Keras's VGG-19, fetched once, all five
                blocks up to `relu5_1`) or `"imagenet_vgg16"` (Keras's VGG-16,
                up to `relu5_3`); or the path of an `.npz` file, either with
                Keras's names (`block1_conv1/kernel`, ...; as many layers as
                the file holds, of VGG-19 or VGG-16), or with the names of the
                encoders that Collaborative Distillation publishes
                (`conv11.weight`, ...).
            **kwargs: Keyword arguments of `FeatureNetwork`, such as `dtype`.

        Returns:
            A `FeatureNetwork`.

        Raises:
            FileNotFoundError: If the file does not exist.
            ValueError: If it is no `.npz` file, holds none of the known names,
                or arrays of other shapes.
            OSError: If ImageNet's weights cannot be fetched; it says how to
                go on without a network.
        """
        if isinstance(weights, FeatureNetwork):
            return weights
        if weights in IMAGENET_NETWORKS:
            arrays = _imagenet_arrays(weights)
        elif not os.path.isfile(weights):
            raise FileNotFoundError(
                '`weights` must be "imagenet", "imagenet_vgg16" or a file of '
                f"weights that exists. Received: weights={str(weights)!r}"
            )
        else:
            arrays = _read_arrays(weights)
        try:
            if "conv0.weight" in arrays:
                network, kernels = cls._from_distilled(arrays, kwargs)
            else:
                network, kernels = cls._from_keras(arrays, weights, kwargs)
            for layer, (kernel, bias) in zip(
                network.blocks, kernels, strict=True
            ):
                layer.kernel.assign(kernel)
                layer.bias.assign(bias)
        except KeyError as error:
            raise ValueError(
                "The file must hold a kernel and a bias for each of its "
                f"layers. Received: weights={str(weights)!r} without {error}"
            ) from error
        return network

    @classmethod
    def _from_keras(cls, arrays, source, kwargs):
        counts, kernels = [], []
        for block, count in enumerate(VGG19_CONVOLUTIONS, start=1):
            names = [f"block{block}_conv{i}" for i in range(1, count + 1)]
            names = [n for n in names if f"{n}/kernel" in arrays]
            if not names:
                break
            counts.append(len(names))
            kernels += [
                (arrays[f"{n}/kernel"], arrays[f"{n}/bias"]) for n in names
            ]
        if not counts:
            raise ValueError(
                "The file must hold VGG-19 weights named "
                "`block1_conv1/kernel` and on, or `conv11.weight` and on. "
                f"Received: weights={str(source)!r} with "
                f"{sorted(arrays)[:4]} ..."
            )
        filters, position = [], 0
        for count in counts:
            filters.append(kernels[position][0].shape[-1])
            position += count
        return cls(counts, filters, **kwargs), kernels

    @classmethod
    def _from_distilled(cls, arrays, kwargs):
        counts, filters, kernels = [], [], []
        for block, count in enumerate(VGG19_CONVOLUTIONS, start=1):
            names = [f"conv{block}{i}" for i in range(1, count + 1)]
            names = [n for n in names if f"{n}.weight" in arrays]
            if not names:
                break
            counts.append(len(names))
            filters.append(arrays[f"{names[0]}.weight"].shape[0])
            kernels += [
                (
                    arrays[f"{n}.weight"].transpose(2, 3, 1, 0),
                    arrays[f"{n}.bias"],
                )
                for n in names
            ]
        network = cls(
            counts, filters, padding="reflect", normalization="unit", **kwargs
        )
        network.color.kernel.assign(
            arrays["conv0.weight"].transpose(2, 3, 1, 0)
        )
        network.color.bias.assign(arrays["conv0.bias"])
        return network, kernels

    def get_config(self):
        return {
            **super().get_config(),
            "convolutions": self.convolutions,
            "filters": self.filters,
            "padding": self.padding,
            "normalization": self.normalization,
        }


def _read_arrays(path):
    try:
        with np.load(path) as archive:
            return dict(archive)
    # What NumPy raises depends on what the file is instead.
    except Exception as error:
        raise ValueError(
            "`weights` must be an `.npz` file of arrays. "
            f"Received: weights={str(path)!r} ({error})"
        ) from error


def _imagenet_arrays(weights):
    class_name, deepest = IMAGENET_NETWORKS[weights]
    title = class_name.replace("VGG", "VGG-")
    try:
        network = getattr(keras.applications, class_name)(
            include_top=False, weights="imagenet"
        )
    except Exception as error:
        raise OSError(
            f"The ImageNet weights of {title} could not be fetched "
            f"({error}). Without a network, pass the path of a file of "
            f"{title} weights instead of {weights!r}, or put Keras's own file "
            "into its cache (~/.keras/models)."
        ) from error
    return _arrays_of(network, deepest)


def _arrays_of(network, deepest):
    """Kernels and biases of a network of `keras.applications`, by name."""
    arrays = {}
    for layer in network.layers:
        if "_conv" in layer.name and layer.name <= deepest:
            kernel, bias = layer.get_weights()
            arrays[f"{layer.name}/kernel"] = kernel
            arrays[f"{layer.name}/bias"] = bias
    return arrays
