import keras
import numpy as np

from keras_comic.metrics.feature_metric import FeatureMetric
from keras_comic.models import FeatureNetwork
from tests.test_case import BACKEND
from tests.test_case import TestCase
from tests.test_case import noise


class MeanDifference(FeatureMetric):
    """The difference of the means of one dimension."""

    least_images = 1

    def compute(self, comics, fake_comics):
        return [(fake_comics.mean() - comics.mean(), 0.25)]

    def facts(self):
        return {"scale": 1, **super().facts()}


class TwoNumbers(MeanDifference):
    numbers = ("up", "down")

    def compute(self, comics, fake_comics):
        return 2 * super().compute(comics, fake_comics)


class FeatureMetricTest(TestCase):
    def test_either_side_alone(self):
        metric = MeanDifference()
        self.assertTrue(np.isnan(metric.result()))
        batch = np.ones((2, 1))
        metric.update_state(comics=batch)
        batch[:] = 9.0  # The caller may reuse the array.
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
        self.assertEqual(metric.report()["down"].metric, "TwoNumbers.down")

    def test_protocol(self):
        network = FeatureNetwork((1, 1), (2, 3))
        stated = {"resize": "none", "crop": "none"}
        metric = MeanDifference(network, "relu2_1", stated)
        metric.update_state(noise(2, 8, 8, 3), noise(1, 8, 8, 3, seed=1))
        protocol = metric.report().protocol
        self.assertEqual(
            list(protocol),
            "metric scale layer comics fake_comics caution resize crop network "
            "network_sha256".split(),
        )
        self.assertEqual(protocol["network"], "FeatureNetwork")
        self.assertEqual(protocol["layer"], "relu2_1")
        # All is stated: the number may be compared.
        self.assertTrue(metric.report() == metric.report())

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
            logs["gap"],
            np.maximum(photos, 0.0).mean() - comics.mean(),
            atol=1e-5,
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
        metric.update_state(np.ones((1, 2)), np.ones((1, 3)))
        with self.assertRaisesRegex(ValueError, r"before, 2. .*\(1, 4\)"):
            metric.update_state(np.ones((1, 4)))
        with self.assertRaisesRegex(ValueError, r"one length. .*\[2, 3\]"):
            metric.result()
