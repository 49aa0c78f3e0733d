import numpy as np

from keras_comic.training.callbacks.weight_file import read_arrays
from keras_comic.training.callbacks.weight_file import write_arrays
from tests.test_case import TestCase


class WeightFileTest(TestCase):
    def setUp(self):
        self.path = self.temporary_folder() / "run" / "weights.npz"
        self.arrays = {
            "generator/0000": np.array([[1.5, -2.0]], "float32"),
            "step_counter/0000": np.array(7, "int32"),
        }
        write_arrays(self.path, self.arrays, {"epoch": 3, "best": None})

    def test_read_as_written(self):
        arrays, facts = read_arrays(self.path)
        self.assertEqual(facts, {"epoch": 3, "best": None})
        self.assertEqual(list(arrays), list(self.arrays))
        for name, array in arrays.items():
            self.assertAllEqual(array, self.arrays[name])
            self.assertEqual(array.dtype, self.arrays[name].dtype)

    def test_whole_or_not_at_all(self):
        with self.assertRaises(TypeError):
            write_arrays(self.path, {}, {"no JSON": {1, 2}})
        self.assertEqual(read_arrays(self.path)[1]["epoch"], 3)
        self.assertEqual(list(self.path.parent.iterdir()), [self.path])

    def test_broken_file(self):
        self.path.write_bytes(b"nothing of the kind")
        with self.assertRaisesRegex(
            ValueError, "weights.npz' cannot be read: .*Remove it to begin anew"
        ):
            read_arrays(self.path)
        np.savez(self.path, **self.arrays)
        with self.assertRaisesRegex(ValueError, "cannot be read: .*__facts__"):
            read_arrays(self.path)
