import math
import subprocess
import sys

import keras
import numpy as np
import pytest
from keras import ops

from keras_comic.metrics.sample_mean import SampleMean
from tests.source import ROOT
from tests.test_case import BACKEND
from tests.test_case import TestCase
from tests.test_case import noise
from tests.test_case import requires_tensorflow

# Evaluates a model on one device, and on two.
ON_TWO_DEVICES = """
import tensorflow as tf
tf.config.set_logical_device_configuration(
    tf.config.list_physical_devices("CPU")[0],
    [tf.config.LogicalDeviceConfiguration()] * 2,
)
import keras
from keras_comic.metrics import StructuralSimilarity
from tests.test_case import noise
images, others = noise(10, 16, 16, 3), noise(10, 16, 16, 3, seed=1)
for strategy in (
    tf.distribute.get_strategy(),
    tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"]),
):
    with strategy.scope():
        inputs = keras.Input((16, 16, 3))
        model = keras.Model(inputs, keras.layers.Rescaling(0.5)(inputs))
        model.compile(loss="mse", metrics=[StructuralSimilarity(name="ssim")])
    batches = tf.data.Dataset.from_tensor_slices((images, others)).batch(4)
    logs = model.evaluate(batches, verbose=0, return_dict=True)
    print(logs["ssim"])
"""


class FirstPixel(SampleMean):
    """The first number of each fake comic."""

    def sample_values(self, photos, fake_comics):
        return ops.cast(fake_comics, "float32")[:, 0, 0, 0]


class SampleMeanTest(TestCase):
    def update(self, metric, values, *weights):
        images = np.zeros((len(values), 2, 2, 3), "float32")
        images[:, 0, 0, 0] = values
        metric.update_state(images, images, *weights)

    def test_batches(self):
        metric = FirstPixel()
        self.assertTrue(math.isnan(float(metric.result())))
        with self.assertRaisesRegex(ValueError, "Received: 0 pairs"):
            metric.report()
        self.update(metric, [1.0, 2.0])
        self.update(metric, [6.0])
        self.assertAllClose(metric.result(), 3.0)
        self.assertEqual(metric.report().value, 3.0)
        self.assertEqual(metric.report().protocol["pairs"], 3)
        metric.reset_state()
        self.update(metric, [5.0])
        self.assertAllClose(metric.result(), 5.0)

    def test_weights(self):
        metric = FirstPixel()
        self.update(metric, [1.0, 3.0], np.array([3, 1]))
        self.assertAllClose(metric.result(), 1.5)
        self.update(metric, [2.0], np.array([[0.5]]))
        self.assertAllClose(metric.result(), 7.0 / 4.5)
        self.assertEqual(metric.report().protocol["pairs"], 4.5)

    @pytest.mark.skipif(BACKEND == "jax", reason="JAX sums in float32")
    def test_double_precision(self):
        # Beside the first number, float32 would lose the others.
        metric = FirstPixel()
        self.update(metric, [2.0**30])
        for _ in range(20):
            self.update(metric, [1.0, 0.25, 1.0])
        self.assertEqual(metric.report().value, (2.0**30 + 45.0) / 61.0)

    def test_inside_evaluate(self):
        inputs = keras.Input((8, 8, 3))
        model = keras.Model(inputs, keras.layers.ReLU()(inputs))
        images = noise(5, 8, 8, 3)
        expected = np.maximum(images, 0.0)[:, 0, 0, 0].mean()
        for run_eagerly in (False, True):
            model.compile(
                loss="mse",
                metrics=[FirstPixel(name="first")],
                run_eagerly=run_eagerly,
            )
            logs = model.evaluate(
                images, images, batch_size=2, verbose=0, return_dict=True
            )
            self.assertAllClose(logs["first"], expected)

    @requires_tensorflow
    @pytest.mark.slow
    def test_replicas(self):
        # Devices are made before TensorFlow begins: in a process of its own.
        done = subprocess.run(
            [sys.executable, "-c", ON_TWO_DEVICES],
            capture_output=True,
            check=True,
            cwd=ROOT,
            text=True,
        )
        alone, together = map(float, done.stdout.split())
        self.assertAllClose(together, alone, rtol=1e-4)
        self.assertLess(abs(alone), 1.0)
