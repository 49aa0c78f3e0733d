"""SavedModels with every kind of signature, and real servers for them."""

import functools
import tempfile
from pathlib import Path

import httpx
import tensorflow as tf

from keras_comic.serving.server import ModelServer

_folder = tempfile.TemporaryDirectory()


def _spec(shape, dtype, name):
    return tf.TensorSpec(shape, dtype, name=name)


_IMAGES = _spec([None, None, None, 3], tf.uint8, "images")
_SMALLEST = 4
_TYPES = [getattr(tf, f"int{bits}") for bits in (8, 16, 32, 64)]
_TYPES += [getattr(tf, f"uint{bits}") for bits in (8, 16, 32, 64)]
_TYPES += [tf.float32, tf.float64, tf.bool, tf.string]


class _Signatures(tf.Module):
    """Signatures of the forms that exported models have, and of others."""

    def __init__(self):
        super().__init__()
        self.plus = tf.Variable(2.0, trainable=False)

    @tf.function(input_signature=[_IMAGES])
    def invert(self, images):
        check = tf.debugging.Assert(
            tf.reduce_min(tf.shape(images)[1:3]) >= _SMALLEST,
            ["`images` must have larger sides. Received:", tf.shape(images)],
        )
        with tf.control_dependencies([check]):
            return {"comics": 255 - images}

    @tf.function(input_signature=[_spec([None], tf.string, "image_bytes")])
    def invert_files(self, image_bytes):
        def invert(file):
            image = tf.io.decode_image(file, 3, expand_animations=False)
            return tf.io.encode_png(255 - image)

        return {
            "comic_bytes": tf.map_fn(
                invert, image_bytes, fn_output_signature=tf.string
            )
        }

    @tf.function(
        input_signature=[
            _IMAGES,
            _spec([None, 2], tf.float32, "style_weights"),
            _spec([None], tf.float32, "strength"),
            _spec([None], tf.bool, "keep_color"),
        ]
    )
    def mix(self, images, style_weights, strength, keep_color):
        check = tf.debugging.Assert(
            tf.reduce_all((strength >= 0) & (strength <= 1)),
            ["`strength` must be in [0, 1]. Received:", strength],
        )
        with tf.control_dependencies([check]):
            weight = strength * style_weights[:, 0]
        images = tf.cast(images, tf.float32)
        mixed = images + weight[:, None, None, None] * (255 - 2 * images)
        mixed = tf.where(keep_color[:, None, None, None], images, mixed)
        return {"comics": tf.cast(tf.round(mixed), tf.uint8)}

    @tf.function(input_signature=[_spec([None], tf.float32, "x")])
    def half_plus(self, x):
        return {"y": x / 2 + self.plus}

    @tf.function(
        input_signature=[
            _spec([None], tf.float32, "x"),
            _spec([None, None], tf.int32, "n"),
        ]
    )
    def two_outputs(self, x, n):
        return {"half": x / 2, "doubled": n * 2}

    @tf.function(input_signature=[_spec([None], d, d.name) for d in _TYPES])
    def types(self, *inputs):
        return {f"same_{x.dtype.name}": tf.identity(x) for x in inputs}

    @tf.function(input_signature=[_spec([None], tf.string, "text")])
    def echo(self, text):
        return {"text": tf.identity(text)}

    @tf.function(input_signature=[_spec([None], tf.float16, "x")])
    def halves(self, x):
        return {"x": tf.identity(x)}

    @tf.function(input_signature=[_spec([None], tf.float32, "seconds")])
    def wait(self, seconds):
        end = tf.timestamp() + tf.cast(tf.reduce_max(seconds), tf.float64)
        (time,) = tf.while_loop(
            lambda time: time < end, lambda time: (tf.timestamp(),), [end - 1.0]
        )
        return {"waited": seconds + 0.0 * tf.cast(time, tf.float32)}


@functools.cache
def saved_model():
    """Path of a version folder, made once in a process."""
    module = _Signatures()
    folder = Path(_folder.name, "comic", "1")
    signatures = {
        "serving_default": module.invert,
        "serving_bytes": module.invert_files,
        "serving_style_weights": module.mix,
    }
    for name in ("half_plus", "two_outputs", "types", "echo", "halves", "wait"):
        signatures[name] = getattr(module, name)
    tf.saved_model.save(module, str(folder), signatures)
    return folder


def start_server(test, models=None, **options):
    """Starts a server that ends with the test.

    Returns:
        The `ModelServer`, and an `httpx.Client` of its REST API.
    """
    server = ModelServer(models or {"comic": saved_model()}, port=0, **options)
    clean_up = getattr(test, "addCleanup", None)
    if isinstance(test, type):
        clean_up = test.addClassCleanup
    server.start()
    clean_up(server.stop, 5.0)
    client = httpx.Client(base_url=server.url, timeout=30)
    clean_up(client.close)
    return server, client
