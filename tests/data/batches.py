"""Taking batches from datasets, and records to make them of."""

import itertools

import numpy as np
import tensorflow as tf

from keras_comic.data.sample_pipeline import make_batches
from tests.data.small_records import picture_record
from tests.data.small_records import write_shards
from tests.test_case import TestCase
from tests.test_case import photos


def take(dataset, count):
    """The first batches of a dataset, as NumPy arrays."""
    return [
        tf.nest.map_structure(lambda x: x.numpy(), batch)
        for batch in itertools.islice(dataset, count)
    ]


def samples_of(stream, count, batch_size=None):
    """What a stream makes of its first samples: dict of arrays."""
    return take(make_batches([stream], batch_size or count, 0, (0, 1)), 1)[0]


def levels(images):
    """Floats in `[-1, 1]` as levels in `[0, 255]`."""
    return np.round((images + 1) * 127.5).astype(int)


class DatasetTestCase(TestCase):
    """The base of tests of datasets."""

    def setUp(self):
        super().setUp()
        self.folder = self.temporary_folder()

    def write(self, name, records, num_shards=1):
        """Writes records into a folder and returns it."""
        write_shards(self.folder / name, records, num_shards)
        return self.folder / name

    def write_noise(self, name, count=5, height=24, width=32, **arguments):
        """Writes records of noise, every other one a JPEG."""
        records = [
            picture_record(
                photos(height, width, 3, seed=i),
                file_format=("png", "jpeg")[i % 2],
                **arguments,
            )
            for i in range(count)
        ]
        return self.write(name, records)

    def write_flat(self, name, colors, size=16, **arguments):
        """Writes records of one colour each: dict of labels to colours."""
        records = [
            picture_record(
                np.full((size, size, 3), color, "uint8"), label, **arguments
            )
            for label, some in colors.items()
            for color in some
        ]
        return self.write(name, records)

    def assertSameBatches(self, actual, expected):
        self.assertEqual(len(actual), len(expected))
        for one, other in zip(actual, expected):
            tf.nest.map_structure(self.assertAllEqual, one, other)
