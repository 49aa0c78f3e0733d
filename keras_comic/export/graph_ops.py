"""Functions that the graphs of SavedModels are made of."""

import tensorflow as tf

# A PNG's signature and first chunk.
PNG_HEAD_BYTES = 33


def check(holds, message, value):
    """Returns an operation that fails with a message and a value."""
    return tf.raw_ops.Assert(
        condition=holds, data=[message, value], summarize=8
    )


def write_png_files(pictures, chunk):
    """Returns the PNG files of pictures, with a chunk after the head."""
    return map_to_string(lambda one: write_png(one, chunk), pictures)


def write_png(picture, chunk):
    """Returns a PNG file, with a chunk after the head."""
    png = tf.io.encode_png(picture)
    if not chunk:
        return png
    head = tf.strings.substr(png, 0, PNG_HEAD_BYTES)
    rest = tf.strings.substr(png, PNG_HEAD_BYTES, -1)
    return tf.strings.join([head, chunk, rest])


def map_to_string(function, values):
    """Maps a function that gives strings."""
    return tf.map_fn(
        function, values, fn_output_signature=tf.string, parallel_iterations=2
    )


def saved_once(*specs):
    """Makes a function that all signatures call, and none has a copy of."""
    return tf.function(
        input_signature=specs,
        autograph=False,
        experimental_attributes={"_noinline": True},
    )
