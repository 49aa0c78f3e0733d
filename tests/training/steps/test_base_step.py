import keras
import numpy as np
from keras import ops

from keras_comic.training.steps.base_step import BaseStep
from keras_comic.training.steps.base_step import reached
from tests.test_case import TestCase
from tests.test_case import gradients
from tests.test_case import noise
from tests.training.small_gan import make_small_gan


class BaseStepTest(TestCase):
    def test_one_replica(self):
        step = BaseStep()
        self.assertEqual(step.replica_arguments(), {})
        self.assertEqual(step.sum_over_replicas(3.0), 3.0)
        with step.average_scope():
            self.assertIsNone(step.sync_state())

    def test_variables_that_are_not_reached(self):
        variables = [keras.Variable(float(number)) for number in range(3)]
        found, left = reached([2.0, None, 3.0], variables)
        self.assertEqual(found, [2.0, 3.0])
        self.assertIs(left[0], variables[0])
        self.assertIs(left[1], variables[2])
        with self.assertRaisesRegex(
            ValueError, "Received: no gradient by 3 variables"
        ):
            reached([None] * 3, variables)

    def test_input_gradients(self):
        gan = make_small_gan()
        inputs = noise(2, 4, 4, 3)
        found = gan.input_gradients(lambda x: ops.sum(x**3, axis=-1), inputs)
        self.assertAllClose(found, 3.0 * inputs**2)
        constant = gan.input_gradients(lambda x: ops.ones((2, 1)), inputs)
        self.assertAllClose(constant, np.zeros_like(inputs))

    def test_input_gradients_are_differentiable(self):
        gan = make_small_gan()
        inputs = noise(2, 4, 4, 3)
        factor = keras.Variable(0.5)
        found = gradients(
            # d/dx of f * x ** 3 is 3 f x ** 2; its sum by f: that without f.
            lambda: gan.input_gradients(lambda x: factor.value * x**3, inputs),
            [factor],
        )
        self.assertAllClose(found[0], (3.0 * inputs**2).sum(), 1e-4, 1e-5)
