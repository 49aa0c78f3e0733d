import numpy as np
import pytest
from keras import ops

from tests.test_case import BACKEND
from tests.test_case import TestCase
from tests.training.small_gan import make_small_gan


@pytest.mark.skipif(BACKEND != "torch", reason="needs Keras's torch backend")
class BackendStepTest(TestCase):
    def test_what_does_not_depend_on_the_input_has_no_gradient(self):
        gan = make_small_gan()
        inputs = ops.ones((2, 4))
        found = gan.input_gradients(lambda x: ops.ones((2,)), inputs)
        self.assertAllEqual(found, np.zeros((2, 4)))
