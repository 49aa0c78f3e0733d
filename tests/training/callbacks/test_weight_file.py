import keras
import numpy as np

from keras_comic.training.callbacks.weight_file import read_arrays
from keras_comic.training.callbacks.weight_file import restore_variables
from keras_comic.training.callbacks.weight_file import write_variables
from tests.test_case import TestCase


class WeightFileTest(TestCase):
    def setUp(self):
        self.path = self.temporary_folder() / "run" / "weights.npz"
        self.variables = {
            "generator/0000": keras.Variable([[1.5, -2.0]]),
            "step_counter/0000": keras.Variable(7, dtype="int32"),
        }
        write_variables(self.path, self.variables, {"epoch": 3, "best": None})

    def test_restored_as_written(self):
        kernel, counter = self.variables.values()
        kernel.assign([[0.0, 0.0]])
        counter.assign(0)
        facts = restore_variables(self.path, self.variables)
        self.assertEqual(facts, {"epoch": 3, "best": None})
        self.assertAllEqual(kernel, [[1.5, -2.0]])
        self.assertAllEqual(counter, 7)

    def test_whole_or_not_at_all(self):
        with self.assertRaises(TypeError):
            write_variables(self.path, {}, {"no JSON": {1, 2}})
        self.assertEqual(read_arrays(self.path)[1]["epoch"], 3)
        self.assertEqual(list(self.path.parent.iterdir()), [self.path])

    def test_other_variables(self):
        kernel = keras.Variable([1.0])
        variables = {**self.variables, "generator/0000": kernel}
        variables["more"] = kernel
        with self.assertRaisesRegex(
            ValueError,
            "is of other networks or optimizers; .* Received: 2 differing "
            r"arrays, the first 'generator/0000': \(1, 2\) stored, \(1,\) ",
        ):
            restore_variables(self.path, variables)
        self.assertAllEqual(kernel, [1.0])

    def test_broken_file(self):
        self.path.write_bytes(b"nothing of the kind")
        with self.assertRaisesRegex(
            ValueError, "weights.npz' cannot be read: .*Remove it to begin anew"
        ):
            read_arrays(self.path)
        np.savez(self.path, kernel=np.zeros(2))
        with self.assertRaisesRegex(ValueError, "cannot be read: .*__facts__"):
            read_arrays(self.path)
