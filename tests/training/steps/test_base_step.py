import keras
import numpy as np
from keras import ops

from keras_comic.training.steps.base_step import BaseStep
from keras_comic.training.steps.base_step import reached
from tests.test_case import BACKEND
from tests.test_case import TestCase
from tests.test_case import gradients
from tests.test_case import noise
from tests.training.small_gan import make_small_gan
from tests.training.small_gan import pair
from tests.training.small_gan import small_batch


class BaseStepTest(TestCase):
    def test_one_step_is_that_of_the_backend(self):
        gan, other = make_small_gan(), make_small_gan()
        other.set_weights(gan.get_weights())
        batch = keras.tree.map_structure(ops.convert_to_tensor, small_batch())
        gan.compile(pair(keras.optimizers.SGD(0.5), keras.optimizers.SGD(0.0)))
        gan.train_on_batch(small_batch())

        def total():
            terms = other.generator_losses(batch)
            adversarial = ops.mean(terms["adversarial"])
            return ops.mean(terms["pixels"]) + 0.1 * adversarial

        # In the discriminator's phase only its vectors move here.
        other.discriminator_losses(batch)
        variables = other.generator.trainable_variables
        for moved, variable, gradient in zip(
            gan.generator.trainable_variables,
            variables,
            gradients(total, variables),
            strict=True,
        ):
            self.assertAllClose(moved, self.numpy(variable) - 0.5 * gradient)

    def test_penalties_are_trained(self):
        gan = make_small_gan()
        gan.compile(loss_weights={"penalty": 1.0})
        before = self.values(gan.discriminator.variables)
        logs = gan.train_on_batch(small_batch(), return_dict=True)
        self.assertGreater(logs["penalty"], 0.0)
        self.assertNotAllClose(gan.discriminator.variables[0], before[0])

    def test_backends_without_training(self):
        if BACKEND in ("tensorflow", "jax", "torch"):
            self.skipTest("this backend trains")
        with self.assertRaisesRegex(RuntimeError, f"KERAS_BACKEND='{BACKEND}'"):
            BaseStep().input_gradients(lambda x: x, 1.0)

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
