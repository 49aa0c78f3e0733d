"""Losses that make a generator coherent on video, without video."""

import keras

from keras_comic import losses
from keras_comic.layers import RandomMotion
from keras_comic.layers import warp_images
from keras_comic.training.judge import deserialized

CONSISTENCY = "consistency"
COHERENCE = "coherence"

MOTIONS = {
    "noise": {"max_shift": 0.0, "max_affine": 0.0, "max_deformation": 0.0},
    "shift": {"max_affine": 0.0, "max_deformation": 0.0},
    "affine": {"max_deformation": 0.0},
    "flow": {},
}


@keras.saving.register_keras_serializable(package="keras_comic")
class TemporalConsistency(keras.layers.Layer):
    """The losses of coherence in time, for any family of generators.

    Give it to a `GAN` as `consistency`. The generator's phase then stylises a
    second, moved version of each photo, and gets two terms: `consistency`,
    how far the comic of the moved photo lies from the moved comic, and, where
    a `coherence` loss is given and the family passes features,
    `coherence`. Their weights are those of `compile(loss_weights=...)`.

    Args:
        motion: `"noise"`, `"shift"`, `"affine"`, `"flow"` (all of the
            motions, with the defaults of `RandomMotion`), or a `RandomMotion`.
            Defaults to `"flow"`.
        coherence: `CoherencePreservingLoss` or `None`. Defaults to `None`.
        **kwargs: Keyword arguments of `keras.layers.Layer`, but `dtype`.

    Example:

    >>> consistency = keras_comic.training.TemporalConsistency("shift")
    >>> photos = np.random.uniform(-1, 1, (2, 32, 32, 3)).astype("float32")
    >>> terms = consistency.terms(photos, -photos, lambda moved: -moved)
    >>> bool(np.max(terms["consistency"]) < 0.05)
    True

    Reference:
        - [Wang et al., 2020](https://doi.org/10.1109/TIP.2020.3024018) and
          [Wu et al., 2022](https://arxiv.org/abs/2207.04808); see
          `RandomMotion` and `CoherencePreservingLoss`.
    """

    def __init__(self, motion="flow", coherence=None, **kwargs):
        kwargs["dtype"] = "float32"
        super().__init__(autocast=False, **kwargs)
        if isinstance(motion, str):
            if motion not in MOTIONS:
                raise ValueError(
                    f"`motion` must be one of {sorted(MOTIONS)}, or a "
                    f"`RandomMotion`. Received: motion={motion!r}"
                )
            motion = RandomMotion(**MOTIONS[motion])
        self.motion = motion
        self.coherence = coherence
        self.built = True

    def build_coherence(self, features_shapes):
        """Makes the weights of the coherence loss.

        Args:
            features_shapes: List of shapes `(batch, height, width, channels)`.
        """
        if self.coherence is not None and not self.coherence.built:
            self.coherence.build(features_shapes, features_shapes)

    def terms(
        self,
        photos,
        comics,
        stylize,
        comic_features=None,
        photo_features=None,
        names=(CONSISTENCY, COHERENCE),
    ):
        """Computes the named loss terms of a batch.

        Args:
            photos: Float `(batch, height, width, 3)`, RGB in `[-1, 1]`.
            comics: Float, of the same shape: the generator's comics of them.
            stylize: Function that makes comics of photos, with the same
                styles.
            comic_features: List of their feature maps. Defaults to `None`.
            photo_features: List of those of the photos. Defaults to `None`.
            names: The terms that are wanted. Defaults to both.

        Returns:
            Dict of name to float32 `(batch,)`.
        """
        values = {}
        if CONSISTENCY in names:
            moved, flow, valid = self.motion(photos)
            values[CONSISTENCY] = losses.motion_consistency_loss(
                warp_images(keras.ops.cast(comics, "float32"), flow),
                stylize(moved),
                valid,
            )
        if COHERENCE in names and None not in (self.coherence, comic_features):
            values[COHERENCE] = self.coherence(comic_features, photo_features)
        return values

    def get_config(self):
        return {
            **super().get_config(),
            "motion": keras.saving.serialize_keras_object(self.motion),
            "coherence": keras.saving.serialize_keras_object(self.coherence),
        }

    @classmethod
    def from_config(cls, config):
        return cls(**deserialized(config))
