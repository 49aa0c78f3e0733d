from keras_comic.training.steps.unsupported import BackendStep
from tests.test_case import BACKEND
from tests.test_case import TestCase


class BackendStepTest(TestCase):
    def test_compile_and_penalties_say_what_to_do(self):
        message = (
            "trains on Keras's TensorFlow, JAX and PyTorch backends; .* Set "
            'the environment variable KERAS_BACKEND to "tensorflow", "jax" or '
            '"torch" .* '
            f"Received: KERAS_BACKEND='{BACKEND}'"
        )
        with self.assertRaisesRegex(RuntimeError, message):
            BackendStep().check_backend()
        with self.assertRaisesRegex(RuntimeError, message):
            BackendStep().input_gradients(lambda x: x, 1.0)
