import base64
import pickle

import numpy as np

from keras_comic.models.features.weight_files import read_torch_weights
from tests.metrics.golden import golden
from tests.test_case import TestCase


class Sneaky:
    """Runs code when it is unpickled by the usual means."""

    def __reduce__(self):
        return (open, ("sneaked.txt", "w"))


class TorchWeightsTest(TestCase):
    def write(self, contents, name="weights.pth"):
        path = self.temporary_folder() / name
        path.write_bytes(contents)
        return path

    def golden_file(self, form):
        return base64.b64decode(golden()["torch_files"][form])

    def test_files_of_torch(self):
        for form in ("archive", "legacy"):
            with self.subTest(form=form):
                arrays = read_torch_weights(self.write(self.golden_file(form)))
                self.assertEqual(
                    sorted(arrays),
                    ["matrix", "parameter", "part", "scalar", "transposed"],
                )
                numbers = np.arange(6.0).reshape(2, 3)
                self.assertAllEqual(arrays["matrix"], numbers)
                self.assertDType(arrays["matrix"], "float32")
                self.assertAllEqual(arrays["transposed"], numbers.T)
                self.assertDType(arrays["transposed"], "float64")
                self.assertAllEqual(arrays["part"], [3, 4, 5, 6])
                self.assertDType(arrays["part"], "int64")
                self.assertAllEqual(arrays["scalar"], 2.5)
                self.assertAllEqual(arrays["parameter"], [1.0, 1.0])
                self.assertDType(arrays["parameter"], "float16")

    def test_code_is_not_run(self):
        path = self.write(pickle.dumps(Sneaky()))
        with self.assertRaisesRegex(ValueError, r"names _?io\.open"):
            read_torch_weights(path)
        self.assertFalse((path.parent / "sneaked.txt").exists())

    def test_damaged_files(self):
        for form in ("archive", "legacy"):
            contents = self.golden_file(form)
            for damaged in (contents[:-40], contents[: len(contents) // 2]):
                with self.assertRaisesRegex(ValueError, "a dict of tensors"):
                    read_torch_weights(self.write(damaged))
        for contents in (b"", b"no tensors", pickle.dumps({"a": 1})):
            with self.assertRaisesRegex(
                ValueError, "Received: '.*weights.pth' "
            ):
                read_torch_weights(self.write(contents))

    def test_file_that_is_not_there(self):
        with self.assertRaises(FileNotFoundError):
            read_torch_weights(self.temporary_folder() / "none.pth")
