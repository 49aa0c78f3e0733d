import keras
import numpy as np

from keras_comic.training import GAN
from keras_comic.training.average import average_decay
from keras_comic.training.average import copy_network
from keras_comic.training.average import update_average
from tests.test_case import TestCase
from tests.training.small_gan import make_small_gan


class Forgetful(keras.layers.Layer):
    """Its config does not say how many weights it has."""

    def __init__(self, count=0):
        super().__init__()
        for number in range(count):
            self.add_weight(shape=(), name=f"weight_{number}")
        self.built = True

    def get_config(self):
        return {}


def make_network():
    return keras.Sequential(
        [
            keras.Input((2,)),
            keras.layers.Dense(1),
            keras.layers.Dropout(0.5, seed=3),
        ]
    )


class AverageTest(TestCase):
    def test_average_moves_towards_the_network(self):
        network = make_network()
        network.set_weights([np.array([[1.0], [2.0]]), np.array([3.0])])
        average = copy_network(network, "generator")
        self.assertFalse(average.trainable)
        self.assertUnmoved(average.weights, network.get_weights())
        network(np.ones((1, 2)), training=True)
        network.set_weights([np.array([[5.0], [-2.0]]), np.array([3.0])])
        update_average(average, network, 0.75)
        # A quarter of the way.
        self.assertAllClose(average.weights[0], [[2.0], [1.0]])
        self.assertAllClose(average.weights[1], [3.0])
        # Integers are copied: the seed, and one call of it.
        self.assertAllEqual(average.variables[-1], [3, 1])

    def test_decay_is_ramped_up(self):
        decays = [
            float(self.numpy(average_decay(0.4, n))) for n in (0, 1, 2, 5, 99)
        ]
        self.assertAllClose(decays, [0.1, 2 / 11, 0.25, 0.4, 0.4])

    def test_config_without_all_weights(self):
        with self.assertRaisesRegex(ValueError, "Received: 0 of 2 weights"):
            copy_network(Forgetful(2), "generator")

    def test_networks_that_are_not_built(self):
        gan = make_small_gan()
        unbuilt = keras.Sequential([keras.layers.Conv2D(3, 3)])
        with self.assertRaisesRegex(
            ValueError,
            "call it once on a batch before it is given to the GAN, as in "
            r"`generator\(np.zeros\(\(1, 64, 64, 3\), \"float32\"\)\)`.*"
            "generator.built=False",
        ):
            GAN(unbuilt, gan.discriminator)
        with self.assertRaisesRegex(
            ValueError, "`discriminator` must be built"
        ):
            GAN(gan.generator, unbuilt)
