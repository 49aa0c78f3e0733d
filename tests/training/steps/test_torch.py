import keras
import numpy as np
import pytest
from keras import ops

from tests.test_case import BACKEND
from tests.test_case import Batches
from tests.test_case import TestCase
from tests.training.small_gan import make_small_gan
from tests.training.small_gan import pair
from tests.training.small_gan import small_batch


@pytest.mark.skipif(BACKEND != "torch", reason="needs Keras's torch backend")
class BackendStepTest(TestCase):
    def test_one_step_is_that_of_autograd(self):
        import torch

        gan, other = make_small_gan(), make_small_gan()
        other.set_weights(gan.get_weights())
        batch = keras.tree.map_structure(ops.convert_to_tensor, small_batch())
        gan.compile(pair(keras.optimizers.SGD(0.5), keras.optimizers.SGD(0.0)))
        gan.train_on_batch(small_batch())

        # In the discriminator's phase only its vectors move here.
        other.discriminator_losses(batch)
        terms = other.generator_losses(batch)
        total = ops.mean(terms["pixels"]) + 0.1 * ops.mean(terms["adversarial"])
        variables = other.generator.trainable_variables
        gradients = torch.autograd.grad(total, [v.value for v in variables])
        for moved, variable, gradient in zip(
            gan.generator.trainable_variables, variables, gradients, strict=True
        ):
            self.assertAllClose(
                moved, self.numpy(variable) - 0.5 * self.numpy(gradient)
            )

    def test_penalties_differentiate_gradients(self):
        gan = make_small_gan()
        gan.compile(loss_weights={"penalty": 1.0})
        before = [np.copy(self.numpy(v)) for v in gan.discriminator.variables]
        history = gan.fit(
            Batches(small_batch(), 2), shuffle=False, verbose=0
        ).history
        self.assertGreater(history["penalty"][0], 0.0)
        self.assertNotAllClose(gan.discriminator.variables[0], before[0])

    def test_what_does_not_depend_on_the_input_has_no_gradient(self):
        gan = make_small_gan()
        inputs = ops.ones((2, 4))
        found = gan.input_gradients(lambda x: ops.ones((2,)), inputs)
        self.assertAllEqual(found, np.zeros((2, 4)))
