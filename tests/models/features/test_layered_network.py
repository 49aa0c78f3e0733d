"""Promises that all networks of features share."""

import keras
import numpy as np
from absl.testing import parameterized

from keras_comic.models import FeatureNetwork
from keras_comic.models import InceptionFeatures
from keras_comic.models import SqueezeNetFeatures
from tests.test_case import TestCase
from tests.test_case import compiled
from tests.test_case import input_gradient
from tests.test_case import noise

# Makes a network; a layer in its middle, and a deep one.
NETWORKS = (
    (
        "vgg",
        lambda **kwargs: FeatureNetwork((2, 2, 3), (3, 4, 5), **kwargs),
        "relu2_1",
        "relu3_3",
    ),
    (
        "squeeze_net",
        lambda **kwargs: SqueezeNetFeatures(4, (2, 2, 3), (3, 3, 4), **kwargs),
        "conv1",
        "fire4",
    ),
    (
        "inception",
        lambda **kwargs: InceptionFeatures(1 / 16, 7, **kwargs),
        "pool_1",
        "pool_3",
    ),
)


class LayeredNetworkTest(TestCase, parameterized.TestCase):
    @parameterized.named_parameters(*NETWORKS)
    def test_layers(self, make_network, middle, deep):
        network, images = make_network(), noise(2, 40, 52, 3)
        self.assertEqual(network.trainable_variables, [])
        found = network(images)
        self.assertEqual(list(found), network.layer_names)
        symbolic = network(keras.KerasTensor((2, 40, 52, 3)))
        for name, value in found.items():
            self.assertDType(value, "float32")
            self.assertFinite(value)
            self.assertShape(value, symbolic[name].shape)
        some = network(images, layers=[deep, middle])
        self.assertEqual(list(some), [middle, deep])
        for name, value in some.items():
            self.assertAllClose(value, found[name])
        gradient = input_gradient(
            lambda x: network(x, layers=[deep])[deep], images
        )
        self.assertGreater(np.abs(gradient).max(), 0.0)
        graph = compiled(lambda x: network(x, layers=[deep]))
        self.assertAllClose(
            graph(images)[deep], found[deep], atol=1e-3, rtol=1e-5
        )
        with self.assertRaisesRegex(
            ValueError,
            rf"`layers` must be among \['{network.layer_names[0]}', .*"
            r"Received: layers=\['fc1'\], where \['fc1'\] are not",
        ):
            network(images, layers=["fc1"])

    @parameterized.named_parameters(*NETWORKS)
    def test_computes_no_further_than_asked(self, make_network, middle, deep):
        network, images = make_network(), noise(1, 40, 52, 3)
        last = network.layers[-1].weights[0]
        last.assign(np.full(last.shape, np.nan))
        self.assertFinite(network(images, layers=[middle])[middle])

    @parameterized.named_parameters(*NETWORKS)
    def test_policies_and_saving(self, make_network, middle, deep):
        network, images = make_network(), noise(1, 40, 52, 3)
        expected = self.numpy(network(images)[deep])
        mixed = make_network(dtype="mixed_bfloat16")
        mixed.set_weights(network.get_weights())
        found = mixed(images)[deep]
        self.assertDType(found, "float32")
        difference = np.abs(self.numpy(found) - expected).max()
        self.assertLess(difference, 0.15 * np.abs(expected).max())
        revived = self.run_config_test(network)
        self.assertEqual(revived.trainable_variables, [])
        if deep == "pool_3":
            # Its file takes long.
            return
        path = self.temporary_folder() / "network.keras"
        network.save(path)
        revived = keras.saving.load_model(path)
        self.assertAllClose(revived(images)[deep], expected, rtol=1e-5)
