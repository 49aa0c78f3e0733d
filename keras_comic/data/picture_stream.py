"""Crops of the pictures of records, by the number of the sample."""

import functools

import numpy as np
import tensorflow as tf

from keras_comic.data.cropper import finish_images
from keras_comic.data.image_ops import decode_window
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
    """Makes crops of pictures, in four steps."""

    # Crops to choose from.
    num_tries = 1
    # Whether records of each label come equally often.
    evenly = False
    kinds = ("photos", "comics")

    def __init__(self, records, seed, name, cropper, variants=()):
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
        self.cropper = cropper
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
            "uniforms": tf.TensorSpec(
                [self.cropper.num_uniforms(self.num_tries)], "float32"
            ),
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
        uniforms = random_uniforms(
            self.crop_key,
            samples,
            self.cropper.num_uniforms(self.num_tries),
        )
        parsed = self.parsed(samples)
        return [
            uniforms
            if key == "uniforms"
            else _as_array([values[key] for values in parsed], spec)
            for key, spec in self.specs().items()
        ]

    def parsed(self, samples):
        """Reads and parses the records of samples."""
        return self.reader.read(samples)

    def prepare(self, block):
        """Plans the crops of a block of samples."""
        block = dict(block)
        crops = self.cropper.plan(block["sizes"], block.pop("uniforms"))
        return {**block, "mirrored": crops.pop("mirrored"), "crops": crops}

    def make(self, sample):
        """Makes the crops of one sample."""
        crop, pixels = self.choose(sample)
        image = self.fit(pixels)
        images = {self.name: image}
        for variant in self.variants:
            images[f"{self.name}/{variant}"] = self.variant(
                variant, sample, crop, image
            )
        return {"images": images, "mirrored": sample["mirrored"]}

    def choose(self, sample):
        """Returns the crop of a sample, and the pixels of its window."""
        crop = {key: value[0] for key, value in sample["crops"].items()}
        return crop, self.decode(sample["encoded"], sample["is_jpeg"], crop)

    def decode(self, encoded, is_jpeg, crop):
        """Decodes the window of a crop."""
        largest_ratio = self.cropper.largest_ratio
        return decode_window(
            encoded, is_jpeg, crop["ratio"], crop["window"], largest_ratio
        )

    def fit(self, pixels):
        """Resizes the pixels of a window to the size of the crops."""
        return resize_square(pixels, self.cropper.crops.size)

    def variant(self, variant, sample, crop, image):
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
            lambda: self.fit(self.decode(encoded, is_jpeg, crop)),
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
        crop, pixels = self.choose(sample)
        comic = self.decode(sample["comic"], sample["comic/is_jpeg"], crop)
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

    def prepare(self, block):
        return block

    make = prepare
    finish = prepare


def _as_array(values, spec):
    if spec.dtype != tf.string:
        return np.array(values, spec.dtype.as_numpy_dtype)
    if spec.shape.rank == 0:
        return string_array(values)
    return np.stack([string_array(strings) for strings in values])
