"""The functions of a SavedModel: requests in, comics out."""

import tensorflow as tf
from keras import ops

from keras_comic.data.image_decoding import decode_image
from keras_comic.export.graph_ops import check
from keras_comic.export.graph_ops import map_to_string
from keras_comic.export.graph_ops import saved_once
from keras_comic.export.graph_ops import write_png
from keras_comic.export.graph_ops import write_png_files
from keras_comic.layers import to_float
from keras_comic.models.drawing import draw_comics
from keras_comic.models.pictures import SMALLEST_SIDE

# Pictures of more pixels in all than this go through the network one by one.
PIXELS_AT_ONCE = 2_000_000

IMAGES = tf.TensorSpec((None, None, None, 3), tf.uint8, "images")
FILES = tf.TensorSpec((None,), tf.string, "image_bytes")
SETTINGS = (
    tf.TensorSpec((None,), tf.float32, "strength"),
    tf.TensorSpec((None,), tf.bool, "keep_color"),
)


class ComicGraph:
    """Answers requests with comics, without Keras once it is saved.

    The network is traced once, and saved once for all signatures.
    """

    def __init__(self, generator, max_pixels, formats, png_chunk):
        self._max_pixels = max_pixels
        self._formats = list(formats)
        self._png_chunk = png_chunk
        self._style_names = []
        if generator.takes_style:
            self._style_names = generator.style_names
        rows = [generator.conditions(n) for n in self._style_names or [None]]
        # Name of a condition: its value in each style, the first one first.
        self._conditions = {
            name: tf.concat([ops.convert_to_tensor(r[name]) for r in rows], 0)
            for name in rows[0]
        }
        network = _Network(generator)
        own = network.photo_conditions

        @saved_once(IMAGES, *SETTINGS, *self._condition_specs())
        def draw(images, strength, keep_color, *values):
            conditions = dict(zip(self._conditions, values, strict=True))
            return draw_comics(
                network, images, conditions, strength, None, keep_color
            )

        self._draw = draw
        self._encode = lambda picture: own(to_float(picture[tf.newaxis]))

    def signatures(self):
        """Returns the functions that requests are answered by, by name."""
        functions = {
            "serving_default": self._signature(IMAGES, self._first_style),
            "serving_bytes": self._signature(FILES, self._first_style),
        }
        ways = {"strength": ((), (), self._first_style)}
        if self._style_names:
            weights = tf.TensorSpec(
                (None, len(self._style_names)), tf.float32, "style_weights"
            )
            drawings = tf.TensorSpec(IMAGES.shape, tf.uint8, "style_images")
            files = tf.TensorSpec((None,), tf.string, "style_image_bytes")
            ways = {
                "style_weights": ((weights,), (weights,), self._mix),
                "style_image": ((drawings,), (files,), self._like),
            }
            functions["style_names"] = self._name_styles()
        for name, (beside_images, beside_files, conditions) in ways.items():
            functions[f"serving_{name}"] = self._signature(
                IMAGES, conditions, beside_images, SETTINGS
            )
            functions[f"serving_bytes_{name}"] = self._signature(
                FILES, conditions, beside_files, SETTINGS
            )
        return functions

    def _condition_specs(self):
        return [
            tf.TensorSpec((None, *value.shape[1:]), value.dtype, name)
            for name, value in self._conditions.items()
        ]

    def _signature(self, photo_spec, conditions, style_specs=(), settings=()):
        """Returns one signature: from photos, or files, and a style."""
        specs = [photo_spec, *style_specs, *settings]

        @tf.function(input_signature=specs, autograph=False)
        def answer(photos, *others):
            count = tf.shape(photos)[0]
            strength, keep_color = tf.ones([count]), tf.zeros([count], bool)
            if settings:
                *_, strength, keep_color = others
                checks = _check_settings(photo_spec.name, photos, *others)
                with tf.control_dependencies(checks):
                    photos = tf.identity(photos)
            if photo_spec is FILES:
                photos, sizes = self._read_all(photos)
                ready = sizes
            else:
                ready = photos = self._checked(photos, photo_spec.name)
            # A function that fails cancels those that run beside it, whose
            # message may be told: what may fail runs one after the other.
            with tf.control_dependencies([ready]):
                styles = [tf.identity(s) for s in others[: len(style_specs)]]
                values = conditions(count, *styles)
            others = (strength, keep_color, *values)
            if photo_spec is FILES:
                return {"comic_bytes": self._in_files(photos, sizes, others)}
            return {"comics": self._in_parts((photos, *others))}

        return answer

    # Styles: the values of the conditions, a row for each photo.

    def _first_style(self, count):
        return [
            tf.repeat(value[:1], count, axis=0)
            for value in self._conditions.values()
        ]

    def _mix(self, count, style_weights):
        sums = tf.reduce_sum(style_weights, axis=-1, keepdims=True)
        # In this form a NaN is refused too.
        valid = tf.reduce_all(style_weights >= 0.0) & tf.reduce_all(
            (sums > 0.0) & (sums < float("inf"))
        )
        message = (
            "`style_weights` must be numbers of at least 0 with a sum above "
            "0. Received: style_weights"
        )
        with tf.control_dependencies([check(valid, message, style_weights)]):
            weights = style_weights / sums
        return [
            tf.tensordot(weights, tf.cast(value, tf.float32), 1)
            for value in self._conditions.values()
        ]

    def _like(self, count, drawings):
        is_file = drawings.dtype == tf.string
        if not is_file:
            drawings = self._checked(drawings, "style_images")
        first = {name: value[:1] for name, value in self._conditions.items()}

        def encode(drawing):
            if is_file:
                drawing = self._read(drawing, "style_image_bytes")
            values = {**first, **self._encode(drawing)}
            return [
                tf.ensure_shape(values[spec.name][0], spec.shape[1:])
                for spec in self._condition_specs()
            ]

        # One after the other, since each may be as large as is allowed.
        return tf.map_fn(
            encode,
            drawings,
            fn_output_signature=[
                tf.TensorSpec(spec.shape[1:], spec.dtype)
                for spec in self._condition_specs()
            ],
            parallel_iterations=1,
        )

    def _name_styles(self):
        spec = tf.TensorSpec((None,), tf.int32, "style_index")
        num_styles = len(self._style_names)

        @tf.function(input_signature=[spec], autograph=False)
        def answer(style_index):
            valid = (style_index >= 0) & (style_index < num_styles)
            message = (
                f"`style_index` must be in [0, {num_styles}). Received: "
                "style_index"
            )
            checks = [check(tf.reduce_all(valid), message, style_index)]
            with tf.control_dependencies(checks):
                names = tf.gather(tf.constant(self._style_names), style_index)
                return {"style_names": names}

        return answer

    # Pictures, several or one by one.

    def _checked(self, images, name):
        size = tf.shape(images)[1:3]
        checks = [
            check(
                tf.reduce_min(size) >= SMALLEST_SIDE,
                f"`{name}` must have sides of at least {SMALLEST_SIDE} "
                "pixels. Received: (height, width)",
                size,
            ),
            check(
                tf.reduce_prod(tf.cast(size, tf.int64)) <= self._max_pixels,
                f"`{name}` must have at most {self._max_pixels} pixels each. "
                "Received: (height, width)",
                size,
            ),
        ]
        with tf.control_dependencies(checks):
            return tf.identity(images)

    def _in_parts(self, inputs):
        """Draws all at once if they are small, else one by one."""

        def one_by_one():
            return tf.map_fn(
                lambda one: self._draw(*[value[tf.newaxis] for value in one])[
                    0
                ],
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
                lambda: self._draw(*inputs),
                one_by_one,
            ],
        )
        comics = tf.reshape(comics, tf.shape(inputs[0]))
        return tf.ensure_shape(comics, IMAGES.shape)

    def _read_all(self, image_bytes):
        """Returns a `TensorArray` of the pictures in files, and their sizes."""
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

    def _read(self, contents, name):
        photo = decode_image(contents, self._max_pixels, self._formats)
        return self._checked(photo[tf.newaxis], name)[0]

    def _in_files(self, photos, sizes, others):
        """Returns the PNG files of comics of pictures."""
        count = tf.shape(sizes)[0]

        def together():
            comics = self._in_parts((photos.stack(), *others))
            return write_png_files(comics, self._png_chunk)

        def one_by_one():
            def write(index):
                photo = photos.read(index)[tf.newaxis]
                rows = [other[index][tf.newaxis] for other in others]
                return write_png(self._draw(photo, *rows)[0], self._png_chunk)

            return map_to_string(write, tf.range(count))

        # A loop begins to count before what it only uses is there.
        with tf.control_dependencies(list(others)):
            same = tf.reduce_all(sizes == sizes[:1])
        return tf.cond(same & (count > 0), together, one_by_one)


class _Network:
    """A generator whose encoder of photos is traced once for all its uses."""

    def __init__(self, generator):
        self._generator = generator
        self.stride = generator.stride
        self.weaken = generator.weaken
        photos = tf.TensorSpec((None, None, None, 3), tf.float32)
        self.photo_conditions = saved_once(photos)(generator.photo_conditions)

    def __call__(self, inputs, training=False):
        return self._generator(inputs, training=training)


def _check_settings(name, photos, *others):
    counts = tf.stack([tf.shape(value)[0] for value in (photos, *others)])
    strength = others[-2]
    return [
        check(
            tf.reduce_all(counts == counts[0]),
            f"Every input must have as many entries as `{name}`. Received: "
            f"({name}, {'style, ' * (len(others) - 2)}strength, keep_color)",
            counts,
        ),
        check(
            tf.reduce_all((strength >= 0.0) & (strength <= 1.0)),
            "`strength` must be in [0, 1]. Received: strength",
            strength,
        ),
    ]
