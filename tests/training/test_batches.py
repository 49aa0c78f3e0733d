import inspect

import keras
import numpy as np
import pytest
from absl.testing import parameterized

from keras_comic.training.batches import as_batch
from keras_comic.training.batches import check_data
from tests.test_case import TestCase
from tests.test_case import requires_tensorflow

NAMES = ("photos", "drawings")


def floats(low=-1.0, high=1.0, count=4):
    return np.random.uniform(low, high, (count, 8, 8, 3)).astype("float32")


class Pictures(keras.utils.PyDataset):
    num_batches = 2

    def __getitem__(self, index):
        return {"photos": floats(), "drawings": floats()}


class BatchesTest(TestCase, parameterized.TestCase):
    def test_forms(self):
        photos, drawings = floats(), floats()
        expected = {"photos": photos, "drawings": drawings}
        for data in (
            expected,
            (expected,),
            (photos, drawings),
            ((photos, drawings),),
            [photos, drawings],
        ):
            batch = as_batch(data, NAMES)
            self.assertEqual(list(batch), list(NAMES))
            self.assertAllEqual(batch["drawings"], drawings)
        # A family that names nothing gets what came.
        self.assertAllEqual(as_batch((photos, drawings))[1], drawings)

    @parameterized.parameters("uint8", "int32", "float64")
    def test_types(self, dtype):
        pixels = np.random.randint(0, 256, (2, 8, 8, 3))
        expected = (pixels / 127.5 - 1.0).astype("float32")
        given = expected if dtype == "float64" else pixels
        batch = as_batch({"photos": given.astype(dtype), "label": [1]})
        self.assertDType(batch["photos"], "float32")
        self.assertAllClose(batch["photos"], expected, atol=1e-6)

    def test_labels_stay(self):
        batch = as_batch({"photos": floats(), "label": np.arange(4)})
        self.assertAllEqual(batch["label"], np.arange(4))

    def test_what_is_refused(self):
        with self.assertRaisesRegex(ValueError, "'photos', 'drawings'"):
            as_batch({"photo": floats()}, NAMES)
        with self.assertRaisesRegex(ValueError, "sample_weight"):
            as_batch((floats(), floats(), np.ones(4)), NAMES)

    @parameterized.parameters((0.0, 255.0), (-127.0, 128.0), (-3.0, 3.0))
    def test_ranges(self, low, high):
        data = {"photos": floats(), "drawings": floats(low, high)}
        with self.assertRaisesRegex(ValueError, r"\[-1, 1\].*drawings from"):
            check_data(data, None, NAMES)
        with self.assertRaisesRegex(ValueError, "drawings from"):
            check_data(floats(), floats(low, high), NAMES)

    def test_pale_pictures_are_a_warning(self):
        with pytest.warns(UserWarning, match=r"look like \[0, 1\]"):
            check_data(floats(0.0, 1.0), None)

    def test_nothing_is_taken_from_a_generator(self):
        batches = ({"photos": floats() * 0.5} for _ in range(3))
        batches = check_data(batches, None)
        # What Keras's `fit` takes.
        self.assertTrue(inspect.isgenerator(batches))
        self.assertLen(list(batches), 3)

    def test_datasets(self):
        check_data(Pictures(), None, NAMES)
        with self.assertRaisesRegex(ValueError, "'photos', 'others'"):
            check_data(Pictures(), None, ("photos", "others"))

    @requires_tensorflow
    def test_tensorflow_datasets(self):
        import tensorflow as tf

        for data in ((floats(), floats() * 200), (floats() * 200, floats())):
            dataset = tf.data.Dataset.from_tensor_slices(data).batch(2)
            with self.assertRaisesRegex(ValueError, "Received: .* from"):
                check_data(dataset, None, NAMES)
