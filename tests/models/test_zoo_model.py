import copy

import keras
import numpy as np
import pytest

from keras_comic.models.zoo_model import ZooModel
from keras_comic.models.zoo_model import example_pattern
from tests.test_case import BACKEND
from tests.test_case import TestCase
from tests.test_case import photos
from tests.tiny_families import TinyCodes
from tests.tiny_families import TinyComic
from tests.tiny_families import TinyPainter
from tests.video.runners import small_generator


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

    def test_a_copy_knows_its_preset(self):
        generator = TinyComic()
        generator.preset_name, generator.preset_version = "ink", "3"
        copied = copy.deepcopy(generator)
        self.assertEqual(copied.provenance, generator.provenance)
        picture = photos(32, 40, 3)
        expected = generator.stylize(picture)
        self.assertAllEqual(copied.stylize(picture), expected)

    def test_settings_of_keras(self):
        picture, style = photos(32, 40, 3), photos(32, 32, 3)
        expected = small_generator().stylize(picture, style)
        keras.config.set_image_data_format("channels_first")
        self.addCleanup(keras.config.set_image_data_format, "channels_last")
        keras.config.set_dtype_policy("float64")
        generator = small_generator()
        self.assertEqual(generator.dtype_policy.name, "float32")
        self.assertAllEqual(generator.stylize(picture, style), expected)

    @pytest.mark.skipif(BACKEND != "tensorflow", reason="writes a SavedModel")
    def test_export(self):
        import tensorflow as tf

        for model in (TinyComic(), TinyPainter(), TinyCodes()):
            folder = str(self.temporary_folder() / "exported")
            model.export(folder, verbose=False)
            inputs = model.example_inputs()
            loaded = tf.saved_model.load(folder)
            served = loaded.serve(
                {n: np.concatenate([v, v]) for n, v in inputs.items()}
            )
            for output in served:
                self.assertAllClose(output, model(inputs)[0], atol=1e-5)
