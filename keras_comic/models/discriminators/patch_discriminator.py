"""A discriminator of patches."""

import keras
from keras import ops

from keras_comic.layers import SpectralNormalization
from keras_comic.layers import channel_moments
from keras_comic.layers import network_policy


@keras.saving.register_keras_serializable(package="keras_comic")
class PatchDiscriminator(keras.Model):
    """Judges every patch of an image: one logit for each 70x70 pixels.

    Convolutions of kernel 4, each after one pixel of zero padding:
    `num_layers` of stride 2 that double the channels (up to 8 times the
    first), one of stride 1, and one of stride 1 to the logit; LeakyReLU of
    slope 0.2 between them. With three layers of stride 2 a logit sees 70x70
    pixels and lies every 8 pixels; 256x256 pixels give 30x30 logits. Any
    height and width.

    Args:
        filters: Integer > 0. Channels of the first convolution. Defaults to
            `64`.
        num_layers: Integer > 0. Convolutions of stride 2. Defaults to `3`.
        spectral_normalization: Boolean. Normalises every kernel by its
            largest singular value. Defaults to `True`.
        normalization: `"instance"` (without scale and shift; not after the
            first and the last convolution) or `None`. Defaults to `None`.
        **kwargs: Keyword arguments of `keras.Model`.

    Call arguments:
        images: Float `(batch, height, width, 3)`, RGB in `[-1, 1]`; sides of
            at least 24 pixels (with three layers of stride 2).
        training: Boolean, as in Keras. Only `True` moves the vectors of the
            spectral normalisation. Defaults to `False`.

    Returns:
        Float32 logits `(batch, height // 8 - 2, width // 8 - 2, 1)` (with
        three layers of stride 2), any range.

    Raises:
        ValueError: If a number is not positive, `normalization` is unknown or
            the images are too small.

    Example:

    >>> discriminator = keras_comic.models.PatchDiscriminator(filters=4)
    >>> images = np.random.uniform(-1, 1, (1, 32, 32, 3)).astype("float32")
    >>> tuple(discriminator(images).shape)
    (1, 2, 2, 1)

    Reference:
        - [Isola et al., 2017](https://arxiv.org/abs/1611.07004), section 6.1.2,
          with spectral normalisation ([Miyato et al., 2018](
          https://arxiv.org/abs/1802.05957)) in the place of batch
          normalisation.
    """

    def __init__(
        self,
        filters=64,
        num_layers=3,
        spectral_normalization=True,
        normalization=None,
        **kwargs,
    ):
        if filters < 1 or num_layers < 1:
            raise ValueError(
                "`filters` and `num_layers` must be positive integers. "
                f"Received: filters={filters}, num_layers={num_layers}"
            )
        if normalization not in ("instance", None):
            raise ValueError(
                '`normalization` must be "instance" or None. '
                f"Received: normalization={normalization!r}"
            )
        dtype = network_policy(kwargs.pop("dtype", None))
        super().__init__(dtype=dtype, **kwargs)
        self.filters = filters
        self.num_layers = num_layers
        self.spectral_normalization = spectral_normalization
        self.normalization = normalization
        widths = [filters * min(2**i, 8) for i in range(num_layers + 1)] + [1]
        self.convolutions = []
        for i, width in enumerate(widths):
            normalized = normalization is not None and 0 < i <= num_layers
            convolution = keras.layers.Conv2D(
                width,
                4,
                strides=2 if i < num_layers else 1,
                # The normalisation takes a bias away again.
                use_bias=not normalized,
                kernel_initializer=keras.initializers.RandomNormal(stddev=0.02),
                data_format="channels_last",
                dtype=self.dtype_policy,
                name=f"convolution_{i}",
            )
            if spectral_normalization:
                convolution = SpectralNormalization(
                    convolution, name=f"spectral_{i}"
                )
            self.convolutions.append(convolution)
        self.build((None, None, None, 3))

    def build(self, images_shape):
        shape = (None, 64, 64, images_shape[-1])
        for convolution in self.convolutions:
            convolution.build(shape)
            shape = (*shape[:-1], convolution.compute_output_shape(shape)[-1])

    def call(self, images, training=False):
        self._check_sides(images)
        features = images
        last = len(self.convolutions) - 1
        for i, convolution in enumerate(self.convolutions):
            features = ops.pad(features, [[0, 0], [1, 1], [1, 1], [0, 0]])
            if self.spectral_normalization:
                features = convolution(features, training=training)
            else:
                features = convolution(features)
            if self.normalization is not None and 0 < i < last:
                features = _instance_normalize(features)
            if i < last:
                features = ops.leaky_relu(features, negative_slope=0.2)
        return ops.cast(features, "float32")

    def get_config(self):
        return {
            **super().get_config(),
            "filters": self.filters,
            "num_layers": self.num_layers,
            "spectral_normalization": self.spectral_normalization,
            "normalization": self.normalization,
        }

    def _check_sides(self, images):
        smallest = 3 * 2**self.num_layers
        shape = tuple(images.shape)
        if any(side is not None and side < smallest for side in shape[1:3]):
            raise ValueError(
                f"Images must have sides of at least {smallest} pixels with "
                f"{self.num_layers} layers of stride 2. "
                f"Received: images.shape={shape}"
            )


def _instance_normalize(features):
    mean, deviation = channel_moments(features)
    normalized = ops.cast(features, "float32") - mean[:, None, None]
    normalized = normalized / deviation[:, None, None]
    return ops.cast(normalized, features.dtype)
