"""Published weights of the classic AdaIN generator."""

import re

from keras_comic.models.adain.adain_generator import AdaINGenerator
from keras_comic.models.features.weight_files import read_npz

LAYERS = ("color", "conv1_1", "conv1_2", "conv2_1", "conv2_2", "conv3_1")
LAYERS += ("conv3_2", "conv3_3", "conv3_4", "conv4_1")
# Layer of `VGGEncoder`, and of `VGGDecoder` in the order of computation, to
# its index in the `Sequential` of pytorch-AdaIN, which counts paddings,
# activations and poolings too.
ENCODER_INDICES = dict(zip(LAYERS, (0, 2, 5, 9, 12, 16, 19, 22, 25, 29)))
DECODER_INDICES = dict(zip(LAYERS[:0:-1], (1, 5, 8, 11, 14, 18, 21, 25, 28)))


def load_adain_weights(encoder, decoder, **kwargs):
    """A classic AdaIN generator with weights that others have published.

    Reads `.npz` files of PyTorch's arrays, kernels in its order (output and
    input channels, height, width), of any channel widths, under either of two
    sets of names:

    - those of pytorch-AdaIN's `vgg_normalised.pth` and `decoder.pth`, the
      indices of a `Sequential`: `0.weight`, `0.bias`, `2.weight`, ... Convert
      them where PyTorch is installed: `np.savez("encoder.npz", **{name:
      value.numpy() for name, value in torch.load("vgg_normalised.pth").items()
      })`. Layers after relu4_1 are left out.
    - those of Collaborative Distillation's small encoders and decoders:
      `conv0.weight`, `conv11.weight`, ... Their auxiliary layers are left out.

    Args:
        encoder: Path of the encoder's file.
        decoder: Path of the decoder's file.
        **kwargs: Keyword arguments of `AdaINGenerator.classic`, such as
            `dtype`, but not `filters`.

    Returns:
        An `AdaINGenerator`, with the widths of the files.

    Raises:
        FileNotFoundError: If a file does not exist.
        ValueError: If a file is no `.npz` file, lacks a layer, or one of its
            arrays does not fit its neighbours.

    Example:

        generator = keras_comic.models.load_adain_weights(
            "encoder.npz", "decoder.npz"
        )

    Reference:
        - [pytorch-AdaIN](https://github.com/naoto0804/pytorch-AdaIN), whose
          `decoder.pth` and `vgg_normalised.pth` these are.
        - [Wang et al., 2020](https://arxiv.org/abs/2003.08436), whose encoders
          of relu4_1 (`4SE`) and decoders (`4SD`) run here too.
    """
    encoder_arrays = _read_layers(encoder, "encoder", ENCODER_INDICES)
    decoder_arrays = _read_layers(decoder, "decoder", DECODER_INDICES)
    filters = tuple(
        len(encoder_arrays[f"conv{block}_1"][1]) for block in (1, 2, 3, 4)
    )
    generator = AdaINGenerator.classic(filters, **kwargs)
    network = generator.content_encoder
    _assign([network.color, *network.convolutions], encoder_arrays, encoder)
    _assign(generator.decoder.convolutions, decoder_arrays, decoder)
    return generator


def _read_layers(path, argument, indices):
    """Dict of layer to its kernel, in Keras's order, and its bias."""
    arrays = read_npz(path, argument)
    numbered = any(re.fullmatch(r"\d+\.weight", name) for name in arrays)
    layers = {}
    for layer, index in indices.items():
        name = layer.replace("color", "conv0").replace("_", "")
        prefix = str(index) if numbered else name
        for key in (f"{prefix}.weight", f"{prefix}.bias"):
            if key not in arrays:
                raise ValueError(
                    f"`{argument}` must hold an array {key!r}. "
                    f"Received: {argument}={str(path)!r} with "
                    f"{sorted(arrays)}"
                )
        kernel, bias = arrays[f"{prefix}.weight"], arrays[f"{prefix}.bias"]
        if kernel.ndim != 4 or bias.ndim != 1:
            raise ValueError(
                f"`{argument}` must hold convolutions: kernels of rank 4, "
                f"biases of rank 1. Received: {argument}={str(path)!r} with "
                f"{prefix}.weight.shape={kernel.shape}, "
                f"{prefix}.bias.shape={bias.shape}"
            )
        layers[layer] = kernel.transpose(2, 3, 1, 0), bias
    return layers


def _assign(layers, arrays, path):
    for layer in layers:
        kernel, bias = arrays[layer.name]
        expected = tuple(layer.convolution.kernel.shape)
        if kernel.shape != expected or bias.shape != expected[-1:]:
            raise ValueError(
                f"Layer {layer.name!r} must have a kernel of shape (height, "
                f"width, input channels, output channels) {expected}, after "
                f"the layers before it. Received: {kernel.shape} and a bias "
                f"of shape {bias.shape} in {str(path)!r}"
            )
        layer.convolution.kernel.assign(kernel)
        layer.convolution.bias.assign(bias)
