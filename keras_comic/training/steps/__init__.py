"""How gradients are taken: one file for each Keras backend."""

import keras

if keras.backend.backend() == "tensorflow":
    from keras_comic.training.steps.tensorflow import BackendStep
elif keras.backend.backend() == "jax":
    from keras_comic.training.steps.jax import BackendStep
else:
    raise ImportError(
        "keras_comic trains on Keras's TensorFlow and JAX backends. "
        f"Received: KERAS_BACKEND={keras.backend.backend()}"
    )

__all__ = ["BackendStep"]
