"""Gradients, taken by one file for each Keras backend."""

import keras

if keras.backend.backend() == "tensorflow":
    from keras_comic.training.steps.tensorflow import BackendStep
elif keras.backend.backend() == "jax":
    from keras_comic.training.steps.jax import BackendStep
elif keras.backend.backend() == "torch":
    from keras_comic.training.steps.torch import BackendStep
else:
    from keras_comic.training.steps.base_step import BackendStep

__all__ = ["BackendStep"]
