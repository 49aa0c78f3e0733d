"""A discriminator with what is done to the pictures it sees."""

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="keras_comic")
class Judge(keras.layers.Layer):
    """A discriminator that sees its pictures augmented, and with noise.

    Give it to a `GAN` in the place of the discriminator. In training, reals
    and fakes of both phases then go through the augmentation and the noise;
    evaluation leaves pictures as they are. Pictures that belong together, such
    as a photo and its comic for a conditional discriminator, are augmented
    alike: what is turned in one is turned in the other. The noise of each is
    its own.

    Args:
        discriminator: `keras.Model` that gives logits, built.
        augmentation: `AdaptiveAugmentation` layer, or `None`. The `GAN` feeds
            it the logits of the real pictures. Defaults to `None`.
        instance_noise: `InstanceNoise` layer, or `None`. Defaults to `None`.
        **kwargs: Keyword arguments of `keras.layers.Layer`, but `dtype`.

    Call arguments:
        pictures: Float `(batch, height, width, 3)`, RGB in `[-1, 1]`, or a
            structure of such that the discriminator takes.
        step: Integer scalar, the training steps done. Defaults to `0`.
        training: Boolean, for the discriminator. Defaults to `False`.

    Returns:
        Whatever the discriminator returns.

    Example:

    >>> judge = keras_comic.training.Judge(
    ...     keras_comic.models.PatchDiscriminator(4),
    ...     keras_comic.layers.AdaptiveAugmentation(["blit"]),
    ... )
    >>> pictures = np.random.uniform(-1, 1, (2, 32, 32, 3)).astype("float32")
    >>> tuple(judge(pictures).shape)
    (2, 2, 2, 1)

    Reference:
        - [Karras et al., 2020](https://arxiv.org/abs/2006.06676), section 2.2
          and figure 2b: the discriminator never sees a picture that is not
          augmented.
    """

    def __init__(
        self, discriminator, augmentation=None, instance_noise=None, **kwargs
    ):
        kwargs["dtype"] = "float32"
        super().__init__(autocast=False, **kwargs)
        self.discriminator = discriminator
        self.augmentation = augmentation
        self.instance_noise = instance_noise
        self.built = discriminator.built

    def augment(self, pictures, step=0, **replica):
        """Returns the pictures as the discriminator sees them in training.

        Args:
            pictures: As in a call.
            step: Integer scalar, the training steps done. Defaults to `0`.
            **replica: `replica` and `num_replicas` of the layers.

        Returns:
            Float32, of the structure and shapes of `pictures`; the pictures
            themselves without augmentation and noise.
        """
        if self.augmentation is not None:
            state = self.augmentation.seed_generator.state
            start = ops.copy(state.value)

            def augment_alike(picture):
                state.assign(start)
                return self.augmentation(picture, **replica)

            pictures = keras.tree.map_structure(augment_alike, pictures)
        if self.instance_noise is not None:
            replica["step"] = step
            pictures = keras.tree.map_structure(
                lambda picture: self.instance_noise(picture, **replica),
                pictures,
            )
        return pictures

    def observe(self, real_logits, sum_over_replicas):
        """Tells the augmentation how sure the discriminator is.

        Args:
            real_logits: Float `(batch, ...)`, the logits of real pictures.
            sum_over_replicas: Callable that sums a tensor over all devices.
        """
        if self.augmentation is not None:
            signs = self.augmentation.signs_of(real_logits)
            self.augmentation.observe(sum_over_replicas(signs))

    def call(self, pictures, step=0, training=False):
        return self.discriminator(
            self.augment(pictures, step), training=training
        )

    def get_config(self):
        config = super().get_config()
        for name in ("discriminator", "augmentation", "instance_noise"):
            part = getattr(self, name)
            config[name] = keras.saving.serialize_keras_object(part)
        return config

    @classmethod
    def from_config(cls, config):
        return cls(**deserialized(config))


def deserialized(config):
    """Makes the objects of a config."""
    return {
        name: keras.saving.deserialize_keras_object(value)
        if isinstance(value, dict) and "class_name" in value
        else value
        for name, value in config.items()
    }
