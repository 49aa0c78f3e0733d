import keras
import numpy as np
from absl.testing import parameterized

from keras_comic import metrics
from keras_comic.metrics import network_facts
from keras_comic.models import FeatureNetwork
from tests.test_case import TestCase
from tests.test_case import noise

STATED = {"resize": "none", "crop": "none"}


def make_metrics():
    """One of each metric, with arguments that are not the defaults."""
    network = FeatureNetwork((1, 1), (2, 3))
    of_layers = {"feature_network": network, "layers": ["relu1_1"]}
    heads = {**of_layers, "heads": [[1.0, 2.0]], "protocol": STATED}
    content = metrics.PerceptualDistance(**heads)
    style = metrics.FrechetDistance(network, "relu2_1", STATED)
    return [
        content,
        style,
        metrics.ArtFID(content, style),
        metrics.ColorDistance(STATED),
        metrics.Diversity(network, "relu1_1"),
        metrics.EdgePreservation(STATED),
        metrics.InceptionScore(num_splits=3),
        metrics.KernelDistance(num_subsets=3, subset_size=5, seed=1),
        metrics.PrecisionRecall(num_neighbors=2),
        metrics.Sharpness(STATED),
        metrics.Stillness(0.1, STATED),
        metrics.StructuralSimilarity(STATED),
        metrics.StyleLoss(**of_layers),
        metrics.StyleScore(network, protocol=STATED),
        metrics.TemporalDistance(**heads),
        metrics.WarpedDistance(**heads, flow="DIS", frames_apart=10),
        metrics.WarpingError("DIS", 10, STATED),
    ]


class ReportedMetricTest(TestCase, parameterized.TestCase):
    def test_every_metric_comes_back_from_its_config(self):
        names = []
        for metric in make_metrics():
            revived = self.run_config_test(metric)
            self.assertEqual(revived.name, metric.name)
            names.append(type(metric).__name__)
        classes = [name for name in metrics.__all__ if name[0].isupper()]
        self.assertCountEqual([*names, "MetricResult"], classes)

    def test_names(self):
        # The second of a kind has the same name.
        for _ in range(2):
            self.assertEqual(metrics.ColorDistance().name, "color_distance")
        self.assertEqual(metrics.ColorDistance(name="hue").name, "hue")

    def test_order_and_overruling(self):
        network = FeatureNetwork((1, 1), (2, 3))
        stated = {"crop": "none", "network": "mine"}
        metric = metrics.StyleLoss(network, ["relu1_1"], stated)
        images = noise(3, 8, 8, 3)
        metric.update_state(images, images)
        protocol = metric.report().protocol
        self.assertRegex(protocol.pop("network_sha256"), "^[0-9a-f]{64}$")
        self.assertEqual(
            list(protocol.items()),
            [
                ("metric", "StyleLoss"),
                ("layers", "relu1_1"),
                ("pairs", 3),
                ("resize", None),
                ("crop", "none"),
                ("network", "mine"),
            ],
        )

    @parameterized.parameters(([],), ({1: "a"},), ({"a": np.zeros(2)},))
    def test_protocols_that_are_none(self, protocol):
        with self.assertRaisesRegex(ValueError, "`protocol` must be a dict"):
            metrics.ColorDistance(protocol)

    @parameterized.parameters("FrechetDistance", "StyleLoss", "StyleScore")
    def test_networks_that_are_none(self, name):
        with self.assertRaisesRegex(TypeError, "feature_network='imagenet'"):
            getattr(metrics, name)("imagenet")


class NetworkFactsTest(TestCase):
    def test_keras_network(self):
        network = FeatureNetwork((1, 1), (2, 3))
        facts = network_facts(network)
        self.assertEqual(facts["network"], "FeatureNetwork")
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
