"""Crops of the pictures of records, by the number of the sample."""

import numpy as np
import tensorflow as tf

from keras_comic.data.graph_variants import variant_of
from keras_comic.data.image_ops import decode_window
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


class PictureStream:
    """Makes crops of pictures, in four steps.

    `read` gets what samples need from the records, with NumPy, for a block of
    samples at once; `prepare` plans their crops, in the graph, for the block;
    `make` decodes one sample; `finish` turns a batch into floats. Everything
    is a function of the arguments and of the sample's number.

    Args:
        records: Records, as in `read_records`, or a `RecordIndex`.
        seed: Integer.
        name: String, the key of the crops in a batch. The random numbers
            depend on it.
        cropper: `Cropper`.
        variants: Sequence of strings. Variants of the crops to give too, with
            the keys `<name>/<variant>`.
    """

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
        """Bytes of a record, on average."""
        return float(np.mean(self.reader.index.lengths))

    def parse(self, data, check):
        """What is wanted of a record.

        Args:
            data: Bytes.
            check: Boolean. Whether its files are to be checked.

        Returns:
            Dict of what becomes arrays, by the keys of `specs`.
        """
        features = parse_record(data)
        return self.extract(features, picture_size(features), check)

    def extract(self, features, size, check):
        """What is wanted of the features of a record.

        Args:
            features: Mapping from `parse_record`.
            size: Height and width of its pictures, pixels.
            check: Boolean. Whether its files are to be checked.

        Returns:
            As from `parse`.
        """
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
                encoded, is_jpeg, *_ = read_picture(features, key, size, check)
            parsed[key] = encoded
            parsed[f"{key}/is_jpeg"] = is_jpeg
        return parsed

    def specs(self):
        """The types and shapes of what `read` gives, for one sample.

        Returns:
            Dict of `tf.TensorSpec`.
        """
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
        """Reads what samples need.

        Args:
            samples: Int64 array `(samples,)`.

        Returns:
            List of arrays, each `(samples, ...)`, in the order of `specs`.
        """
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
        """What is wanted of the records of samples.

        Args:
            samples: Int64 array `(samples,)`.

        Returns:
            List of what `parse` gives.
        """
        return self.reader.read(samples)

    def prepare(self, block):
        """Plans the crops of a block of samples.

        Args:
            block: Dict of tensors, what `read` gave.

        Returns:
            Dict of tensors, and of dicts of them, each `(samples, ...)`.
        """
        block = dict(block)
        crops, changes = self.cropper.plan(
            block.pop("sizes"), block.pop("uniforms"), parts=[]
        )
        return {**block, "crops": crops, "changes": changes}

    def make(self, sample):
        """Makes the crops of one sample.

        Args:
            sample: Dict of tensors, of `prepare` without the first axis.

        Returns:
            Dict of `"images"`, a dict of uint8 images, and `"changes"`, what
            `finish` needs besides.
        """
        crop, pixels = self.choose(sample)
        image = self.cropper.fit(pixels, crop)
        images = {self.name: image}
        for variant in self.variants:
            images[f"{self.name}/{variant}"] = self.variant(
                variant, sample, crop, image
            )
        return {"images": images, "changes": sample["changes"]}

    def choose(self, sample):
        """The crop of a sample, and the pixels of its window.

        Args:
            sample: Dict of tensors, of `prepare` without the first axis.

        Returns:
            Dict of tensors, of `Cropper.plan`, of one crop, and uint8
            `(height, width, 3)`.
        """
        crop = {key: value[0] for key, value in sample["crops"].items()}
        return crop, self.decode(sample["encoded"], sample["is_jpeg"], crop)

    def decode(self, encoded, is_jpeg, crop):
        """Decodes the window of a crop.

        Args:
            encoded: String scalar, the file.
            is_jpeg: Boolean scalar.
            crop: Dict of tensors, of `Cropper.plan`, of one crop.

        Returns:
            Uint8 `(height, width, 3)`.
        """
        ratio = crop.get("ratio", tf.constant(1))
        return decode_window(
            encoded,
            is_jpeg,
            ratio,
            crop["window"],
            self.cropper.largest_ratio,
        )

    def variant(self, variant, sample, crop, image):
        """A variant of a crop: as it is stored, else made of the crop.

        Args:
            variant: String.
            sample: Dict of tensors, of `prepare` without the first axis.
            crop: Dict of tensors, of `Cropper.plan`, of one crop.
            image: Uint8 `(image_size, image_size, 3)`, the crop.

        Returns:
            Uint8 `(image_size, image_size, 3)`.
        """
        encoded = sample[f"variant/{variant}"]
        is_jpeg = sample[f"variant/{variant}/is_jpeg"]
        return tf.cond(
            encoded == "",
            lambda: variant_of(variant, image),
            lambda: self.cropper.fit(self.decode(encoded, is_jpeg, crop), crop),
        )

    def finish(self, batch):
        """Turns a batch into floats.

        Args:
            batch: Dict of tensors, of `make`, with a first axis.

        Returns:
            Dict of tensors: float32 `(batch, image_size, image_size, 3)`, RGB
            in `[-1, 1]`.
        """
        return {
            key: self.cropper.finish(images, batch["changes"])
            for key, images in batch["images"].items()
        }


def _as_array(values, spec):
    if spec.dtype != tf.string:
        return np.array(values, spec.dtype.as_numpy_dtype)
    if spec.shape.rank == 0:
        return string_array(values)
    return np.stack([string_array(strings) for strings in values])
