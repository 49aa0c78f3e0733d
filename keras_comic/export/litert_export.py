"""Generators as LiteRT (TensorFlow Lite) models."""

import json
import warnings
from pathlib import Path

import tensorflow as tf

from keras_comic.export.portable_graph import check_generator
from keras_comic.export.portable_graph import check_target
from keras_comic.export.portable_graph import describe_generator
from keras_comic.export.portable_graph import outer_convolutions
from keras_comic.export.portable_graph import stride_of
from keras_comic.export.portable_graph import trace_generator
from keras_comic.export.portable_graph import trace_style_encoder
from keras_comic.export.representative import representative_inputs
from keras_comic.export.whole_files import write_whole
from keras_comic.models.pictures import SMALLEST_SIDE

# All but the convolutions: what int8 would do to them shows in every pixel,
# and they take little of the time.
FLOAT_OPERATIONS = [
    "ADD",
    "CONCATENATION",
    "DEPTH_TO_SPACE",
    "DIV",
    "FULLY_CONNECTED",
    "MEAN",
    "MIRROR_PAD",
    "MUL",
    "RESHAPE",
    "RSQRT",
    "SQRT",
    "SQUARED_DIFFERENCE",
    "STRIDED_SLICE",
    "SUB",
    "TANH",
]
DEPRECATION = r"\s*Warning: tf.lite.Interpreter is deprecated"


def save_litert(
    generator,
    path,
    dtype="float32",
    image_size=(256, 256),
    representative=None,
    licence=None,
):
    """Writes a generator as LiteRT models, for phones and small devices.

    `NAME.tflite`, inputs `photos` and `style`, output `comics`, float32
    whatever `dtype` is; `NAME.style_encoder.tflite`, input `images`, output
    `style`, which makes a style vector of any drawing; and `NAME.json`, which
    holds the vectors of the named styles, the preset, its licence and the
    ranges. `PortableModel` runs them.

    The models take one picture of `image_size`. An interpreter can resize
    `photos` to any height and width that are multiples of `multiple_of` in
    the JSON file (4 for the light generator), and `images` to any.

    In int8, most convolutions have int8 weights and features: of the light
    generator, those with two thirds of the multiply-adds. The first four after
    the photo, those at full size, normalisation and the rest compute in
    float32; all in int8, the mean PSNR is below 25 dB. The style encoder is
    stored in float16 then.

    Args:
        generator: A built generator, or what `keras_comic.from_preset` takes.
        path: String or path that ends in `.tflite`; the folder is made. Files
            are replaced.
        dtype: `"float32"`; `"float16"`, weights of half the size; or
            `"int8"`. Defaults to `"float32"`.
        image_size: `(height, width)`, pixels, at least 32 and divisible by
            the generator's stride. Defaults to `(256, 256)`.
        representative: Photos that int8's ranges are taken from, for `dtype
            "int8"` only: TFRecords of photos, as
            `keras_comic.data.read_records` takes them, a folder of images, or
            a list of uint8 pictures `(height, width, 3)`. 32 of them are
            used, with the named styles in turn. Defaults to `None`.
        licence: String or `None`, that of the weights. Defaults to `None`:
            for a built-in preset, what its metadata say.

    Returns:
        List of the three paths.

    Raises:
        FileNotFoundError: If `representative` is not there.
        ValueError: If `dtype` is unknown, `path` ends otherwise, the size
            does not fit, `representative` is missing or not wanted, or Keras
            does not run on TensorFlow.

    Example:

    >>> generator = keras_comic.AdaINGenerator.light((4, 8, 4, 4), 1, 8)
    >>> paths = keras_comic.export.save_litert(
    ...     generator, "ink.tflite", image_size=(32, 32)
    ... )
    >>> [path.name for path in paths]
    ['ink.tflite', 'ink.style_encoder.tflite', 'ink.json']

    Reference:
        - [LiteRT](https://ai.google.dev/edge/litert)
    """
    path = Path(path)
    check_target(path, ".tflite", dtype, representative)
    generator = check_generator(generator)
    height, width = image_size
    stride = stride_of(generator)
    if min(image_size) < SMALLEST_SIDE or height % stride or width % stride:
        raise ValueError(
            f"`image_size` must be two sides of at least {SMALLEST_SIDE} "
            f"pixels, divisible by {stride}. Received: image_size={image_size}"
        )
    facts = {
        "format": "litert",
        "weights": dtype,
        "image_size": list(image_size),
        "multiple_of": stride,
        **describe_generator(generator, licence),
    }
    comics = trace_generator(generator, image_size)
    if dtype == "int8":
        samples = representative_inputs(generator, representative, image_size)
        model = _quantized(comics, samples)
    else:
        model = _convert(comics, dtype)
    # Once for each drawing, so that its size matters more than its speed.
    encoder_dtype = "float16" if dtype == "int8" else dtype
    style = trace_style_encoder(generator, image_size)
    text = json.dumps(facts, indent=1, ensure_ascii=False) + "\n"
    return write_whole(
        {
            path: model,
            path.with_suffix(".style_encoder.tflite"): _convert(
                style, encoder_dtype
            ),
            path.with_suffix(".json"): text.encode(),
        }
    )


def _converter(function):
    module = tf.Module()
    module.function = function
    return tf.lite.TFLiteConverter.from_concrete_functions(
        [function.get_concrete_function()], module
    )


def _convert(function, dtype):
    converter = _converter(function)
    if dtype == "float16":
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.target_spec.supported_types = [tf.float16]
    return converter.convert()


def _quantized(function, samples):
    """The bytes of a model whose convolutions, but the outer, are int8."""
    converter = _converter(function)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.target_spec.supported_ops = [
        tf.lite.OpsSet.TFLITE_BUILTINS_INT8,
        tf.lite.OpsSet.TFLITE_BUILTINS,
    ]
    converter.representative_dataset = lambda: (
        {"photos": photo, "style": style} for photo, style in samples
    )
    options = tf.lite.experimental.QuantizationDebugOptions(
        denylisted_ops=FLOAT_OPERATIONS,
        denylisted_nodes=_float_convolutions(function),
    )
    with warnings.catch_warnings():
        # The debugger's own interpreter is TensorFlow's.
        warnings.filterwarnings("ignore", DEPRECATION)
        # It is what leaves operations of choice in float.
        debugger = tf.lite.experimental.QuantizationDebugger(
            converter=converter,
            debug_dataset=lambda: iter([list(samples[0])]),
            debug_options=options,
        )
        return debugger.get_nondebug_quantized_model()


def _float_convolutions(function):
    """Names, in the converted model, of what these convolutions give."""
    graph = function.get_concrete_function().graph
    names = outer_convolutions(
        [
            (o.name, o.type == "Conv2D", [t.op.name for t in o.inputs])
            for o in graph.get_operations()
        ]
    )
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", DEPRECATION)
        interpreter = tf.lite.Interpreter(
            model_content=_convert(function, "float32")
        )
    return [
        tensor["name"]
        for tensor in interpreter.get_tensor_details()
        if any(name in tensor["name"] for name in names)
    ]
