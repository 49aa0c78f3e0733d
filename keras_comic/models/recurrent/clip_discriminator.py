"""Two discriminators in one: of pictures, and of clips."""

import keras


@keras.saving.register_keras_serializable(package="keras_comic")
class ClipDiscriminator(keras.Model):
    """Judges pictures by one network, and clips by another.

    What `RecurrentStyleTransferGAN` trains against: both networks have one
    optimizer, and what comes in decides which of them is asked.

    Args:
        frame_discriminator: `PatchDiscriminator`, or another model of
            pictures that gives logits, built.
        temporal_discriminator: `TemporalDiscriminator`, or another model of
            clips that gives logits, built.
        **kwargs: Keyword arguments of `keras.Model`.

    Call arguments:
        images: Float `(batch, height, width, 3)` or, of clips, `(batch,
            frames, height, width, 3)`, RGB in `[-1, 1]`.
        training: Boolean, as in Keras. Defaults to `False`.

    Returns:
        What the network of pictures, or that of clips, returns.

    Raises:
        ValueError: If a network is not built.

    Example:

    >>> discriminator = keras_comic.models.ClipDiscriminator(
    ...     keras_comic.models.PatchDiscriminator(4),
    ...     keras_comic.models.TemporalDiscriminator(3, filters=4),
    ... )
    >>> clips = np.random.uniform(-1, 1, (1, 3, 32, 32, 3)).astype("float32")
    >>> tuple(discriminator(clips).shape)
    (1, 1, 2, 2, 1)
    >>> tuple(discriminator(clips[:, 0]).shape)
    (1, 2, 2, 1)
    """

    def __init__(self, frame_discriminator, temporal_discriminator, **kwargs):
        for name, network in (
            ("frame_discriminator", frame_discriminator),
            ("temporal_discriminator", temporal_discriminator),
        ):
            if not network.built:
                raise ValueError(
                    f"`{name}` must be built: call it once. "
                    f"Received: {name}.built={network.built}"
                )
        kwargs.setdefault("dtype", frame_discriminator.dtype_policy)
        super().__init__(**kwargs)
        self.frame_discriminator = frame_discriminator
        self.temporal_discriminator = temporal_discriminator
        self.built = True

    def build(self, images_shape=None):
        self.built = True

    def call(self, images, training=False):
        return self._network_of(images.shape)(images, training=training)

    def compute_output_shape(self, images_shape):
        network = self._network_of(images_shape)
        return network.compute_output_shape(images_shape)

    def _network_of(self, shape):
        if len(shape) == 5:
            return self.temporal_discriminator
        return self.frame_discriminator

    def get_config(self):
        return {
            **super().get_config(),
            "frame_discriminator": keras.saving.serialize_keras_object(
                self.frame_discriminator
            ),
            "temporal_discriminator": keras.saving.serialize_keras_object(
                self.temporal_discriminator
            ),
        }

    @classmethod
    def from_config(cls, config):
        config = dict(config)
        for name in ("frame_discriminator", "temporal_discriminator"):
            config[name] = keras.saving.deserialize_keras_object(config[name])
        return cls(**config)
