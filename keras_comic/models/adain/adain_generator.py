"""Encoder-decoder generator with AdaIN style injection."""

import keras
from keras import ops

from keras_comic.layers import channel_moments
from keras_comic.layers import network_policy
from keras_comic.layers import pad_to_multiple
from keras_comic.models.adain.light_content_encoder import LightContentEncoder
from keras_comic.models.adain.light_decoder import LightDecoder
from keras_comic.models.adain.light_style_encoder import LightStyleEncoder
from keras_comic.models.adain.vgg_decoder import VGGDecoder
from keras_comic.models.adain.vgg_encoder import VGGEncoder
from keras_comic.models.style_generator import StyleGenerator
from keras_comic.training.judge import deserialized


@keras.saving.register_keras_serializable(package="keras_comic")
class AdaINGenerator(StyleGenerator):
    """Encoder-decoder that takes the style of any drawing, by AdaIN.

    Two sizes. `AdaINGenerator.light()` is the one to train and to use: small
    encoders and a decoder with the style injected at three scales, 0.83 M
    parameters, no VGG at inference. `AdaINGenerator.classic()` is the
    published network (VGG-19 to relu4_1 and its mirror), for weights that
    exist and for comparison.

    Args:
        content_encoder: Layer: images to a list of feature maps; its `stride`
            is what the sides are padded to.
        decoder: Layer: `(features, style)` to images.
        style_encoder: Layer: images to style vectors, or `None`: the style
            vector is then the channel means and deviations of the content
            encoder's last feature map. Defaults to `None`.
        styles: Dict of named styles, see `StyleGenerator`. Defaults to `None`.
        **kwargs: Keyword arguments of `keras.Model`.

    Call arguments:
        inputs: Dict of `photos`, float32 `(batch, height, width, 3)`, RGB in
            `[-1, 1]`, of sides that `stride` divides; and `style`, float32,
            style vectors `(batch, style_dim)` or style images `(batch,
            style_height, style_width, 3)` in `[-1, 1]`.
        training: Boolean, as in Keras; it changes nothing here. Defaults to
            `False`.

    Returns:
        Float32 `(batch, height, width, 3)`, RGB in `[-1, 1]` (the classic
        decoder may exceed it a little).

    Example:

    >>> generator = keras_comic.AdaINGenerator.light()
    >>> photos = np.random.randint(0, 256, (2, 33, 47, 3), dtype="uint8")
    >>> drawing = np.random.randint(0, 256, (32, 40, 3), dtype="uint8")
    >>> generator.stylize(photos, style=drawing).shape
    (2, 33, 47, 3)

    Reference:
        - [Huang and Belongie, 2017](https://arxiv.org/abs/1703.06868); the
          light one differs from it as said above.
    """

    def __init__(
        self,
        content_encoder,
        decoder,
        style_encoder=None,
        styles=None,
        **kwargs,
    ):
        super().__init__(styles=styles, **kwargs)
        self.content_encoder = content_encoder
        self.decoder = decoder
        self.style_encoder = style_encoder
        self.build()

    @classmethod
    def light(
        cls,
        filters=(32, 80, 40, 16),
        num_residual_blocks=4,
        style_dim=96,
        **kwargs,
    ):
        """The small, fast generator.

        Args:
            filters: Four integers > 0: channels of the encoder at half and
                quarter resolution, of the decoder at half and full
                resolution. Defaults to `(32, 80, 40, 16)`.
            num_residual_blocks: Integer >= 0. Defaults to `4`.
            style_dim: Integer > 0. Length of the style vector. Defaults to
                `96`.
            **kwargs: Keyword arguments of `AdaINGenerator`, and `dtype`.

        Returns:
            An `AdaINGenerator`, built, not trained.

        Raises:
            ValueError: If `filters` is not four positive integers.
        """
        filters = tuple(filters)
        if len(filters) != 4 or min(filters) < 1:
            raise ValueError(
                "`filters` must be four positive integers. "
                f"Received: filters={filters}"
            )
        half, quarter, decoded_half, full = filters
        dtype = network_policy(kwargs.get("dtype"))
        return cls(
            LightContentEncoder((half, quarter), dtype=dtype),
            LightDecoder(
                (quarter, decoded_half, full), num_residual_blocks, dtype=dtype
            ),
            LightStyleEncoder(style_dim=style_dim, dtype=dtype),
            **kwargs,
        )

    @classmethod
    def classic(cls, filters=(64, 128, 256, 512), **kwargs):
        """The published network: VGG-19 to relu4_1 and its mirror.

        Args:
            filters: Four integers > 0: channels of the blocks. Defaults to
                VGG-19's, `(64, 128, 256, 512)`.
            **kwargs: Keyword arguments of `AdaINGenerator`, and `dtype`.

        Returns:
            An `AdaINGenerator`, built, not trained.
        """
        dtype = network_policy(kwargs.get("dtype"))
        return cls(
            VGGEncoder(filters, dtype=dtype),
            VGGDecoder(filters, dtype=dtype),
            **kwargs,
        )

    @property
    def stride(self):
        return self.content_encoder.stride

    @property
    def style_dim(self):
        return self._style_shape[-1]

    @property
    def _style_shape(self):
        shape = (None, None, None, 3)
        if self.style_encoder is not None:
            return self.style_encoder.compute_output_shape(shape)
        features_shape = self.content_encoder.compute_output_shape(shape)
        return (None, 2 * features_shape[-1][-1])

    def build(self, input_shape=None):
        images_shape = (None, None, None, 3)
        # Layers that come from a config may be built already.
        if not self.content_encoder.built:
            self.content_encoder.build(images_shape)
        if self.style_encoder is not None and not self.style_encoder.built:
            self.style_encoder.build(images_shape)
        if not self.decoder.built:
            self.decoder.build(
                self.content_encoder.compute_output_shape(images_shape),
                self._style_shape,
            )
        self.built = True

    def encode_style(self, images):
        """Style vectors of images.

        Args:
            images: Float32 `(batch, height, width, 3)`, RGB in `[-1, 1]`;
                sides of at least 32 pixels.

        Returns:
            Float32 `(batch, style_dim)`.
        """
        if self.style_encoder is not None:
            return self.style_encoder(images)
        images, _ = pad_to_multiple(images, self.content_encoder.stride)
        moments = channel_moments(self.content_encoder(images)[-1])
        return ops.concatenate(moments, axis=-1)

    def call(self, inputs, training=False):
        photos, style = inputs["photos"], inputs["style"]
        if len(style.shape) == 4:
            style = self.encode_style(style)
        return self.decoder(self.content_encoder(photos), style)

    def get_config(self):
        config = super().get_config()
        for name in ("content_encoder", "decoder", "style_encoder"):
            part = getattr(self, name)
            config[name] = keras.saving.serialize_keras_object(part)
        return config

    @classmethod
    def from_config(cls, config):
        return cls(**deserialized(config))
