import keras
from keras import ops

from keras_comic.metrics.double_sum import DoubleSum
from tests.test_case import BACKEND
from tests.test_case import TestCase


class DoubleSumTest(TestCase):
    def make(self):
        return DoubleSum(keras.metrics.Metric(name="metric"), "total")

    def test_variables(self):
        metric = keras.metrics.Metric(name="metric")
        DoubleSum(metric, "total")
        names = [variable.name for variable in metric.variables]
        if BACKEND == "jax":
            self.assertEqual(names, ["total", "total_remainder"])
        else:
            self.assertEqual(names, ["total"])
            self.assertDType(metric.variables[0], "float64")

    def test_small_beside_large(self):
        total = self.make()
        for value in (2.0**40, 1.0, -(2.0**40), 2.0**-7):
            total.add(ops.convert_to_tensor([value], "float32"))
        self.assertEqual(total.read(), 1.0 + 2.0**-7)
        self.assertAllClose(total.value(), 1.0 + 2.0**-7)

    def test_batches_of_any_size(self):
        for count in (0, 1, 2, 7):
            total = self.make()
            values = [2.0**28, *[0.5] * 6][:count]
            total.add(ops.convert_to_tensor(values, "float32"))
            self.assertEqual(total.read(), sum(values))

    def test_merge(self):
        first, second = self.make(), self.make()
        first.add(ops.convert_to_tensor([2.0**30, 1.0], "float32"))
        second.add(ops.convert_to_tensor([2.0**29, 0.25], "float32"))
        first.merge(second)
        self.assertEqual(first.read(), 2.0**30 + 2.0**29 + 1.25)
