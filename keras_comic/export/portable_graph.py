"""Graphs of a generator for runtimes other than TensorFlow."""

import collections

import keras
import numpy as np
import tensorflow as tf

from keras_comic import presets
from keras_comic.models.pictures import SMALLEST_SIDE

VALUE_RANGE = [-1.0, 1.0]
# Convolutions that int8 models leave in float32: so many from the photo (of
# the light generator, the encoder's, the skip and the first residual block's),
# and so many to the comic (those at full size).
FIRST_CONVOLUTIONS = 4
LAST_CONVOLUTIONS = 2

DTYPES = ("float32", "float16", "int8")


def trace_generator(generator, image_size=None):
    """What a generator computes, as a graph of constants and simple ops."""
    twin = _twin(generator)
    constants = _constants(twin)
    batch, height, width = (None, None, None)
    if image_size is not None:
        batch, (height, width) = 1, image_size
        _upsample_without_sizes(twin)

    @tf.function(
        autograph=False,
        input_signature=[
            tf.TensorSpec((batch, height, width, 3), name="photos"),
            tf.TensorSpec((batch, generator.style_dim), name="style"),
        ],
    )
    def comics(photos, style):
        with keras.StatelessScope(state_mapping=constants):
            inputs = {"photos": photos, "style": style}
            return {"comics": twin(inputs, training=False)}

    return _simplified(comics)


def trace_style_encoder(generator, image_size=None):
    """What `encode_style` of a generator computes, see `trace_generator`."""
    twin = _twin(generator)
    constants = _constants(twin)
    batch, height, width = (None, None, None)
    if image_size is not None:
        batch, (height, width) = 1, image_size

    @tf.function(
        autograph=False,
        input_signature=[
            tf.TensorSpec((batch, height, width, 3), name="images")
        ],
    )
    def style(images):
        with keras.StatelessScope(state_mapping=constants):
            return {"style": twin.encode_style(images)}

    return _simplified(style)


def trace_in_float64(generator):
    """What a generator computes, in double precision: what errors are of."""
    function = trace_generator(generator)
    concrete = function.get_concrete_function()
    graph = concrete.graph.as_graph_def()
    for node in graph.node:
        for value in node.attr.values():
            if value.type == tf.float32.as_datatype_enum:
                value.type = tf.float64.as_datatype_enum
            if value.tensor.dtype == tf.float32.as_datatype_enum:
                array = tf.make_ndarray(value.tensor).astype("float64")
                value.tensor.CopyFrom(tf.make_tensor_proto(array))
    signature = [
        tf.TensorSpec(spec.shape, tf.float64, name=spec.name)
        for spec in function.input_signature
    ]
    return _imported(graph, concrete, signature)


def count_operations(function):
    """The kinds of operations in a traced graph."""
    graph = function.get_concrete_function().graph
    kinds = collections.Counter(node.op for node in graph.as_graph_def().node)
    return dict(sorted(kinds.items()))


def outer_convolutions(nodes):
    """The convolutions of a graph that int8 would harm."""
    before, after = {}, {}
    for name, is_convolution, inputs in nodes:
        behind = max((before.get(i, 0) for i in inputs), default=0)
        before[name] = behind + is_convolution
    for name, is_convolution, inputs in reversed(nodes):
        after[name] = after.get(name, 0) + is_convolution
        for entry in inputs:
            after[entry] = max(after.get(entry, 0), after[name])
    return [
        name
        for name, is_convolution, _ in nodes
        if is_convolution
        and (
            before[name] <= FIRST_CONVOLUTIONS
            or after[name] <= LAST_CONVOLUTIONS
        )
    ]


def check_target(path, suffix, dtype, representative):
    """Checks what is to be written."""
    if path.suffix != suffix:
        raise ValueError(
            f"`path` must end in `{suffix}`. Received: path={str(path)!r}"
        )
    if dtype not in DTYPES:
        raise ValueError(
            f"`dtype` must be one of {list(DTYPES)}. Received: dtype={dtype!r}"
        )
    if (dtype == "int8") != (representative is not None):
        raise ValueError(
            "`representative`, photos that show which values occur, is needed "
            "for, and only for, `dtype='int8'`: TFRecords of photos, a folder "
            "of images, or a list of uint8 pictures. "
            f"Received: dtype={dtype!r}, representative={representative!r}"
        )


def check_generator(generator):
    """The generator itself, or that of a preset."""
    if keras.config.backend() != "tensorflow":
        raise ValueError(
            "A generator can only be exported with Keras on TensorFlow; set "
            "KERAS_BACKEND=tensorflow before Keras is imported. "
            f"Received: backend {keras.config.backend()!r}"
        )
    if not isinstance(generator, keras.Model):
        generator = presets.from_preset(generator)
    if not generator.built:
        raise ValueError(
            "The generator must be built before it is exported: call it once. "
            "Received: built=False"
        )
    return generator


def describe_generator(generator, licence=None):
    """What an exported file says of itself."""
    provenance = generator.provenance
    if licence is None:
        facts = presets.list_presets().get(provenance.preset) or {}
        licence = facts.get("licence")
    pictures = {
        "dtype": "float32",
        "shape": ["batch", "height", "width", 3],
        "range": VALUE_RANGE,
        "color_space": "RGB",
    }
    style = {"dtype": "float32", "shape": ["batch", generator.style_dim]}
    return {
        "software": provenance.software,
        "preset": provenance.preset,
        "preset_version": provenance.version,
        "licence": licence,
        "generator": {
            "inputs": {"photos": pictures, "style": style},
            "outputs": {"comics": pictures},
        },
        "style_encoder": {
            "inputs": {"images": pictures},
            "outputs": {"style": style},
        },
        "smallest_side": SMALLEST_SIDE,
        "styles": generator.styles,
    }


def stride_of(generator):
    """Pixels that the sides are padded to a multiple of, inside."""
    encoder = getattr(generator, "content_encoder", None)
    return getattr(encoder, "stride", 1)


def _constants(generator):
    """Pairs of variable and value, for `keras.StatelessScope`."""
    values = generator.get_weights()
    return list(zip(generator.weights, values, strict=True))


def _twin(generator):
    """A copy of a generator that computes in float32."""
    config = keras.saving.serialize_keras_object(generator)
    _set_float32(config)
    twin = keras.saving.deserialize_keras_object(config)
    twin.set_weights(generator.get_weights())
    return twin


def _set_float32(config):
    if isinstance(config, list):
        for entry in config:
            _set_float32(entry)
    if isinstance(config, dict):
        if config.get("class_name") == "DTypePolicy":
            config["config"]["name"] = "float32"
        for entry in config.values():
            _set_float32(entry)


def _upsample_without_sizes(generator):
    """Lets `UpSampling2D` repeat pixels by a rearrangement of channels."""
    for layer in _layers_in(generator):
        if type(layer) is not keras.layers.UpSampling2D:
            continue
        rows, columns = layer.size
        if layer.interpolation == "nearest" and rows == columns:
            layer.call = _Repeat(rows)


class _Repeat:
    """Repeats each pixel in both directions."""

    def __init__(self, times):
        self.times = times

    def __call__(self, inputs):
        copies = tf.concat([inputs] * self.times**2, axis=-1)
        return tf.nn.depth_to_space(copies, self.times)


def _layers_in(layer, seen=None):
    """A layer and those that it holds, at any depth."""
    seen = set() if seen is None else seen
    if id(layer) in seen:
        return
    seen.add(id(layer))
    yield layer
    for value in list(vars(layer).values()):
        values = value if isinstance(value, (list, tuple)) else [value]
        for entry in values:
            if isinstance(entry, keras.layers.Layer):
                yield from _layers_in(entry, seen)


def _simplified(function):
    """The function with its graph rewritten."""
    concrete = function.get_concrete_function()
    graph = concrete.graph
    source = graph.as_graph_def()
    rewritten = tf.compat.v1.GraphDef()
    rewritten.versions.CopyFrom(source.versions)
    rewritten.library.CopyFrom(source.library)
    for node in source.node:
        operation = graph.get_operation_by_name(node.name)
        if node.op == "StridedSlice" and _takes_all(operation):
            _make_identity(node)
        rewritten.node.add().CopyFrom(node)
    return _imported(rewritten, concrete, function.input_signature)


def _imported(graph, concrete, signature):
    """A function of a graph that was made of a concrete function's."""
    names = [tensor.name for tensor in concrete.inputs]
    (output,) = concrete.structured_outputs
    results = [tensor.name for tensor in concrete.outputs]

    @tf.function(autograph=False, input_signature=signature)
    def imported(*inputs):
        tensors = tf.graph_util.import_graph_def(
            graph,
            input_map=dict(zip(names, inputs, strict=True)),
            return_elements=results,
            name="",
        )
        return {output: tensors[0]}

    return imported


def _takes_all(operation):
    """Whether a slice, of a tensor of a known shape, gives all of it."""
    before, after = operation.inputs[0].shape, operation.outputs[0].shape
    strides = tf.get_static_value(operation.inputs[3])
    return (
        before.is_fully_defined()
        and before == after
        and strides is not None
        and bool(np.all(strides == 1))
        and operation.get_attr("new_axis_mask") == 0
    )


def _make_identity(node):
    node.op = "Identity"
    del node.input[1:]
    for name in list(node.attr):
        if name != "T":
            del node.attr[name]
