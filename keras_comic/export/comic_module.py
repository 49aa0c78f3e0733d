"""A generator as a graph that takes what requests bring."""

import numpy as np
import tensorflow as tf

from keras_comic.data import decode_image
from keras_comic.export.photo_color import keep_photo_color
from keras_comic.models.pictures import SMALLEST_SIDE
from keras_comic.models.style_generator import BLEND_BELOW

# Pictures of more pixels in all than this go through the network one by one.
PIXELS_AT_ONCE = 2_000_000
# A PNG's signature and first chunk.
PNG_HEAD_BYTES = 33


class ComicModule(tf.Module):
    """What a SavedModel of a generator computes, without Keras."""

    def __init__(self, generator, max_pixels, formats, png_chunk):
        super().__init__(name="comic")
        self.generator_weights = [w.value for w in generator.weights]
        self._max_pixels = max_pixels
        self._formats = list(formats)
        self._png_chunk = png_chunk
        self._names = generator.style_names
        vectors = [generator.style_vector(name) for name in self._names]
        self._vectors = np.concatenate([np.asarray(v) for v in vectors])
        self._network = _Network(generator, self._vectors.shape[1])

    def stylize(self, images):
        """Comics in the first named style."""
        images = self._checked(images, "images")
        return self._in_parts(self._in_first_style, (images,))

    def stylize_files(self, image_bytes):
        """Comics, as PNG files, of files in the first named style."""
        photos, sizes = self._read_all(image_bytes)
        return self._in_files(self._in_first_style, photos, sizes, ())

    def stylize_files_like(
        self, image_bytes, style_image_bytes, strength, keep_color
    ):
        """Comics, as PNG files, of files in the styles of other files."""
        inputs = (image_bytes, style_image_bytes, strength, keep_color)
        with _checked_request("image_bytes", *inputs):
            image_bytes = tf.identity(image_bytes)
        photos, sizes = self._read_all(image_bytes)
        # A function that fails cancels those that run beside it, and what is
        # told may be "cancelled": what may fail runs one after the other.
        with tf.control_dependencies([sizes]):
            files = tf.identity(style_image_bytes)

        def encode(contents):
            drawing = self._read(contents, "style_image_bytes")
            return self._network.encode(drawing[tf.newaxis])[0]

        # One after the other, since each may be as large as is allowed.
        vectors = tf.map_fn(
            encode,
            files,
            fn_output_signature=tf.TensorSpec(
                self._vectors.shape[1:], tf.float32
            ),
            parallel_iterations=1,
        )
        others = (vectors, strength, keep_color)
        return self._in_files(self._network.finish, photos, sizes, others)

    def stylize_files_mix(
        self, image_bytes, style_weights, strength, keep_color
    ):
        """Comics, as PNG files, of files in mixes of the named styles."""
        inputs = (image_bytes, style_weights, strength, keep_color)
        with _checked_request("image_bytes", *inputs):
            vectors = self._mixed_vectors(style_weights)
        with tf.control_dependencies([vectors]):
            image_bytes = tf.identity(image_bytes)
        photos, sizes = self._read_all(image_bytes)
        others = (vectors, strength, keep_color)
        return self._in_files(self._network.finish, photos, sizes, others)

    def stylize_like(self, images, style_images, strength, keep_color):
        """Comics in the styles of other pictures."""
        images = self._checked(images, "images")
        style_images = self._checked(style_images, "style_images")
        inputs = (images, style_images, strength, keep_color)
        with _checked_request("images", *inputs):
            inputs = [tf.identity(value) for value in inputs]
        return self._in_parts(self._like, inputs)

    def stylize_mix(self, images, style_weights, strength, keep_color):
        """Comics in mixes of the named styles."""
        images = self._checked(images, "images")
        inputs = (images, style_weights, strength, keep_color)
        with _checked_request("images", *inputs):
            vectors = self._mixed_vectors(style_weights)
        inputs = (images, vectors, strength, keep_color)
        return self._in_parts(self._network.finish, inputs)

    def name_styles(self, style_index):
        """Names of the styles that `style_weights` mixes, in its order."""
        count = len(self._names)
        valid = tf.reduce_all((style_index >= 0) & (style_index < count))
        message = (
            f"`style_index` must be in [0, {count}). Received: style_index"
        )
        with tf.control_dependencies([_check(valid, message, style_index)]):
            return tf.gather(tf.constant(self._names), style_index)

    def _checked(self, images, name):
        height, width = tf.unstack(tf.shape(images)[1:3], 2)
        pixels = tf.cast(height, tf.int64) * tf.cast(width, tf.int64)
        checks = [
            _check(
                tf.minimum(height, width) >= SMALLEST_SIDE,
                f"`{name}` must have sides of at least {SMALLEST_SIDE} "
                "pixels. Received: (height, width)",
                tf.stack([height, width]),
            ),
            _check(
                pixels <= self._max_pixels,
                f"`{name}` must have at most {self._max_pixels} pixels each. "
                "Received: (height, width)",
                tf.stack([height, width]),
            ),
        ]
        with tf.control_dependencies(checks):
            return tf.identity(images)

    def _in_parts(self, function, inputs):
        """All at once if they are small, else one by one, for the memory."""

        def one_by_one():
            return tf.map_fn(
                lambda one: function(*[value[tf.newaxis] for value in one])[0],
                tuple(inputs),
                fn_output_signature=tf.TensorSpec((None, None, 3), tf.uint8),
                parallel_iterations=1,
            )

        pixels = tf.reduce_prod(tf.shape(inputs[0], tf.int64)[:3])
        # Padding by reflection fails on an empty batch.
        size = tf.where(pixels > PIXELS_AT_ONCE, 2, tf.where(pixels > 0, 1, 0))
        comics = tf.switch_case(
            size,
            [
                lambda: tf.identity(inputs[0]),
                lambda: function(*inputs),
                one_by_one,
            ],
        )
        comics = tf.reshape(comics, tf.shape(inputs[0]))
        comics.set_shape([None, None, None, 3])
        return comics

    def _read_all(self, image_bytes):
        """A `TensorArray` of the pictures in files, and their sizes."""
        count = tf.shape(image_bytes)[0]
        photos = tf.TensorArray(
            tf.uint8, count, infer_shape=False, element_shape=(None, None, 3)
        )
        sizes = tf.TensorArray(tf.int32, count, element_shape=(2,))

        def read(index, photos, sizes):
            photo = self._read(image_bytes[index], "image_bytes")
            sizes = sizes.write(index, tf.shape(photo)[:2])
            return index + 1, photos.write(index, photo), sizes

        _, photos, sizes = tf.while_loop(
            lambda index, *_: index < count,
            read,
            (tf.constant(0), photos, sizes),
            parallel_iterations=1,
        )
        return photos, sizes.stack()

    def _in_files(self, function, photos, sizes, others):
        """PNG files of what a function gives for pictures."""
        count = tf.shape(sizes)[0]

        def together():
            comics = self._in_parts(function, (photos.stack(), *others))
            return _map_to_string(self._write, comics)

        def one_by_one():
            def write(index):
                photo = photos.read(index)[tf.newaxis]
                rows = [other[index][tf.newaxis] for other in others]
                return self._write(function(photo, *rows)[0])

            return _map_to_string(write, tf.range(count))

        # A loop begins to count before what it only uses is there.
        with tf.control_dependencies(list(others)):
            same = tf.reduce_all(sizes == sizes[:1])
        return tf.cond(same & (count > 0), together, one_by_one)

    def _read(self, contents, name):
        photo = decode_image(contents, self._max_pixels, self._formats)
        return self._checked(photo[tf.newaxis], name)[0]

    def _write(self, comic):
        png = tf.io.encode_png(comic)
        if not self._png_chunk:
            return png
        head = tf.strings.substr(png, 0, PNG_HEAD_BYTES)
        rest = tf.strings.substr(png, PNG_HEAD_BYTES, -1)
        return tf.strings.join([head, self._png_chunk, rest])

    def _in_first_style(self, images):
        photos = tf.cast(images, tf.float32)
        vectors = tf.constant(self._vectors[:1])
        count = tf.shape(images)[0]
        vectors = tf.repeat(vectors, count, axis=0)
        return _to_pixels(self._network.run(photos, vectors))

    def _like(self, images, style_images, strength, keep_color):
        vectors = self._network.encode(style_images)
        return self._network.finish(images, vectors, strength, keep_color)

    def _mixed_vectors(self, style_weights):
        sums = tf.reduce_sum(style_weights, axis=-1, keepdims=True)
        # In this form a NaN is refused too.
        valid = tf.reduce_all(style_weights >= 0.0) & tf.reduce_all(
            (sums > 0.0) & (sums < np.inf)
        )
        check = _check(
            valid,
            "`style_weights` must be numbers of at least 0 with a sum above "
            "0. Received: style_weights",
            style_weights,
        )
        with tf.control_dependencies([check]):
            weights = style_weights / sums
        return tf.linalg.matmul(weights, tf.constant(self._vectors))


_PICTURES = tf.TensorSpec((None, None, None, 3), tf.uint8)
_PHOTOS = tf.TensorSpec((None, None, None, 3), tf.float32)
_STRENGTH = tf.TensorSpec((None,), tf.float32)
_KEEP_COLOR = tf.TensorSpec((None,), tf.bool)


def _shared(function, *specs):
    """Makes a function that all signatures call, and none has a copy of."""
    return tf.function(
        function,
        input_signature=specs,
        autograph=False,
        experimental_attributes={"_noinline": True},
    )


class _Network:
    """Functions that are traced once, and saved once for all signatures."""

    def __init__(self, generator, vector_size):
        self._generator = generator
        self._vector_size = vector_size
        vectors = tf.TensorSpec((None, vector_size), tf.float32)
        # Style vectors of uint8 pictures.
        self.encode = _shared(self._encode, _PICTURES)
        # Comics as float32 in `[0, 255]`, of photos in that range.
        self.run = _shared(self._run, _PHOTOS, vectors)
        # uint8 comics of uint8 pictures in the styles of vectors.
        self.finish = _shared(
            self._finish, _PICTURES, vectors, _STRENGTH, _KEEP_COLOR
        )

    def _encode(self, style_images):
        drawings = _to_range(tf.cast(style_images, tf.float32))
        vectors = self._generator.encode_style(drawings)
        return tf.ensure_shape(vectors, (None, self._vector_size))

    def _run(self, photos, vectors):
        outputs = self._generator(
            {"photos": _to_range(photos), "style": vectors}, training=False
        )
        return tf.clip_by_value((outputs + 1.0) * 127.5, 0.0, 255.0)

    def _finish(self, images, vectors, strength, keep_color):
        photos = tf.cast(images, tf.float32)
        weaker = strength < 1.0

        def interpolate():
            own = self._generator.encode_style(_to_range(photos))
            own = own + strength[:, tf.newaxis] * (vectors - own)
            return tf.where(weaker[:, tf.newaxis], own, vectors)

        own = tf.cond(
            tf.reduce_any(weaker), interpolate, lambda: tf.identity(vectors)
        )
        comics = self.run(photos, own)
        share = tf.minimum(strength / BLEND_BELOW, 1.0)
        share = share[:, tf.newaxis, tf.newaxis, tf.newaxis]
        comics = tf.where(
            share < 1.0, share * comics + (1.0 - share) * photos, comics
        )

        def with_photo_color():
            return tf.map_fn(
                lambda one: tf.cond(
                    one[2],
                    lambda: keep_photo_color(one[0], one[1]),
                    lambda: tf.identity(one[0]),
                ),
                (comics, photos, keep_color),
                fn_output_signature=tf.TensorSpec((None, None, 3), tf.float32),
                parallel_iterations=1,
            )

        finished = tf.cond(
            tf.reduce_any(keep_color),
            with_photo_color,
            lambda: tf.identity(comics),
        )
        return _to_pixels(finished)


def _map_to_string(function, values):
    return tf.map_fn(
        function, values, fn_output_signature=tf.string, parallel_iterations=2
    )


def _to_range(pixels):
    return pixels / 127.5 - 1.0


def _to_pixels(comics):
    return tf.cast(tf.clip_by_value(tf.round(comics), 0.0, 255.0), tf.uint8)


def _check(holds, message, value):
    return tf.raw_ops.Assert(
        condition=holds, data=[message, value], summarize=8
    )


def _checked_request(name, images, style, strength, keep_color):
    """A context of what is computed once a request is known to be valid."""
    inputs = (images, style, strength, keep_color)
    counts = tf.stack([tf.shape(value)[0] for value in inputs])
    same_batch = _check(
        tf.reduce_all(counts == counts[0]),
        f"Every input must have as many entries as `{name}`. Received: "
        f"({name}, style, strength, keep_color)",
        counts,
    )
    in_range = _check(
        tf.reduce_all((strength >= 0.0) & (strength <= 1.0)),
        "`strength` must be in [0, 1]. Received: strength",
        strength,
    )
    return tf.control_dependencies([same_batch, in_range])
