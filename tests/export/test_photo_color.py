"""Tests for the photo's colours inside a graph."""

import numpy as np
import tensorflow as tf
from absl.testing import parameterized
from skimage import data

from keras_comic.export.photo_color import keep_photo_color
from keras_comic.models import pictures


class KeepPhotoColorTest(parameterized.TestCase):
    @parameterized.product(
        sample=("astronaut", "coffee", "rocket"), gain=(0.05, 0.8, 2.0)
    )
    def test_equals_that_of_stylize(self, sample, gain):
        photo = getattr(data, sample)()[:61, :90]
        random = np.random.default_rng(0)
        noise = random.normal(0, 60, 3) + random.normal(0, 20, photo.shape)
        comic = np.clip(photo * gain + noise, 0, 255).astype("float32")
        expected = pictures.keep_photo_color(comic[None], photo[None])[0]
        found = keep_photo_color(
            tf.constant(comic), tf.cast(photo, tf.float32)
        ).numpy()
        np.testing.assert_allclose(found, expected, atol=2e-4)

    def test_inside_a_graph_of_any_size(self):
        spec = tf.TensorSpec((None, None, 3), tf.float32)
        function = tf.function(keep_photo_color, input_signature=[spec, spec])
        for height in (8, 13):
            grey = np.full((height, 9, 3), 128, "float32")
            red = np.zeros((height, 9, 3), "float32") + [200, 80, 80]
            comic = function(grey, red.astype("float32")).numpy()
            expected = pictures.keep_photo_color(
                grey[None], red[None].astype("uint8")
            )
            np.testing.assert_allclose(comic, expected[0], atol=2e-4)
            # Of grey pixels only the lightness is left.
            self.assertGreater(comic[0, 0, 0], comic[0, 0, 1] + 50)
