import keras
import numpy as np

from tests.test_case import TestCase
from tests.test_case import requires_tensorflow
from tests.training.small_gan import make_small_gan
from tests.training.small_gan import small_batch


@requires_tensorflow
class BackendStepTest(TestCase):
    def test_one_step_is_that_of_the_tape(self):
        import tensorflow as tf

        gan, other = make_small_gan(), make_small_gan()
        other.set_weights(gan.get_weights())
        batch = {k: tf.constant(v) for k, v in small_batch().items()}
        gan.compile(keras.optimizers.SGD(0.5), keras.optimizers.SGD(0.0))
        gan.train_step(batch)

        # In the discriminator's phase only its vectors move here.
        other.discriminator_losses(batch)
        variables = other.generator.trainable_variables
        with tf.GradientTape() as tape:
            terms = other.generator_losses(batch)
            total = tf.reduce_mean(terms["pixels"])
            total += 0.1 * tf.reduce_mean(terms["adversarial"])
        gradients = tape.gradient(total, [v.value for v in variables])
        for moved, variable, gradient in zip(
            gan.generator.trainable_variables, variables, gradients, strict=True
        ):
            self.assertAllClose(moved, variable - 0.5 * gradient)

    def test_input_gradients_of_an_array(self):
        found = make_small_gan().input_gradients(
            lambda x: 2.0 * x, np.ones((1, 2), "float32")
        )
        self.assertAllEqual(found, [[2.0, 2.0]])
