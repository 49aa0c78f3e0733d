import keras
import numpy as np

from keras_comic.metrics.feature_list import FeatureList
from keras_comic.metrics.feature_metric import FeatureMetric
from keras_comic.models import FeatureNetwork
from tests.test_case import BACKEND
from tests.test_case import TestCase
from tests.test_case import noise


class MeanDifference(FeatureMetric):
    """The difference of the means of one dimension."""

    def make_state(self):
        return FeatureList()

    def compute(self):
        first, second = (self.states[side].array() for side in self.sides)
        if not len(first) or not len(second):
            return {"value": (np.float64("nan"), None)}
        return {"value": (second.mean() - first.mean(), 0.25)}

    def parameters(self):
        return {"scale": 1}


class TwoNumbers(MeanDifference):
    def compute(self):
        (value,) = super().compute().values()
        return {"up": value, "down": value}


class FeatureMetricTest(TestCase):
    def test_either_side_alone(self):
        metric = MeanDifference()
        self.assertTrue(np.isnan(metric.result()))
        metric.update_state(comics=np.ones((2, 1)))
        self.assertTrue(np.isnan(metric.result()))
        metric.update_state(fake_comics=np.full((3, 1), 3.0))
        metric.update_state(np.ones((1, 1)), np.full((3, 1), 3.0))
        self.assertEqual(metric.result(), 2.0)
        self.assertEqual(metric.variables, [])
        report = metric.report()
        self.assertEqual((report.value, report.spread), (2.0, 0.25))
        self.assertEqual(report.protocol["comics"], 3)
        self.assertEqual(report.protocol["fake_comics"], 6)
        metric.reset_state()
        self.assertTrue(np.isnan(metric.result()))

    def test_comics_that_stay(self):
        metric = MeanDifference()
        metric.update_state(np.ones((2, 1)), np.ones((2, 1)))
        metric.reset_state(["fake_comics"])
        metric.update_state(fake_comics=np.full((1, 1), 5.0))
        self.assertEqual(metric.result(), 4.0)
        self.assertEqual(metric.report().protocol["comics"], 2)
        with self.assertRaisesRegex(ValueError, "where .'photos'. are not"):
            metric.reset_state(["photos"])

    def test_several_numbers(self):
        metric = TwoNumbers()
        metric.update_state(np.zeros((1, 1)), np.ones((1, 1)))
        self.assertEqual(metric.result(), {"up": 1.0, "down": 1.0})
        report = metric.report()["down"]
        self.assertEqual(report.metric, "TwoNumbers.down")

    def test_protocol(self):
        network = FeatureNetwork((1, 1), (2, 3))
        metric = MeanDifference(
            network, "relu2_1", {"resize": "none", "crop": "none"}
        )
        metric.update_state(noise(2, 8, 8, 3), noise(1, 8, 8, 3, seed=1))
        protocol = metric.report().protocol
        self.assertEqual(
            list(protocol),
            [
                "metric",
                "scale",
                "layer",
                "comics",
                "fake_comics",
                "resize",
                "crop",
                "network",
                "network_sha256",
            ],
        )
        self.assertEqual(protocol["network"], "FeatureNetwork")
        self.assertEqual(protocol["layer"], "relu2_1")
        # All is stated: the number may be compared.
        self.assertTrue(metric.report() == metric.report())

    def test_merge(self):
        metrics = [MeanDifference() for _ in range(3)]
        whole = MeanDifference()
        for seed, metric in enumerate(metrics):
            parts = noise(2, 1, seed=seed), noise(3, 1, seed=seed + 3)
            metric.update_state(*parts)
            whole.update_state(*parts)
        metrics[0].merge_state(metrics[1:])
        self.assertEqual(metrics[0].result(), whole.result())

    def test_config(self):
        network = FeatureNetwork((1, 1), (2, 3))
        metric = MeanDifference(network, "relu2_1", {"crop": "none"}, "gap")
        revived = MeanDifference.from_config(metric.get_config())
        self.assertEqual(revived.get_config(), metric.get_config())
        self.assertEqual(revived.feature_network.filters, (2, 3))
        self.assertEqual(revived.name, "gap")

    def test_inside_evaluate(self):
        inputs = keras.Input((8, 8, 3))
        model = keras.Model(inputs, keras.layers.ReLU()(inputs))
        photos, comics = noise(5, 8, 8, 3), noise(5, 8, 8, 3, seed=1)

        def features(images):
            return keras.ops.mean(images, axis=(1, 2))

        metric = MeanDifference(features, name="gap")
        model.compile(
            loss="mse", metrics=[metric], run_eagerly=BACKEND != "jax"
        )
        if BACKEND == "jax":
            with self.assertRaisesRegex(RuntimeError, "on the host"):
                model.evaluate(photos, comics, verbose=0)
            return
        logs = model.evaluate(
            photos, comics, batch_size=2, verbose=0, return_dict=True
        )
        self.assertAllClose(
            logs["gap"], np.maximum(photos, 0.0).mean() - comics.mean()
        )
        if BACKEND == "tensorflow":
            model.compile(loss="mse", metrics=[metric])
            with self.assertRaisesRegex(RuntimeError, "run_eagerly=True"):
                model.evaluate(photos, comics, verbose=0)

    def test_errors(self):
        metric = MeanDifference()
        with self.assertRaisesRegex(ValueError, "nothing to report.*'comics'"):
            metric.report()
        with self.assertRaisesRegex(ValueError, "`sample_weight` must be None"):
            metric.update_state(np.ones((1, 1)), None, np.ones(1))
        with self.assertRaisesRegex(TypeError, "feature_network='imagenet'"):
            MeanDifference("imagenet")
        with self.assertRaisesRegex(ValueError, "`protocol` must be a dict"):
            MeanDifference(protocol="256")
