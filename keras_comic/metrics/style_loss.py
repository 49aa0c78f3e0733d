"""The mean style loss of pairs."""

import keras
from keras import ops

from keras_comic.metrics.sample_mean import LayerMean


@keras.saving.register_keras_serializable(package="keras_comic")
class StyleLoss(LayerMean):
    """Mean difference of the Gram matrices of fake comics and drawings.

    Sum over layers of the mean squared difference of the Gram matrices, each
    divided by its number of positions, so that drawings may have another size
    than the images. Lower is better. `StyleScore` measures the moments of the
    channels instead, and relates them to the untouched photos.

    Works in `compile(metrics=[...])` on every backend.

    Args:
        feature_network: Callable or `None`, see `PerceptualDistance`. Defaults
            to `None`.
        layers: List of strings, or `None` for all. Defaults to `None`.
        protocol: Dict or `None`, see `FrechetDistance`. Defaults to `None`.
        name: String or `None`. Defaults to `None`, `"style_loss"`.
        **kwargs: Keyword arguments of `keras.metrics.Metric`.

    Returns:
        `result()` is a float64 scalar (float32 on JAX), at least 0, in fourth
        powers of the activations' unit; NaN without pairs.

    Raises:
        TypeError: If `feature_network` is not callable.
        ValueError: If `protocol` is no such dict.

    Example:

    >>> loss = keras_comic.metrics.StyleLoss()
    >>> ones = np.ones((1, 4, 4, 2), "float32")
    >>> loss.update_state([ones], [2.0 * ones])
    >>> float(loss.result())  # (1 - 4)^2
    9.0

    Reference:
        - [Gatys et al., 2016](https://doi.org/10.1109/CVPR.2016.265),
          equations 3 to 5; differs from it in: Gram matrices are divided by
          the positions, and there is no factor of 1/4.
    """

    def update_state(self, comics, fake_comics, sample_weight=None):
        """Adds a batch of pairs.

        Args:
            comics: Float `(batch, height, width, 3)`, RGB in `[-1, 1]`, any
                height and width; or a batch of 1, one drawing for all. Without
                a feature network, a list or a dict of activations.
            fake_comics: Float `(batch, height, width, 3)`, RGB in `[-1, 1]`;
                without a feature network, as for `comics`.
            sample_weight: Float `(batch,)` or `None`. What each pair counts.
                Defaults to `None`, 1.
        """
        super().update_state(comics, fake_comics, sample_weight)

    def sample_values(self, comics, fake_comics):
        targets, made = self.activations(comics=comics, fake_comics=fake_comics)
        return sum(
            ops.mean(ops.square(_gram(first) - _gram(second)), axis=[1, 2])
            for first, second in zip(made, targets)
        )


def _gram(activations):
    activations = ops.cast(activations, "float32")
    # Before the product: what is summed stays small.
    positions = ops.cast(
        ops.shape(activations)[1] * ops.shape(activations)[2], "float32"
    )
    return ops.einsum("bhwc,bhwd->bcd", activations / positions, activations)
