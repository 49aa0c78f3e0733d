"""Crops of the pictures of records, by the number of the sample."""

import functools
import io
from typing import NamedTuple

import numpy as np
import tensorflow as tf
from google.protobuf.message import DecodeError
from PIL import Image

from keras_comic.data.crops import CELL_SIZE
from keras_comic.data.crops import FLIP
from keras_comic.data.crops import NUM_TRIES
from keras_comic.data.crops import NUM_UNIFORMS
from keras_comic.data.crops import Crops
from keras_comic.data.crops import crop_boxes
from keras_comic.data.crops import excess_blank
from keras_comic.data.image_ops import box_window
from keras_comic.data.image_ops import cut
from keras_comic.data.image_ops import decode_window
from keras_comic.data.image_ops import finish_images
from keras_comic.data.image_ops import resize_square
from keras_comic.data.randomness import random_key
from keras_comic.data.randomness import random_uniforms
from keras_comic.data.record_index import RecordIndex
from keras_comic.data.record_order import RecordOrder
from keras_comic.data.record_order import RecordReader
from keras_comic.data.variants import check_variant
from keras_comic.data.variants import make_variant

JPEG_START = b"\xff\xd8"
# The last bytes of whole files of pictures.
_ENDS = {"JPEG": b"\xff\xd9", "PNG": b"IEND"}


class PictureStream:
    """Makes crops of pictures, in three steps."""

    # Crops to choose from.
    num_tries = 1
    # Whether records of each label come equally often.
    evenly = False
    kinds = ("photos", "comics")

    def __init__(self, records, seed, name, crops, variants=()):
        for variant in variants:
            check_variant(variant)
        if not isinstance(records, RecordIndex):
            records = RecordIndex(records)
        if records.kind not in self.kinds:
            raise ValueError(
                f"The records must hold {' or '.join(self.kinds)}. "
                f"Received: {records.kind} in {records.shards[0]}"
            )
        self.name = name
        self.crops = Crops() if crops is None else crops
        self.variants = tuple(variants)
        self.crop_key = random_key(seed, f"{name} crop")
        labels = records.labels if self.evenly else None
        order = RecordOrder(labels, len(records), seed, name)
        self.reader = RecordReader(records, order, self.parse)

    @property
    def mean_bytes(self):
        """Average size of a record, bytes."""
        return float(np.mean(self.reader.index.lengths))

    def parse(self, data, check):
        """Extracts the needed values from a record's bytes."""
        features = parse_record(data)
        return self.extract(features, picture_size(features), check)

    def extract(self, features, size, check):
        """Extracts the needed values from a record's features."""
        picture = read_picture(features, "image/encoded", size, check)
        parsed = {
            "encoded": picture.encoded,
            "is_jpeg": picture.is_jpeg,
            "sizes": size,
        }
        for variant in self.variants:
            key = f"variant/{variant}"
            encoded, is_jpeg = b"", False
            if string_values(features, key):
                encoded, is_jpeg = read_picture(features, key, size, check)
            parsed[key] = encoded
            parsed[f"{key}/is_jpeg"] = is_jpeg
        return parsed

    def specs(self):
        """Returns the types and shapes of one sample's values in `read`."""
        specs = {
            "boxes": tf.TensorSpec([self.num_tries, 3], "int32"),
            "mirrored": tf.TensorSpec([], "bool"),
            "encoded": tf.TensorSpec([], "string"),
            "is_jpeg": tf.TensorSpec([], "bool"),
            "sizes": tf.TensorSpec([2], "int32"),
        }
        for variant in self.variants:
            specs[f"variant/{variant}"] = specs["encoded"]
            specs[f"variant/{variant}/is_jpeg"] = specs["is_jpeg"]
        return specs

    def read(self, samples):
        """Reads what samples need."""
        parsed, crops = self.parsed(samples), self.crops
        count = NUM_UNIFORMS + 3 * self.num_tries
        uniforms = random_uniforms(self.crop_key, samples, count)
        places = uniforms[:, NUM_UNIFORMS:].reshape(-1, self.num_tries, 3)
        for values, row, numbers in zip(parsed, uniforms, places):
            size = values["sizes"]
            values["boxes"] = crop_boxes(size, numbers, crops.size, crops.zoom)
            values["mirrored"] = crops.flip and row[FLIP] < 0.5
        return [
            _as_array([values[key] for values in parsed], spec)
            for key, spec in self.specs().items()
        ]

    def parsed(self, samples):
        """Reads and parses the records of samples."""
        return self.reader.read(samples)

    def make(self, sample):
        """Makes the crops of one sample."""
        box, pixels = self.choose(sample)
        image = self.fit(pixels)
        images = {self.name: image}
        for variant in self.variants:
            images[f"{self.name}/{variant}"] = self.variant(
                variant, sample, box, image
            )
        return {"images": images, "mirrored": sample["mirrored"]}

    def choose(self, sample):
        """Returns the box of a sample's crop, and its pixels."""
        box = sample["boxes"][0]
        return box, self.decode(sample["encoded"], sample["is_jpeg"], box)

    def decode(self, encoded, is_jpeg, box):
        """Decodes the pixels in a box."""
        return decode_window(encoded, is_jpeg, box_window(box))

    def fit(self, pixels):
        """Resizes the pixels of a box to the size of the crops."""
        return resize_square(pixels, self.crops.size)

    def variant(self, variant, sample, box, image):
        """Returns a variant of a crop: the stored one, or one made of it."""
        encoded = sample[f"variant/{variant}"]
        is_jpeg = sample[f"variant/{variant}/is_jpeg"]
        return tf.cond(
            encoded == "",
            lambda: tf.ensure_shape(
                tf.numpy_function(
                    functools.partial(make_variant, variant),
                    [image],
                    "uint8",
                    stateful=False,
                ),
                image.shape,
            ),
            lambda: self.fit(self.decode(encoded, is_jpeg, box)),
        )

    def finish(self, batch):
        """Turns a batch into floats."""
        return {
            key: finish_images(images, batch["mirrored"])
            for key, images in batch["images"].items()
        }


class ComicStream(PictureStream):
    """Makes crops of drawings, evenly over labels."""

    num_tries = NUM_TRIES
    evenly = True

    def choose(self, sample):
        """Chooses the first crop that is not blank, or the least blank one."""
        # Whole cells around the first crop: most are not blank, and nothing
        # else of the file has to be decoded.
        boxes, size = sample["boxes"], sample["sizes"]
        part = _whole_cells(boxes[0], size)

        def decoded(window):
            return decode_window(sample["encoded"], sample["is_jpeg"], window)

        def excess(image, boxes, start):
            boxes -= tf.concat([start, [0]], axis=0)
            measure = functools.partial(
                excess_blank, limits=self.crops.max_blank
            )
            factors = tf.numpy_function(
                measure, [image, boxes], "float32", stateful=False
            )
            return tf.ensure_shape(factors, boxes.shape[:1])

        def cut_first():
            start = tf.concat([part[:2], [0, 0]], axis=0)
            return boxes[0], cut(first, box_window(boxes[0]) - start)

        def choose_any():
            image = decoded(tf.concat([[0, 0], size], axis=0))
            box = boxes[tf.argmin(excess(image, boxes, [0, 0]))]
            return box, cut(image, box_window(box))

        first = decoded(part)
        blank = excess(first, boxes[:1], part[:2])
        return tf.cond(blank[0] <= 1.0, cut_first, choose_any)


class PairStream(PictureStream):
    """Makes the same crop of a photo and of its comic."""

    kinds = ("pairs",)

    def extract(self, features, size, check):
        comic = read_picture(features, "comic/encoded", size, check)
        return {
            **super().extract(features, size, check),
            "comic": comic.encoded,
            "comic/is_jpeg": comic.is_jpeg,
        }

    def specs(self):
        return {
            **super().specs(),
            "comic": tf.TensorSpec([], "string"),
            "comic/is_jpeg": tf.TensorSpec([], "bool"),
        }

    def make(self, sample):
        box, pixels = self.choose(sample)
        comic = self.decode(sample["comic"], sample["comic/is_jpeg"], box)
        images = {"photos": self.fit(pixels), "comics": self.fit(comic)}
        return {"images": images, "mirrored": sample["mirrored"]}


class ChoiceStream:
    """Says yes or no to each sample at random, in the steps of the others."""

    mean_bytes = 0.0

    def __init__(self, seed, name, fraction):
        self.name = name
        self.fraction = fraction
        self.key = random_key(seed, name)

    def specs(self):
        return {self.name: tf.TensorSpec([], "bool")}

    def read(self, samples):
        return [random_uniforms(self.key, samples, 1)[:, 0] < self.fraction]

    def make(self, sample):
        return sample

    finish = make


def _whole_cells(box, size):
    """Returns the window of the cells that a box touches."""
    end = -(-(box[:2] + box[2]) // CELL_SIZE) * CELL_SIZE
    start = box[:2] // CELL_SIZE * CELL_SIZE
    return tf.concat([start, tf.minimum(end, size) - start], axis=0)


class EncodedPicture(NamedTuple):
    """A JPEG or PNG file of a record."""

    encoded: bytes
    is_jpeg: bool


def parse_record(data):
    """Parses the bytes of a record."""
    try:
        return tf.train.Example.FromString(data).features.feature
    except DecodeError:
        raise ValueError("it cannot be parsed") from None


def string_values(features, key):
    """Returns the strings of a feature; none where it is missing."""
    return features[key].bytes_list.value if key in features else ()


def picture_size(features):
    """Returns the size that a record says its pictures have."""
    size = []
    for key in ("image/height", "image/width"):
        values = features[key].int64_list.value if key in features else ()
        if len(values) != 1 or values[0] < 1:
            raise ValueError(f"its `{key}` is missing")
        size.append(values[0])
    return tuple(size)


def read_picture(features, key, size, check):
    """Returns the file of a picture in a record."""
    values = string_values(features, key)
    if len(values) != 1:
        raise ValueError(f"its `{key}` is missing")
    return encoded_picture(values[0], key, size, check)


def encoded_picture(encoded, key, size, check):
    """Checks that a file of a record is a whole picture of the right size."""
    if check:
        file = io.BytesIO(encoded)
        try:
            image = Image.open(file, formats=("JPEG", "PNG"))
        except (OSError, ValueError, SyntaxError):
            image = None
        if image is None or image.size[::-1] != size:
            raise ValueError(
                f"its `{key}` is not a JPEG or PNG file of {size[1]}x{size[0]} "
                "pixels"
            )
        # Pillow has read the header, where a thumbnail has an end of its own.
        end = _ENDS["JPEG" if encoded[:2] == JPEG_START else "PNG"]
        if encoded.rfind(end, file.tell()) < 0:
            raise ValueError(f"its `{key}` is cut off")
    return EncodedPicture(encoded, encoded[:2] == JPEG_START)


def string_array(values):
    """Makes an array of strings for `tf.numpy_function`."""
    # NumPy's own array of bytes would lose zeros at the end.
    array = np.empty(len(values), object)
    array[:] = values
    return array


def _as_array(values, spec):
    if spec.dtype != tf.string:
        return np.array(values, spec.dtype.as_numpy_dtype)
    if spec.shape.rank == 0:
        return string_array(values)
    return np.stack([string_array(strings) for strings in values])
