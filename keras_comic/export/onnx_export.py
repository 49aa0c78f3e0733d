"""Generators as ONNX models."""

import importlib
import json
import os
import tempfile
import warnings
from pathlib import Path

import numpy as np

from keras_comic.export.portable_graph import check_generator
from keras_comic.export.portable_graph import check_target
from keras_comic.export.portable_graph import describe_generator
from keras_comic.export.portable_graph import outer_convolutions
from keras_comic.export.portable_graph import trace_generator
from keras_comic.export.portable_graph import trace_style_encoder
from keras_comic.export.representative import representative_inputs
from keras_comic.export.whole_files import write_whole

OPSET = 17
# Of the photos that the ranges of int8 are taken from.
IMAGE_SIZE = (256, 256)
DIMENSIONS = {4: ("batch", "height", "width", None), 2: ("batch", None)}


def save_onnx(
    generator, path, dtype="float32", representative=None, licence=None
):
    """Writes a generator as ONNX models, for ONNX Runtime and others.

    Two models: the generator, inputs `photos` and `style`, output `comics`;
    and beside it `NAME.style_encoder.onnx`, input `images`, output `style`,
    which makes a style vector of any drawing. Batch, height and width are
    free, odd sides too: the graph pads by reflection and crops. The vectors
    of the named styles, the preset, its licence and the ranges are in the
    models' metadata, as JSON. `PortableModel` runs them.

    Args:
        generator: A built generator, or what `keras_comic.from_preset` takes.
        path: String or path that ends in `.onnx`; the folder is made. Files
            are replaced.
        dtype: `"float32"`; `"float16"`, weights of half the size, computed in
            float32, since sums over a picture are beyond float16; or
            `"int8"`, most convolutions in int8 as in `save_litert`. Defaults
            to `"float32"`.
        representative: Photos that int8's ranges are taken from, as in
            `save_litert`. Defaults to `None`.
        licence: String or `None`, that of the weights. Defaults to `None`:
            for a built-in preset, what its metadata say.

    Returns:
        List of the two paths.

    Raises:
        ImportError: If the extra `export` is not installed.
        FileNotFoundError: If `representative` is not there.
        ValueError: If `dtype` is unknown, `path` ends otherwise,
            `representative` is missing or not wanted, or Keras does not run
            on TensorFlow.

    Example:

    >>> generator = keras_comic.AdaINGenerator.light((4, 8, 4, 4), 1, 8)
    >>> paths = keras_comic.export.save_onnx(generator, "ink.onnx")
    >>> [path.name for path in paths]
    ['ink.onnx', 'ink.style_encoder.onnx']

    Reference:
        - [ONNX](https://onnx.ai), operator set 17.
    """
    path = Path(path)
    check_target(path, ".onnx", dtype, representative)
    onnx, tf2onnx = _import_packages()
    generator = check_generator(generator)
    facts = describe_generator(generator, licence)
    facts = {"format": "onnx", "weights": dtype, **facts}
    samples = []
    if dtype == "int8":
        samples = representative_inputs(generator, representative, IMAGE_SIZE)
    models = {
        path: trace_generator(generator),
        path.with_suffix(".style_encoder.onnx"): trace_style_encoder(generator),
    }
    contents = {}
    for name, function in models.items():
        model = _convert(tf2onnx, function)
        _name_dimensions(model)
        if samples and name == path:
            model = _quantized(onnx, model, samples)
        elif dtype != "float32":
            _store_as_float16(onnx, model)
        del model.metadata_props[:]
        for key, value in facts.items():
            entry = model.metadata_props.add(key=key)
            is_text = isinstance(value, str)
            entry.value = value if is_text else json.dumps(value)
        model.producer_name = facts["software"]
        onnx.checker.check_model(model)
        contents[name] = model.SerializeToString()
    return write_whole(contents)


def _import_packages():
    try:
        with warnings.catch_warnings():
            # Of what it imports in turn.
            warnings.simplefilter("ignore")
            return (
                importlib.import_module("onnx"),
                importlib.import_module("tf2onnx"),
            )
    except ImportError as error:
        raise ImportError(
            "ONNX models are written by tf2onnx; install it with "
            f"`pip install 'keras-comic[export]'`. ({error})"
        ) from error


def _convert(tf2onnx, function):
    with warnings.catch_warnings():
        # NumPy's and protobuf's, about how tf2onnx calls them.
        warnings.simplefilter("ignore")
        model, _ = tf2onnx.convert.from_function(
            function,
            input_signature=function.input_signature,
            opset=OPSET,
            custom_op_handlers={"FloorMod": (_floor_mod, [])},
        )
    return model


def _floor_mod(context, node, name, args):
    """ONNX's `Mod`, whose sign is the divisor's, as `FloorMod`'s is."""
    node.type = "Mod"


def _name_dimensions(model):
    for value in (*model.graph.input, *model.graph.output):
        dimensions = value.type.tensor_type.shape.dim
        names = DIMENSIONS[len(dimensions)]
        for dimension, name in zip(dimensions, names, strict=True):
            if name is not None:
                dimension.dim_param = name


def _store_as_float16(onnx, model):
    """Makes the kernels float16, and casts them where they are used."""
    casts = []
    for tensor in model.graph.initializer:
        if tensor.data_type != onnx.TensorProto.FLOAT or len(tensor.dims) < 2:
            continue
        values = onnx.numpy_helper.to_array(tensor).astype(np.float16)
        name = tensor.name
        stored = f"{name}/float16"
        tensor.CopyFrom(onnx.numpy_helper.from_array(values, stored))
        casts.append(
            onnx.helper.make_node(
                "Cast", [stored], [name], stored, to=onnx.TensorProto.FLOAT
            )
        )
    nodes = [*casts, *model.graph.node]
    del model.graph.node[:]
    model.graph.node.extend(nodes)


class _Samples:
    """Inputs, one by one, as ONNX Runtime's calibration asks for them."""

    def __init__(self, samples):
        self.samples = iter(samples)

    def get_next(self):
        photos, style = next(self.samples, (None, None))
        return None if photos is None else {"photos": photos, "style": style}


def _quantized(onnx, model, samples):
    """The model with its convolutions, but the outer, in int8."""
    quantization = _import_quantization()
    producers = {
        output: node.name for node in model.graph.node for output in node.output
    }
    nodes = [
        (
            node.name,
            node.op_type == "Conv",
            [producers[name] for name in node.input if name in producers],
        )
        for node in model.graph.node
    ]
    with tempfile.TemporaryDirectory() as folder:
        written = os.path.join(folder, "int8.onnx")
        # Else it advises a pass that fuses what is not here.
        model.metadata_props.add(
            key="onnx.quant.pre_process", value="onnxruntime.quant"
        )
        quantization.quantize_static(
            model,
            written,
            _Samples(samples),
            op_types_to_quantize=["Conv"],
            per_channel=True,
            activation_type=quantization.QuantType.QUInt8,
            weight_type=quantization.QuantType.QInt8,
            nodes_to_exclude=outer_convolutions(nodes),
        )
        return onnx.load(written)


def _import_quantization():
    try:
        return importlib.import_module("onnxruntime.quantization")
    except ImportError as error:
        raise ImportError(
            "ONNX Runtime makes int8 models; install it with "
            f"`pip install 'keras-comic[export]'`. ({error})"
        ) from error
