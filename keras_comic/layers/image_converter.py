"""Between the pixels of files and those of the networks."""

import keras
from keras import ops


def to_float(pixels):
    """Converts `[0, 255]` to float32 `[-1, 1]`.

    Args:
        pixels: uint8 or float tensor of any shape, in `[0, 255]`.

    Returns:
        Float32 of the same shape, in `[-1, 1]`.
    """
    return ops.cast(pixels, "float32") / 127.5 - 1.0


def to_pixels(images):
    """Converts `[-1, 1]` to float32 `[0, 255]`, clipped, not rounded.

    Args:
        images: Float tensor of any shape.

    Returns:
        Float32 of the same shape, in `[0, 255]`.
    """
    pixels = (ops.cast(images, "float32") + 1.0) * 127.5
    return ops.clip(pixels, 0.0, 255.0)


def to_uint8(images):
    """Converts `[-1, 1]` to uint8 `[0, 255]`, clipped and rounded.

    Args:
        images: Float tensor of any shape.

    Returns:
        uint8 of the same shape: `to_uint8(to_float(x))` is `x`.

    Example:

    >>> pixels = np.arange(256).astype("uint8")
    >>> restored = keras_comic.layers.to_uint8(
    ...     keras_comic.layers.to_float(pixels)
    ... )
    >>> bool(np.all(np.asarray(restored) == pixels))
    True
    """
    return ops.cast(ops.round(to_pixels(images)), "uint8")


@keras.saving.register_keras_serializable(package="keras_comic")
class ImageConverter(keras.layers.Layer):
    """Converts uint8 `[0, 255]` to float32 `[-1, 1]`, and back.

    The one place where pixels change their range: `images / 127.5 - 1`, in
    float32 under every dtype policy. `inverse` rounds to the nearest integer
    (halves to even), so that `inverse(converter(images))` is `images`.

    Args:
        **kwargs: Keyword arguments of `keras.layers.Layer`; `dtype` has no
            effect, it is float32.

    Call arguments:
        images: uint8 `(batch, height, width, 3)` or `(height, width, 3)`, RGB
            in `[0, 255]`.

    Returns:
        Float32 of the same shape, RGB in `[-1, 1]`.

    Raises:
        TypeError: If `images` is not uint8.
        ValueError: If `images` is not RGB of rank 3 or 4.

    Example:

    >>> images = np.random.randint(0, 256, (1, 32, 32, 3)).astype("uint8")
    >>> converter = keras_comic.layers.ImageConverter()
    >>> restored = converter.inverse(converter(images))
    >>> bool(np.all(np.asarray(restored) == images))
    True
    """

    def __init__(self, **kwargs):
        kwargs["dtype"] = "float32"
        super().__init__(**kwargs)

    def call(self, images):
        dtype = keras.backend.standardize_dtype(images.dtype)
        if dtype != "uint8":
            raise TypeError(
                "`images` must be uint8 in [0, 255]. "
                f"Received: images.dtype={dtype}"
            )
        self._check_shape(images)
        return ops.cast(images, "float32") / 127.5 - 1.0

    def inverse(self, images):
        """Converts float `[-1, 1]` to uint8 `[0, 255]`.

        Args:
            images: Float `(batch, height, width, 3)` or `(height, width, 3)`,
                RGB in `[-1, 1]`; what lies outside is clipped.

        Returns:
            uint8 of the same shape, RGB in `[0, 255]`.

        Raises:
            TypeError: If `images` is not of a float dtype.
            ValueError: If `images` is not RGB of rank 3 or 4.

        Example:

        >>> converter = keras_comic.layers.ImageConverter()
        >>> white = converter.inverse(np.ones((32, 32, 3), "float32"))
        >>> int(white[0, 0, 0])
        255
        """
        dtype = keras.backend.standardize_dtype(images.dtype)
        if "float" not in dtype:
            raise TypeError(
                "`images` must be of a float dtype, in [-1, 1]. "
                f"Received: images.dtype={dtype}"
            )
        self._check_shape(images)
        pixels = (ops.cast(images, "float32") + 1.0) * 127.5
        return ops.cast(ops.clip(ops.round(pixels), 0.0, 255.0), "uint8")

    def compute_output_spec(self, images):
        return keras.KerasTensor(images.shape, dtype="float32")

    def _check_shape(self, images):
        shape = tuple(images.shape)
        if len(shape) not in (3, 4) or shape[-1] != 3:
            raise ValueError(
                "`images` must be RGB, (height, width, 3) or "
                "(batch, height, width, 3). "
                f"Received: images.shape={shape}"
            )
