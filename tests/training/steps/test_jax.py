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


@pytest.mark.skipif(BACKEND != "jax", reason="needs Keras's JAX backend")
class BackendStepTest(TestCase):
    def test_one_step_is_that_of_jax(self):
        import jax

        gan, other = make_small_gan(), make_small_gan()
        other.set_weights(gan.get_weights())
        batch = keras.tree.map_structure(ops.convert_to_tensor, small_batch())
        gan.compile(pair(keras.optimizers.SGD(0.5), keras.optimizers.SGD(0.0)))
        gan.train_on_batch(small_batch())

        # In the discriminator's phase only its vectors move here.
        other.discriminator_losses(batch)
        variables = other.generator.trainable_variables

        def total_of(values):
            mapping = list(zip(variables, values, strict=True))
            with keras.StatelessScope(state_mapping=mapping):
                terms = other.generator_losses(batch)
            return ops.mean(terms["pixels"]) + 0.1 * ops.mean(
                terms["adversarial"]
            )

        gradients = jax.grad(total_of)([v.value for v in variables])
        for moved, variable, gradient in zip(
            gan.generator.trainable_variables, variables, gradients, strict=True
        ):
            self.assertAllClose(moved, variable - 0.5 * gradient)

    def test_variables_within_a_fit(self):
        # Keras holds their values elsewhere until it is told to sync.
        gan = make_small_gan()
        gan.compile()
        counts = []

        class Read(keras.callbacks.Callback):
            def on_train_batch_end(callback, batch, logs=None):  # noqa: N805
                gan.sync_state()
                values = gan.training_variables().values()
                counts.append(int(np.asarray(gan.step_counter.value)))
                self.assertFinite(np.concatenate([np.ravel(v) for v in values]))

        gan.fit(
            Batches(small_batch(), 2),
            epochs=2,
            callbacks=[Read()],
            shuffle=False,
            verbose=0,
        )
        self.assertEqual(counts, [1, 2, 3, 4])

    def test_both_optimizers_in_one_state(self):
        gan = make_small_gan()
        gan.compile()
        self.assertEqual(
            [id(v) for v in gan.optimizer.variables],
            [
                id(v)
                for optimizer in gan.optimizers.values()
                for v in optimizer.variables
            ],
        )
