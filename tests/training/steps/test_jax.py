import keras
import numpy as np
import pytest

from tests.test_case import BACKEND
from tests.test_case import Batches
from tests.test_case import TestCase
from tests.training.small_gan import make_small_gan
from tests.training.small_gan import small_batch


@pytest.mark.skipif(BACKEND != "jax", reason="needs Keras's JAX backend")
class BackendStepTest(TestCase):
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
