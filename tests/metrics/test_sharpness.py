import numpy as np
from skimage import data
from skimage import filters

from keras_comic.metrics.sharpness import Sharpness
from tests.test_case import TestCase
from tests.test_case import noise


class SharpnessTest(TestCase):
    def test_by_hand(self):
        # One white pixel in the middle of 3 x 3 black ones: 2 of 6 steps to
        # the right, and 2 of 6 down, in one of three channels.
        images = np.full((1, 3, 3, 3), -1.0, "float32")
        images[0, 1, 1, 0] = 1.0
        metric = Sharpness()
        metric.update_state(images)
        self.assertAllClose(metric.result(), (2 / 6 + 2 / 6) / 3)

    def test_by_numpy(self):
        images = noise(3, 7, 9, 3)
        metric = Sharpness()
        metric.update_state(images[:2])
        metric.update_state(images[2:])
        pictures = (images.astype("float64") + 1) / 2
        expected = (np.diff(pictures, axis=1) ** 2).mean() + (
            np.diff(pictures, axis=2) ** 2
        ).mean()
        self.assertAllClose(metric.result(), expected, rtol=1e-4)
        self.assertEqual(metric.report().protocol["images"], 3)
        self.assertNotIn("pairs", metric.report().protocol)

    def test_blur(self):
        photo = data.astronaut()[None, 100:164, 200:264]
        photo = photo.astype("float32") / 127.5 - 1.0
        values = []
        for deviation in (0.0, 0.5, 1.0, 2.0):
            blurred = filters.gaussian(photo[0], deviation, channel_axis=-1)
            metric = Sharpness()
            metric.update_state(blurred[None].astype("float32"))
            values.append(float(metric.result()))
        self.assertEqual(values, sorted(values, reverse=True))
        self.assertLess(values[2], 0.6 * values[0])

    def test_errors(self):
        with self.assertRaisesRegex(ValueError, "at least 2 pixels"):
            Sharpness().update_state(noise(1, 1, 5, 3))
        with self.assertRaisesRegex(TypeError, "float dtype"):
            Sharpness().update_state(np.zeros((1, 4, 4, 3), "uint8"))
