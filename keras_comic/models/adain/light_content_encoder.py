"""The content encoder of the light AdaIN generator."""

import keras

from keras_comic.layers import ConvBlock


@keras.saving.register_keras_serializable(package="keras_comic")
class LightContentEncoder(keras.layers.Layer):
    """Two strided convolutions: the photo at half and at quarter resolution.

    Args:
        filters: Two integers > 0: channels at half and at quarter resolution.
            Defaults to `(32, 80)`.
        **kwargs: Keyword arguments of `keras.layers.Layer`.

    Call arguments:
        images: Float32 `(batch, height, width, 3)`, RGB in `[-1, 1]`; sides
            divisible by 4.

    Returns:
        List of the images themselves and two feature maps,
        `(batch, height / 2, width / 2, filters[0])` and
        `(batch, height / 4, width / 4, filters[1])`.

    Raises:
        ValueError: If `filters` is not two positive integers.

    Example:

    >>> encoder = keras_comic.models.LightContentEncoder((4, 8))
    >>> [tuple(f.shape) for f in encoder(np.zeros((1, 32, 32, 3), "float32"))]
    [(1, 32, 32, 3), (1, 16, 16, 4), (1, 8, 8, 8)]
    """

    stride = 4

    def __init__(self, filters=(32, 80), **kwargs):
        filters = tuple(filters)
        if len(filters) != 2 or min(filters) < 1:
            raise ValueError(
                "`filters` must be two positive integers. "
                f"Received: filters={filters}"
            )
        super().__init__(**kwargs)
        self.filters = filters
        options = {"strides": 2, "dtype": self.dtype_policy}
        self.half_resolution = ConvBlock(
            filters[0], 5, name="half_resolution", **options
        )
        self.quarter_resolution = ConvBlock(
            filters[1], 3, name="quarter_resolution", **options
        )

    def build(self, images_shape):
        self.half_resolution.build(images_shape)
        self.quarter_resolution.build(
            self.half_resolution.compute_output_shape(images_shape)
        )

    def call(self, images):
        half = self.half_resolution(images)
        return [images, half, self.quarter_resolution(half)]

    def compute_output_shape(self, images_shape):
        half_shape = self.half_resolution.compute_output_shape(images_shape)
        quarter_shape = self.quarter_resolution.compute_output_shape(half_shape)
        return [tuple(images_shape), half_shape, quarter_shape]

    def get_config(self):
        return {**super().get_config(), "filters": self.filters}
