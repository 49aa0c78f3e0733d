import numpy as np

from keras_comic.layers.instance_noise import InstanceNoise
from tests.test_case import TestCase
from tests.test_case import compiled
from tests.test_case import input_gradient
from tests.test_case import noise


class InstanceNoiseTest(TestCase):
    def test_deviation_falls_to_0(self):
        layer = InstanceNoise(0.4, decay_steps=10, seed=1)
        images = noise(4, 33, 31, 3)
        for step, expected in ((0, 0.4), (5, 0.2), (9, 0.04)):
            added = self.numpy(layer(images, step=step)) - images
            self.assertAllClose(added.std(), expected, rtol=0.05)
            self.assertAllClose(added.mean(), 0.0, atol=0.01)
        for step in (10, 50):
            self.assertAllEqual(layer(images, step=step), images)

    def test_gradient_is_that_of_the_images(self):
        layer = InstanceNoise(0.4, seed=1)
        images = noise(1, 5, 7, 3)
        found = input_gradient(lambda x: layer(x), images)
        self.assertAllClose(found, np.ones_like(images))

    def test_compiled(self):
        images = noise(1, 5, 7, 3)
        layer, other = (InstanceNoise(0.4, seed=1) for _ in range(2))
        found = compiled(lambda x: layer(x, step=2))(images)
        self.assertAllClose(found, other(images, step=2), 1e-5, 1e-5)

    def test_config(self):
        layer = InstanceNoise(0.3, decay_steps=7, seed=2)
        self.run_config_test(layer)
        self.assertEqual(layer.get_config()["decay_steps"], 7)

    def test_errors(self):
        with self.assertRaisesRegex(ValueError, "Received: stddev=-1.0"):
            InstanceNoise(-1.0)
        with self.assertRaisesRegex(ValueError, "Received: decay_steps=0"):
            InstanceNoise(0.1, 0)
