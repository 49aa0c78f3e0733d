"""The recurrent family's trainable pair: trained on clips."""

import keras
from keras import ops

from keras_comic import losses
from keras_comic.layers import warp_images
from keras_comic.losses.temporal import chained_flows
from keras_comic.losses.temporal import long_term_warping_loss
from keras_comic.losses.temporal import short_term_warping_loss
from keras_comic.models.feature_network import FeatureNetwork
from keras_comic.models.stylization_losses import style_layers_of
from keras_comic.models.stylization_losses import stylization_losses
from keras_comic.training import GAN


@keras.saving.register_keras_serializable(package="keras_comic")
class RecurrentStyleTransferGAN(GAN):
    """Trains a recurrent generator on clips and drawings.

    Every frame is to be a comic, by the terms of `StyleTransferGAN`; the
    frames together are to stay what they are while the scene moves: by
    warping losses against the frame before and the first frame, and before a
    discriminator of clips. What is real to that one is a drawing that is
    moved along the clip's own flow: strokes that stay on their things. Both
    are shown only where the flow holds.

    A batch is a dict of `clips`, float32 `(batch, frames, height, width, 3)`,
    RGB in `[-1, 1]`, at least three frames and as many as the discriminator
    of clips takes; `flow`, float32 `(batch, frames - 1, height, width, 2)`,
    pixels, `x`, then `y`, from each frame to the next, and `valid`, boolean
    `(batch, frames - 1, height, width)`, where it holds, both as
    `keras_comic.data.clip_dataset` gives them; and `style_images`, float32
    `(batch, height, width, 3)`, RGB in `[-1, 1]`. The clips are played
    backwards: then their flow leads from each frame to the one before, which
    is what a memory is moved by.

    Loss terms, with the recipe's weights: those of `StyleTransferGAN` for all
    frames (`content` 1, `style` 3e-4, `gram` 0, `structure` 0.3,
    `smoothness` 1, `tone` 0.5, `total_variation` 0, `adversarial` 0.2,
    `discriminator` 1); `short_term` 50 and `long_term` 25 (see
    `keras_comic.losses.short_term_warping_loss`); `temporal_adversarial` 0.1
    and `temporal_discriminator` 1. The style weighs twice as much as there:
    with less of it, the warping losses wash the style out.

    Args:
        generator: `RecurrentGenerator`.
        discriminator: `ClipDiscriminator`.
        feature_network: `"imagenet"`, the path of a file of weights, or a
            `FeatureNetwork`. Defaults to `"imagenet"`.
        adversarial_loss: `"least_squares"`, `"hinge"`, `"cross_entropy"`,
            `"minimax"` or `"wasserstein"`, for both discriminators. Defaults
            to `"least_squares"`.
        ema_momentum: Float in `[0, 1)`, see `GAN`. Defaults to `0.998`.
        augmentation: `AdaptiveAugmentation` or `None`, see `GAN`; of what the
            discriminator of pictures sees. Defaults to `None`.
        instance_noise: `InstanceNoise` or `None`, see `GAN`; of the same.
            Defaults to `None`.
        **kwargs: Keyword arguments of `keras.Model`.

    Call arguments:
        inputs: Dict, as the generator takes it.
        training: Boolean, as in Keras. Defaults to `False`.

    Returns:
        What the generator returns.

    Raises:
        ValueError: If `adversarial_loss` is unknown, or the feature network
            too shallow.

    Example:

    >>> models = keras_comic.models
    >>> gan = models.RecurrentStyleTransferGAN(
    ...     models.RecurrentGenerator.from_generator(
    ...         keras_comic.AdaINGenerator.light((4, 8, 4, 4), 1, 8), filters=4
    ...     ),
    ...     models.ClipDiscriminator(
    ...         models.PatchDiscriminator(4),
    ...         models.TemporalDiscriminator(3, filters=4),
    ...     ),
    ...     models.FeatureNetwork((1, 1, 3), (4, 4, 4)),
    ... )
    >>> gan.compile()
    >>> batch = {
    ...     "clips": np.random.uniform(-1, 1, (1, 3, 32, 32, 3)),
    ...     "flow": np.zeros((1, 2, 32, 32, 2)),
    ...     "valid": np.ones((1, 2, 32, 32), bool),
    ...     "style_images": np.random.uniform(-1, 1, (1, 32, 32, 3)),
    ... }
    >>> batch = {name: np.float32(value) for name, value in batch.items()}
    >>> logs = gan.train_on_batch(batch, return_dict=True)
    >>> sorted(logs)[-3:]
    ['temporal_adversarial', 'temporal_discriminator', 'tone']

    Reference:
        - [Lai et al., 2018](https://arxiv.org/abs/1808.00449), section 3, for
          the recurrent network and its two warping losses; differs from it in
          stylising, where that network corrects what another has stylised.
        - [Chu et al., 2020](https://arxiv.org/abs/1811.09393), section 3.1,
          for the discriminator of clips; differs from it in the real clips,
          since there are no stylised ones to show.
    """

    default_loss_weights = {
        "content": 1.0,
        "style": 3e-4,
        "gram": 0.0,
        "structure": 0.3,
        "smoothness": 1.0,
        "tone": 0.5,
        "total_variation": 0.0,
        "adversarial": 0.2,
        "discriminator": 1.0,
        "short_term": 50.0,
        "long_term": 25.0,
        "temporal_adversarial": 0.1,
        "temporal_discriminator": 1.0,
    }

    def __init__(
        self,
        generator,
        discriminator,
        feature_network="imagenet",
        adversarial_loss="least_squares",
        ema_momentum=0.998,
        augmentation=None,
        instance_noise=None,
        **kwargs,
    ):
        if adversarial_loss not in losses.ADVERSARIAL_LOSSES:
            raise ValueError(
                "`adversarial_loss` must be one of "
                f"{sorted(losses.ADVERSARIAL_LOSSES)}. "
                f"Received: adversarial_loss={adversarial_loss!r}"
            )
        super().__init__(
            generator,
            discriminator,
            ema_momentum,
            augmentation,
            instance_noise,
            **kwargs,
        )
        self.feature_network = FeatureNetwork.from_weights(feature_network)
        self.adversarial_loss = adversarial_loss
        # Tells now, not in the first step, what is missing.
        style_layers_of(self.feature_network)

    def default_optimizers(self):
        return (
            keras.optimizers.Adam(
                5e-4, beta_1=0.9, beta_2=0.99, global_clipnorm=3.0
            ),
            keras.optimizers.Adam(2e-4, beta_1=0.5, beta_2=0.99),
        )

    def generator_losses(self, batch):
        clips, flow, valid, drawings = _played_backwards(batch)
        comics = self._stylized(clips, flow, drawings)
        num_frames = clips.shape[1]
        pictures = _pictures(comics)
        values, _, _ = stylization_losses(
            pictures,
            _pictures(clips),
            ops.repeat(drawings, num_frames, axis=0),
            self.feature_network,
            self.is_used,
        )
        generator_loss, _ = losses.ADVERSARIAL_LOSSES[self.adversarial_loss]
        if self.is_used("adversarial"):
            values["adversarial"] = generator_loss(self.judge(pictures))
        values = {
            name: _clip_means(value, num_frames)
            for name, value in values.items()
        }
        if self.is_used("short_term"):
            values["short_term"] = short_term_warping_loss(
                comics, clips, flow, valid
            )
        if self.is_used("long_term"):
            values["long_term"] = long_term_warping_loss(
                comics, clips, flow, valid
            )
        if self.is_used("temporal_adversarial"):
            shown = _where_flow_holds(comics, chained_flows(flow, valid))
            values["temporal_adversarial"] = generator_loss(
                self.discriminator(shown)
            )
        return values

    def discriminator_losses(self, batch):
        if not (
            self.is_used("adversarial") or self.is_used("temporal_adversarial")
        ):
            return {}
        clips, flow, valid, drawings = _played_backwards(batch)
        comics = ops.stop_gradient(self._stylized(clips, flow, drawings))
        chains = chained_flows(flow, valid)
        moved = [warp_images(drawings, way) for way, _ in chains]
        moved = ops.stack([drawings, *moved], axis=1)
        num_frames = clips.shape[1]
        _, discriminator_loss = losses.ADVERSARIAL_LOSSES[self.adversarial_loss]
        real_logits = self.judge(drawings, training=True, real=True)
        values = discriminator_loss(
            # As many as there are fake ones.
            ops.repeat(real_logits, num_frames, axis=0),
            self.judge(_pictures(comics), training=True),
        )
        return {
            "discriminator": _clip_means(values, num_frames),
            "temporal_discriminator": discriminator_loss(
                self.discriminator(
                    _where_flow_holds(moved, chains), training=True
                ),
                self.discriminator(
                    _where_flow_holds(comics, chains), training=True
                ),
            ),
        }

    def _stylized(self, clips, flow, drawings):
        return self.active_generator.stylize_clips(
            clips, drawings, flow, training=True
        )

    def get_config(self):
        config = super().get_config()
        # Clips have a motion of their own.
        config.pop("consistency", None)
        return {
            **config,
            "feature_network": keras.saving.serialize_keras_object(
                self.feature_network
            ),
            "adversarial_loss": self.adversarial_loss,
        }


def _played_backwards(batch):
    """Clips whose flow leads from each frame to the one before."""
    clips, flow, valid = (
        ops.flip(ops.convert_to_tensor(batch[name]), axis=1)
        for name in ("clips", "flow", "valid")
    )
    return clips, flow, valid, ops.convert_to_tensor(batch["style_images"])


def _pictures(clips):
    """The frames of all clips, as one batch."""
    return ops.reshape(clips, (-1, *ops.shape(clips)[2:]))


def _clip_means(values, num_frames):
    return ops.mean(ops.reshape(values, (-1, num_frames)), axis=1)


def _where_flow_holds(clips, chains):
    """The clips, grey where the way back to the first frame is not known."""
    masks = [ops.ones_like(chains[0][1]), *(mask for _, mask in chains)]
    return clips * ops.stack(masks, axis=1)
