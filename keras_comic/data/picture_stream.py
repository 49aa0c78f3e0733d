"""Crops of the pictures of records, by the number of the sample."""

import functools

import numpy as np
import tensorflow as tf

from keras_comic.data.crops import FLIP
from keras_comic.data.crops import NUM_UNIFORMS
from keras_comic.data.crops import Crops
from keras_comic.data.crops import crop_boxes
from keras_comic.data.image_ops import box_window
from keras_comic.data.image_ops import decode_window
from keras_comic.data.image_ops import finish_images
from keras_comic.data.image_ops import resize_square
from keras_comic.data.randomness import random_key
from keras_comic.data.randomness import random_uniforms
from keras_comic.data.record_fields import parse_record
from keras_comic.data.record_fields import picture_size
from keras_comic.data.record_fields import read_picture
from keras_comic.data.record_fields import string_array
from keras_comic.data.record_fields import string_values
from keras_comic.data.record_index import RecordIndex
from keras_comic.data.record_order import RecordOrder
from keras_comic.data.record_order import RecordReader
from keras_comic.data.variants import check_variant
from keras_comic.data.variants import make_variant


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


def _as_array(values, spec):
    if spec.dtype != tf.string:
        return np.array(values, spec.dtype.as_numpy_dtype)
    if spec.shape.rank == 0:
        return string_array(values)
    return np.stack([string_array(strings) for strings in values])
