"""The base of the frozen networks that losses and metrics look through."""

import keras
from keras import ops

from keras_comic.layers import network_policy
from keras_comic.layers import to_pixels

IMAGENET_MEAN_BGR = (103.939, 116.779, 123.68)


class LayeredNetwork(keras.Model):
    """A frozen network of which one call gives any layers by their names.

    A network gives `layer_names` and `_features_of(images)`, names and values
    from the shallowest on; its `__init__` ends with `make_weights()`.
    """

    # Said of an unknown layer's name.
    other_names = ""

    def __init__(self, dtype=None, trainable=False, **kwargs):
        super().__init__(dtype=network_policy(dtype), **kwargs)
        self._is_trained = trainable

    def convolution(self, filters, kernel_size, name, **kwargs):
        """Makes a convolution of the network."""
        return keras.layers.Conv2D(
            filters,
            kernel_size,
            data_format="channels_last",
            dtype=self.dtype_policy,
            name=name,
            **kwargs,
        )

    def make_weights(self):
        """Makes all weights, and freezes them."""
        self(keras.KerasTensor((1, 64, 64, 3), dtype="float32"))
        # After the call, so that it reaches every weight.
        self.trainable = self._is_trained

    def _known_names(self):
        """Returns all names that a call takes."""
        return set(self.layer_names)

    def call(self, images, layers=None):
        wanted = self.layer_names if layers is None else list(layers)
        if unknown := sorted(set(wanted) - self._known_names()):
            raise ValueError(
                f"`layers` must be among {self.layer_names}{self.other_names}. "
                f"Received: layers={wanted}, where {unknown} are not"
            )
        found = {}
        for name, value in self._features_of(images):
            if name in wanted:
                found[name] = ops.cast(value, "float32")
                if len(found) == len(set(wanted)):
                    break
        return found

    def without_mean(self, images):
        """Returns BGR in `[0, 255]` less ImageNet's mean."""
        pixels = ops.flip(to_pixels(images, clip=False), axis=-1)
        pixels -= ops.convert_to_tensor(IMAGENET_MEAN_BGR, dtype="float32")
        return ops.cast(pixels, self.compute_dtype)
