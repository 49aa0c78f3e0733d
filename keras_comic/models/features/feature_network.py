"""Feature networks that losses and metrics look through."""

import os

import keras
from keras import ops

from keras_comic.models.features.layered_network import LayeredNetwork
from keras_comic.models.features.weight_files import read_npz

VGG19_CONVOLUTIONS = (2, 2, 4, 4, 4)
# What `weights` may say instead of a file: Keras's class, and the deepest
# convolution that is taken of it.
IMAGENET_NETWORKS = {
    "imagenet": ("VGG19", "block5_conv1"),
    "imagenet_vgg16": ("VGG16", "block5_conv3"),
}
VGG19_FILTERS = (64, 128, 256, 512, 512)


@keras.saving.register_keras_serializable(package="keras_comic")
class FeatureNetwork(LayeredNetwork):
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

    other_names = (
        ", or `conv` in the place of `relu` for what goes into the activation"
    )

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
        super().__init__(**kwargs)
        self.convolutions = convolutions
        self.filters = filters
        self.padding = padding
        self.normalization = normalization
        if normalization == "unit":
            self.color = self.convolution(3, 1, "color")
        self.blocks = [
            self.convolution(
                channels,
                3,
                f"relu{block}_{index}",
                padding="same" if padding == "same" else "valid",
            )
            for block, (count, channels) in enumerate(
                zip(convolutions, filters, strict=True), start=1
            )
            for index in range(1, count + 1)
        ]
        self.make_weights()

    @property
    def layer_names(self):
        """Names of the activations, from the shallowest to the deepest."""
        return [layer.name for layer in self.blocks]

    def _known_names(self):
        before = {name.replace("relu", "conv") for name in self.layer_names}
        return super()._known_names() | before

    def _features_of(self, images):
        """Yields names and values, from the shallowest to the deepest."""
        if self.normalization == "caffe":
            x = self.without_mean(images)
        else:
            x = self.color((ops.cast(images, "float32") + 1.0) * 0.5)
        for layer in self.blocks:
            block, index = layer.name[4:].split("_")
            if index == "1" and block != "1":
                x = ops.max_pool(x, 2, 2, "valid", "channels_last")
            if self.padding == "reflect":
                x = ops.pad(x, [[0, 0], [1, 1], [1, 1], [0, 0]], mode="reflect")
            x = layer(x)
            yield layer.name.replace("relu", "conv"), x
            x = ops.relu(x)
            yield layer.name, x

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
            arrays = read_npz(weights)
        distilled = "conv0.weight" in arrays
        form = ("block{}_conv{}", "/kernel", "/bias")
        if distilled:
            form = ("conv{}{}", ".weight", ".bias")
            kwargs |= {"padding": "reflect", "normalization": "unit"}
        name, kernel, bias = form

        def values_of(layer):
            values = arrays[layer + kernel]
            # PyTorch has the channels first.
            values = values.transpose(2, 3, 1, 0) if distilled else values
            return values, arrays[layer + bias]

        blocks = []
        for block, count in enumerate(VGG19_CONVOLUTIONS, start=1):
            names = [name.format(block, i + 1) for i in range(count)]
            names = [layer for layer in names if layer + kernel in arrays]
            if not names:
                break
            blocks.append(names)
        if not blocks:
            raise ValueError(
                "The file must hold VGG-19 weights named "
                "`block1_conv1/kernel` and on, or `conv11.weight` and on. "
                f"Received: weights={str(weights)!r} with "
                f"{sorted(arrays)[:4]} ..."
            )
        try:
            values = [values_of(layer) for names in blocks for layer in names]
            filters = [len(arrays[names[0] + bias]) for names in blocks]
            network = cls([len(names) for names in blocks], filters, **kwargs)
            if distilled:
                network.color.set_weights(values_of("conv0"))
        except KeyError as error:
            raise ValueError(
                "The file must hold a kernel and a bias for each of its "
                f"layers. Received: weights={str(weights)!r} without {error}"
            ) from error
        for layer, arrays_of_layer in zip(network.blocks, values, strict=True):
            layer.set_weights(arrays_of_layer)
        return network

    def get_config(self):
        return {
            **super().get_config(),
            "convolutions": self.convolutions,
            "filters": self.filters,
            "padding": self.padding,
            "normalization": self.normalization,
        }


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
    return {
        f"{layer.name}/{kind}": values
        for layer in network.layers
        if "_conv" in layer.name and layer.name <= deepest
        for kind, values in zip(("kernel", "bias"), layer.get_weights())
    }
