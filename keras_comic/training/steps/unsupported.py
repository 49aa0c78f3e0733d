"""The error on backends that cannot train."""

import keras

from keras_comic.training.steps.base_step import BaseStep


class BackendStep(BaseStep):
    """Refuses to train on this backend; inference works."""

    def check_backend(self):
        raise RuntimeError(
            "keras_comic trains on Keras's TensorFlow, JAX and PyTorch "
            "backends; on others presets can be used, not trained. Set the "
            'environment variable KERAS_BACKEND to "tensorflow", "jax" or '
            '"torch" before Keras is imported. '
            f"Received: KERAS_BACKEND={keras.backend.backend()!r}"
        )

    def _input_gradients(self, function, inputs):
        self.check_backend()
