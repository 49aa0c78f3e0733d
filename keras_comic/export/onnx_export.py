"""Models as ONNX files."""

import json
import os
import tempfile
import warnings

import numpy as np

from keras_comic.export.portable_graph import CONDITIONS
from keras_comic.export.portable_graph import PortableGraphs
from keras_comic.export.portable_graph import check_target
from keras_comic.export.portable_graph import describe_model
from keras_comic.export.portable_graph import import_package
from keras_comic.export.portable_graph import write_files

OPSET = 17
DIMENSIONS = ("batch", "height", "width")


def save_onnx(generator, path, dtype="float32", licence=None):
    """Writes a model as ONNX files, for ONNX Runtime and others.

    Of a `Generator`: inputs `photos` and the conditions of its kind, such as
    `style`; output `comics`. Batch, height and width are free, odd sides too:
    the graph pads by reflection and crops. Where a photo has conditions of its
    own, `NAME.conditions.onnx` beside it makes them of `photos`, which may be
    a drawing whose style is wanted. Of a `LatentGenerator`: `codes` to
    `pictures`. The kind, the named styles, the preset and its licence are in
    the metadata, as JSON. `PortableModel` runs them.

    Args:
        generator: A built `Generator` or `LatentGenerator`, or what
            `keras_comic.from_preset` takes.
        path: String or path that ends in `.onnx`; the folder is made. Files
            are replaced.
        dtype: `"float32"`; `"float16"`, weights of half the size, computed in
            float32, since sums over a picture are beyond float16; or
            `"int8"`, weights of convolutions in 8 bits, and their inputs
            rounded to 8 bits as they come. Defaults to `"float32"`.
        licence: String or `None`, that of the weights. Defaults to `None`:
            for a built-in preset, what its metadata say.

    Returns:
        List of the paths.

    Raises:
        ImportError: If the extra `export` is not installed.
        ValueError: If `dtype` is unknown, `path` ends otherwise, the model is
            of another kind, or Keras does not run on TensorFlow.

    Example:

    >>> generator = keras_comic.AdaINGenerator.light((4, 8, 4, 4), 1, 8)
    >>> paths = keras_comic.export.save_onnx(generator, "ink.onnx")
    >>> [path.name for path in paths]
    ['ink.onnx', 'ink.conditions.onnx']
    """
    path = check_target(path, ".onnx", dtype)
    onnx = import_package("onnx")
    graphs = PortableGraphs(generator)
    description = describe_model(graphs.model, dtype, licence)
    contents = {}
    functions = {
        path: graphs.network(),
        path.with_suffix(f"{CONDITIONS}.onnx"): graphs.photo_conditions(),
    }
    for target, function in functions.items():
        if function is None:
            continue
        model = _convert(function)
        if dtype == "int8" and target == path:
            model = _quantized(onnx, model)
        elif dtype != "float32":
            _store_as_float16(onnx, model)
        for value in (*model.graph.input, *model.graph.output):
            _name_dimensions(value.type.tensor_type.shape.dim)
        del model.metadata_props[:]
        for key, value in description.items():
            entry = model.metadata_props.add(key=key)
            entry.value = json.dumps(value)
        model.producer_name = description["software"]
        onnx.checker.check_model(model)
        contents[target] = model.SerializeToString()
    return write_files(contents)


def _convert(function):
    tf2onnx = import_package("tf2onnx")
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


def _name_dimensions(dimensions):
    """Names the free dimensions, the first of which is the batch."""
    dimensions[0].dim_param = DIMENSIONS[0]
    if len(dimensions) == 4:
        for dimension, name in zip(dimensions[1:3], DIMENSIONS[1:]):
            if not dimension.dim_value:
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


def _quantized(onnx, model):
    """Returns the model with its convolutions in 8 bits."""
    quantization = import_package("onnxruntime.quantization")
    # Else it advises a pass that fuses what is not here.
    model.metadata_props.add(
        key="onnx.quant.pre_process", value="onnxruntime.quant"
    )
    with tempfile.TemporaryDirectory() as folder:
        written = os.path.join(folder, "int8.onnx")
        quantization.quantize_dynamic(
            model,
            written,
            op_types_to_quantize=["Conv"],
            # Signed weights have no fast kernel in ONNX Runtime.
            weight_type=quantization.QuantType.QUInt8,
        )
        return onnx.load(written)
