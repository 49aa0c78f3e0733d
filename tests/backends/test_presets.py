import numpy as np

import keras_comic
from tests.test_case import BACKEND
from tests.test_case import TestCase
from tests.test_case import photos

TOLERANCE = 1e-4


class PresetsTest(TestCase):
    def test_golden_numbers(self):
        presets = keras_comic.list_presets()
        if not presets:
            self.skipTest("zoo/ holds no preset")
        for name in presets:
            with self.subTest(preset=name):
                # They were stored by TensorFlow.
                self.assertLessEqual(keras_comic.verify_preset(name), TOLERANCE)

    def test_saved_and_loaded(self):
        folder = self.temporary_folder() / "preset"
        generator = keras_comic.AdaINGenerator.light((4, 8, 4, 4), 1, 8)
        generator.add_style("ink", photos(32, 40, 3))
        keras_comic.save_to_preset(generator, folder)
        self.assertLessEqual(keras_comic.verify_preset(folder), TOLERANCE)
        revived = keras_comic.from_preset(folder)
        photo = photos(33, 47, 3, seed=1)
        difference = np.abs(
            revived.stylize(photo, "ink").astype(int)
            - generator.stylize(photo, "ink").astype(int)
        )
        self.assertLessEqual(difference.max(), 1)


class OtherBackendTest(TestCase):
    def test_training_says_that_it_needs_another(self):
        if BACKEND in ("tensorflow", "jax", "torch"):
            self.skipTest("this backend trains")
        gan = keras_comic.StyleTransferGAN(
            keras_comic.AdaINGenerator.light((4, 8, 4, 4), 1, 8),
            keras_comic.PatchDiscriminator(4),
            keras_comic.FeatureNetwork((1, 1, 3), (4, 4, 4)),
        )
        with self.assertRaisesRegex(
            RuntimeError, f"Received: KERAS_BACKEND='{BACKEND}'"
        ):
            gan.compile()
