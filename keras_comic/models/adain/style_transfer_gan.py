"""The AdaIN family's trainable pair."""

import keras

from keras_comic import losses
from keras_comic.models.features.feature_network import FeatureNetwork
from keras_comic.models.stylization_losses import style_layers_of
from keras_comic.models.stylization_losses import stylization_losses
from keras_comic.training import GAN
from keras_comic.training import Phase

# The argument by which a discriminator's loss takes one-sided smoothing.
SMOOTHED = {
    "least_squares": ("real_target", lambda smoothing: 1.0 - smoothing),
    "cross_entropy": ("label_smoothing", float),
    "minimax": ("label_smoothing", float),
}


@keras.saving.register_keras_serializable(package="keras_comic")
class StyleTransferGAN(GAN):
    """Trains an AdaIN generator on photos and drawings, unpaired.

    The generator keeps the content of the photo (normalised relu3_3), takes
    the channel moments of the drawing (relu1_1 to relu4_1, as far as the
    feature network goes), and has to pass for a drawing before a patch
    discriminator.

    Loss terms, with the recipe's weights: `content` 1; `style` 1.5e-4 (moments
    of features of 0-255 pictures are in the tens of thousands); `gram` 0;
    `structure` 0.3 (1 - SSIM of luminance against the photo); `tone` 0.5
    (light and dark at coarse scale); `smoothness` 1 (total variation where
    the photo is flat); `total_variation` 0; `adversarial` 0.2;
    `discriminator` 1. With a `consistency`: `consistency` 4, and `coherence`
    0.3 if it holds a coherence loss.

    Args:
        generator: `AdaINGenerator`, or any generator of photos and a style.
        discriminator: `PatchDiscriminator`, or a `Judge` of one; it judges
            stylised photos against real drawings. An `AdaptiveAugmentation`
            in a `Judge` needs `boundary=0.5` with the least squares loss.
        feature_network: `"imagenet"`, the path of a file of weights, or a
            `FeatureNetwork`. Defaults to `"imagenet"`.
        adversarial_loss: `"least_squares"`, `"hinge"`, `"cross_entropy"`,
            `"minimax"` or `"wasserstein"`. Defaults to `"least_squares"`.
        label_smoothing: Float in `[0, 0.5)`. Taken from the label 1 of the
            real drawings; the fakes keep theirs. For least squares and
            cross-entropy. Defaults to `0.0`.
        ema_momentum: Float in `[0, 1)`, see `GAN`. Defaults to `0.998`.
        consistency: `TemporalConsistency` or `None`, see `GAN`; its coherence
            loss gets relu1_1, relu2_1 and relu3_1. Defaults to `None`.
        **kwargs: Keyword arguments of `keras.Model`.

    Call arguments:
        inputs: Dict of `photos` and `style`, as the generator takes them.
        training: Boolean, as in Keras. Defaults to `False`.

    Returns:
        Float32 `(batch, height, width, 3)`, RGB in `[-1, 1]`.

    Raises:
        ValueError: If `adversarial_loss` is unknown, or `label_smoothing` is
            out of its range or given to a loss without labels.

    Example:

    >>> gan = keras_comic.StyleTransferGAN(
    ...     keras_comic.AdaINGenerator.light((4, 8, 4, 4), 1, 8),
    ...     keras_comic.models.PatchDiscriminator(4),
    ...     keras_comic.models.FeatureNetwork((1, 1, 3), (4, 4, 4)),
    ... )
    >>> gan.compile()
    >>> photos = np.random.uniform(-1, 1, (2, 32, 32, 3)).astype("float32")
    >>> batch = {"photos": photos, "style_images": photos[::-1].copy()}
    >>> logs = gan.train_on_batch(batch, return_dict=True)
    >>> sorted(logs)[:3]
    ['adversarial', 'content', 'discriminator']

    Reference:
        - [Huang and Belongie, 2017](https://arxiv.org/abs/1703.06868),
          section 5; differs from it in the content target (the photo's own
          normalised features), in the discriminator, and in training the
          encoders too.
    """

    default_loss_weights = {
        "content": 1.0,
        "style": 1.5e-4,
        "gram": 0.0,
        "structure": 0.3,
        "smoothness": 1.0,
        "tone": 0.5,
        "total_variation": 0.0,
        "adversarial": 0.2,
        "discriminator": 1.0,
        "consistency": 4.0,
        "coherence": 0.3,
    }

    batch_names = ("photos", "style_images")

    def __init__(
        self,
        generator,
        discriminator,
        feature_network="imagenet",
        adversarial_loss="least_squares",
        label_smoothing=0.0,
        ema_momentum=0.998,
        consistency=None,
        **kwargs,
    ):
        if adversarial_loss not in losses.ADVERSARIAL_LOSSES:
            raise ValueError(
                "`adversarial_loss` must be one of "
                f"{sorted(losses.ADVERSARIAL_LOSSES)}. "
                f"Received: adversarial_loss={adversarial_loss!r}"
            )
        if not 0.0 <= label_smoothing < 0.5:
            raise ValueError(
                "`label_smoothing` must be in [0, 0.5). "
                f"Received: label_smoothing={label_smoothing}"
            )
        if label_smoothing > 0.0 and adversarial_loss not in SMOOTHED:
            raise ValueError(
                f"`label_smoothing` is for {sorted(SMOOTHED)}. Received: "
                f"label_smoothing={label_smoothing} with "
                f"adversarial_loss={adversarial_loss!r}"
            )
        super().__init__(
            generator,
            discriminator,
            ema_momentum=ema_momentum,
            consistency=consistency,
            **kwargs,
        )
        self.feature_network = FeatureNetwork.from_weights(feature_network)
        self.adversarial_loss = adversarial_loss
        self.label_smoothing = label_smoothing
        self.style_layers = style_layers_of(self.feature_network)
        if consistency is not None:
            features = self.feature_network(
                keras.KerasTensor((1, 64, 64, 3)), layers=self.style_layers[:3]
            )
            consistency.build_coherence([f.shape for f in features.values()])

    def phases(self):
        return [
            Phase(
                "discriminator",
                self.discriminator_losses,
                ["discriminator"],
                lambda: keras.optimizers.Adam(2e-4, beta_1=0.5, beta_2=0.99),
            ),
            Phase(
                "generator",
                self.generator_losses,
                self.generator_side,
                lambda: keras.optimizers.Adam(
                    1e-3, beta_1=0.9, beta_2=0.99, global_clipnorm=3.0
                ),
            ),
        ]

    def _stylized(self, batch, training):
        return self.active_generator(
            {"photos": batch["photos"], "style": batch["style_images"]},
            training=training,
        )

    def generator_losses(self, batch):
        photos, drawings = batch["photos"], batch["style_images"]
        comics = self._stylized(batch, training=True)
        coherence_layers = []
        if self.consistency is not None and self.is_used("coherence"):
            coherence_layers = self.style_layers[:3]
        values, features, photo_features = stylization_losses(
            comics,
            photos,
            drawings,
            self.feature_network,
            self.is_used,
            coherence_layers,
        )
        if self.is_used("adversarial"):
            generator_loss, _ = losses.ADVERSARIAL_LOSSES[self.adversarial_loss]
            values["adversarial"] = generator_loss(self.judge(comics))
        if self.consistency is not None:
            values |= self.consistency.terms(
                photos,
                comics,
                lambda moved: self._stylized(
                    {**batch, "photos": moved}, training=True
                ),
                [features[name] for name in coherence_layers],
                [photo_features[name] for name in coherence_layers],
                [n for n in ("consistency", "coherence") if self.is_used(n)],
            )
        return values

    def discriminator_losses(self, batch):
        if not self.is_used("adversarial"):
            return {}
        _, discriminator_loss = losses.ADVERSARIAL_LOSSES[self.adversarial_loss]
        options = {}
        if self.label_smoothing > 0.0:
            name, target = SMOOTHED[self.adversarial_loss]
            options = {name: target(self.label_smoothing)}
        comics = keras.ops.stop_gradient(self._stylized(batch, training=True))
        return {
            "discriminator": discriminator_loss(
                self.judge(batch["style_images"], training=True, real=True),
                self.judge(comics, training=True),
                **options,
            )
        }

    def get_config(self):
        return {
            **super().get_config(),
            "feature_network": keras.saving.serialize_keras_object(
                self.feature_network
            ),
            "adversarial_loss": self.adversarial_loss,
            "label_smoothing": self.label_smoothing,
        }
