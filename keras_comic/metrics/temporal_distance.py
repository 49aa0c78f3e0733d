"""The difference of the changes of a stylised video and of its source."""

import keras
from keras import ops

from keras_comic.metrics.perceptual_distance import PerceptualDistance


@keras.saving.register_keras_serializable(package="keras_comic")
class TemporalDistance(PerceptualDistance):
    """Mean difference of the changes of a stylised video and of its source.

    Known as tLPIPS or tLP: `|d(comic, next comic) - d(photo, next photo)|`,
    where d is the distance of `PerceptualDistance`. It needs no flow. What
    flickers changes more than its source, what lags behind or is frozen
    changes less; both are far from 0. Lower is better, 0 is the source.

    Args:
        feature_network: Callable or `None`, see `PerceptualDistance`. Defaults
            to `None`.
        layers: List of strings, or `None` for all. Defaults to `None`.
        heads: List of float `(channels,)` or `None`, see `PerceptualDistance`.
            Defaults to `None`.
        protocol: Dict or `None`, see `FrechetDistance`. Defaults to `None`.
        name: String or `None`. Defaults to `None`, `"temporal_distance"`.
        **kwargs: Keyword arguments of `keras.metrics.Metric`.

    Returns:
        `result()` is a float64 scalar (float32 on JAX), at least 0; NaN
        without pairs.

    Raises:
        TypeError: If `feature_network` is not callable.
        ValueError: If a head is negative, or `protocol` is no such dict.

    Example:

    >>> distance = keras_comic.metrics.TemporalDistance()
    >>> up = [np.reshape([0.0, 2.0], (1, 1, 1, 2))]
    >>> right = [np.reshape([1.0, 0.0], (1, 1, 1, 2))]
    >>> distance.update_state(up, up, up, right)  # only the comic changes
    >>> float(distance.result())
    2.0

    Reference:
        - [Chu et al., 2020](https://arxiv.org/abs/1811.09393), section 4, tLP;
          differs from it in the networks, which are the caller's, and in that
          it is not multiplied by 100.
    """

    def update_state(
        self,
        photos,
        next_photos,
        fake_comics,
        next_fake_comics,
        sample_weight=None,
    ):
        """Adds pairs of consecutive frames.

        Args:
            photos: Float `(batch, height, width, 3)`, RGB in `[-1, 1]`: frames
                of the source. Without a feature network, a list or a dict of
                activations, here and below.
            next_photos: Float, of the shape of `photos`: the frames after.
            fake_comics: Float, of the shape of `photos`: the frames of the
                stylised video.
            next_fake_comics: Float, of the shape of `photos`.
            sample_weight: Float `(batch,)` or `None`. What each pair counts.
                Defaults to `None`, 1.
        """
        super().update_state(
            (photos, next_photos),
            (fake_comics, next_fake_comics),
            sample_weight,
        )

    def sample_values(self, photos, fake_comics):
        return ops.abs(
            super().sample_values(*fake_comics) - super().sample_values(*photos)
        )
