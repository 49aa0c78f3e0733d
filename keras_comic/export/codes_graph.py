"""The functions of a SavedModel: codes in, pictures out."""

import tensorflow as tf

from keras_comic.export.graph_ops import check
from keras_comic.export.graph_ops import saved_once
from keras_comic.export.graph_ops import write_png_files
from keras_comic.layers import to_uint8


class CodesGraph:
    """Answers requests with pictures of codes."""

    def __init__(self, generator, png_chunk):
        self._png_chunk = png_chunk
        self._specs = [
            tf.TensorSpec((None, *value.shape[1:]), tf.float32, name)
            for name, value in generator.example_inputs().items()
        ]

        @saved_once(*self._specs)
        def draw(*values):
            names = [spec.name for spec in self._specs]
            inputs = dict(zip(names, values, strict=True))
            return to_uint8(generator(inputs, training=False))

        self._draw = draw

    def signatures(self):
        """Returns the functions that requests are answered by, by name."""

        @tf.function(input_signature=self._specs, autograph=False)
        def answer(*values):
            return {"pictures": self._draw(*self._checked(values))}

        @tf.function(input_signature=self._specs, autograph=False)
        def answer_with_files(*values):
            pictures = self._draw(*self._checked(values))
            return {"picture_bytes": write_png_files(pictures, self._png_chunk)}

        return {"serving_default": answer, "serving_bytes": answer_with_files}

    def _checked(self, values):
        checks = [
            check(
                tf.reduce_all(tf.math.is_finite(value)),
                f"`{spec.name}` must be finite. Received: {spec.name}",
                value,
            )
            for spec, value in zip(self._specs, values, strict=True)
        ]
        with tf.control_dependencies(checks):
            return [tf.identity(value) for value in values]
