import keras
import numpy as np

from keras_comic.metrics import network_facts
from keras_comic.metrics.protocol import check_network
from keras_comic.metrics.protocol import check_protocol
from keras_comic.metrics.protocol import deserialize_network
from keras_comic.metrics.protocol import make_protocol
from keras_comic.metrics.protocol import serialize_network
from keras_comic.models import FeatureNetwork
from tests.test_case import TestCase


class NetworkFactsTest(TestCase):
    def test_keras_network(self):
        network = FeatureNetwork((1, 1), (2, 3))
        facts = network_facts(network)
        self.assertEqual(facts["network"], "FeatureNetwork")
        self.assertRegex(facts["network_sha256"], "^[0-9a-f]{64}$")
        # The same weights, the same checksum, whatever they are stored in.
        twin = FeatureNetwork((1, 1), (2, 3), dtype="mixed_bfloat16")
        twin.set_weights(network.get_weights())
        self.assertEqual(network_facts(twin), facts)
        kernel = network.blocks[0].kernel
        kernel.assign(kernel + 1e-6)
        self.assertNotEqual(network_facts(network), facts)

    def test_functional_network(self):
        inputs = keras.Input((4,))
        model = keras.Model(inputs, keras.layers.Dense(2)(inputs), name="tiny")
        self.assertEqual(network_facts(model)["network"], "tiny")

    def test_networks_that_do_not_tell(self):
        nothing = {"network": None, "network_sha256": None}
        self.assertEqual(network_facts(None), nothing)
        self.assertEqual(network_facts(lambda images: images), nothing)


class ProtocolTest(TestCase):
    def test_order_and_overruling(self):
        protocol = make_protocol(
            "Metric", {"pairs": 3}, {"crop": "none", "network": "mine"}, k=2
        )
        self.assertEqual(
            list(protocol.items()),
            [
                ("metric", "Metric"),
                ("k", 2),
                ("pairs", 3),
                ("resize", None),
                ("crop", "none"),
                ("network", "mine"),
                ("network_sha256", None),
            ],
        )
        self.assertNotIn("network", make_protocol("M", {}, {}, network=False))

    def test_checks(self):
        self.assertEqual(check_protocol(None), {})
        for protocol in ([], {1: "a"}, {"a": np.zeros(2)}):
            with self.assertRaisesRegex(ValueError, "`protocol` must be a"):
                check_protocol(protocol)
        self.assertIsNone(check_network(None))
        with self.assertRaisesRegex(TypeError, "feature_network='imagenet'"):
            check_network("imagenet")

    def test_serialization(self):
        network = FeatureNetwork((1, 1), (2, 3))
        revived = deserialize_network(serialize_network(network))
        self.assertEqual(revived.filters, (2, 3))
        self.assertIsNone(deserialize_network(serialize_network(None)))
