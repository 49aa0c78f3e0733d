import numpy as np

from keras_comic.models.zoo_model import ZooModel
from keras_comic.models.zoo_model import example_pattern
from tests.test_case import TestCase


class ZooModelTest(TestCase):
    def test_a_family_gives_an_example(self):
        with self.assertRaisesRegex(
            NotImplementedError, "`ZooModel` must override `example_inputs"
        ):
            ZooModel().example_output()

    def test_provenance(self):
        model = ZooModel()
        model.preset_name, model.preset_version = "ink", "3"
        self.assertEqual(model.provenance.preset, "ink")
        self.assertEqual(model.provenance.version, "3")

    def test_example_pattern(self):
        pattern = example_pattern(8, 9, 0.5)
        self.assertShape(pattern, (1, 8, 9, 3))
        self.assertLessEqual(np.abs(pattern).max(), 1.0)
        # Rows in six, columns in five, a wave of another length a channel.
        expected = np.sin(6.0 / 7 * 1.5 + 0.5) * np.cos(5.0 / 8 * 2 + 1 + 0.5)
        self.assertAllClose(pattern[0, 1, 2, 1], expected, atol=1e-6)
