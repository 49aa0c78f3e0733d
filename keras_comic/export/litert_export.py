"""Models as LiteRT (TensorFlow Lite) files."""

import json

import tensorflow as tf

from keras_comic.export.portable_graph import CONDITIONS
from keras_comic.export.portable_graph import PortableGraphs
from keras_comic.export.portable_graph import check_target
from keras_comic.export.portable_graph import describe_model
from keras_comic.export.portable_graph import write_files
from keras_comic.models.pictures import SMALLEST_SIDE


def save_litert(
    generator, path, dtype="float32", image_size=(256, 256), licence=None
):
    """Writes a model as LiteRT files, for phones and small devices.

    The files, inputs and outputs are those of `save_onnx`, but in float32
    whatever `dtype` is, and the description lies beside them as `NAME.json`.
    They take one picture of `image_size`. An interpreter can resize `photos`
    to any height and width that are multiples of `stride` in the JSON file (4
    for the light generator).

    Args:
        generator: A built `Generator` or `LatentGenerator`, or what
            `keras_comic.from_preset` takes.
        path: String or path that ends in `.tflite`; the folder is made. Files
            are replaced.
        dtype: `"float32"`; `"float16"`, weights of half the size; or
            `"int8"`, weights of a quarter, and the inputs of convolutions
            rounded to 8 bits as they come. Defaults to `"float32"`.
        image_size: `(height, width)`, pixels, at least 32 and divisible by
            the generator's stride. Defaults to `(256, 256)`.
        licence: String or `None`, that of the weights. Defaults to `None`:
            for a built-in preset, what its metadata say.

    Returns:
        List of the paths.

    Raises:
        ValueError: If `dtype` is unknown, `path` ends otherwise, the size
            does not fit, the model is of another kind, or Keras does not run
            on TensorFlow.

    Example:

    >>> generator = keras_comic.AdaINGenerator.light((4, 8, 4, 4), 1, 8)
    >>> paths = keras_comic.export.save_litert(
    ...     generator, "ink.tflite", image_size=(32, 32)
    ... )
    >>> [path.name for path in paths]
    ['ink.tflite', 'ink.conditions.tflite', 'ink.json']
    """
    path = check_target(path, ".tflite", dtype)
    graphs = PortableGraphs(generator, tuple(image_size))
    stride = getattr(graphs.model, "stride", 1)
    if min(image_size) < SMALLEST_SIDE or any(s % stride for s in image_size):
        raise ValueError(
            f"`image_size` must be two sides of at least {SMALLEST_SIDE} "
            f"pixels, divisible by {stride}. Received: image_size={image_size}"
        )
    description = {
        **describe_model(graphs.model, dtype, licence),
        "image_size": list(image_size),
    }
    contents = {path: _convert(graphs.network(), dtype)}
    encode = graphs.photo_conditions()
    if encode is not None:
        target = path.with_suffix(f"{CONDITIONS}.tflite")
        contents[target] = _convert(encode, dtype)
    text = json.dumps(description, indent=1, ensure_ascii=False) + "\n"
    contents[path.with_suffix(".json")] = text.encode()
    return write_files(contents)


def _convert(function, dtype):
    module = tf.Module()
    module.function = function
    converter = tf.lite.TFLiteConverter.from_concrete_functions(
        [function.get_concrete_function()], module
    )
    if dtype != "float32":
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if dtype == "float16":
        converter.target_spec.supported_types = [tf.float16]
    return converter.convert()
