"""The mean structural similarity of pairs."""

import keras

from keras_comic import layers
from keras_comic.metrics.features import check_pairs
from keras_comic.metrics.sample_mean import SampleMean


@keras.saving.register_keras_serializable(package="keras_comic")
class StructuralSimilarity(SampleMean):
    """Mean structural similarity (SSIM) of the luminance of pairs.

    `keras_comic.layers.structural_similarity`: a Gaussian window of 11 pixels;
    1 for equal luminance. How much of the photo's structure a comic keeps.

    Works in `compile(metrics=[...])` on every backend.

    Args:
        protocol: Dict or `None`. What the caller states for `report`, such as
            `{"resize": "256, bicubic", "crop": "centre"}`. Defaults to `None`.
        name: String or `None`. Defaults to `None`, `"structural_similarity"`.
        **kwargs: Keyword arguments of `keras.metrics.Metric`.

    Returns:
        `result()` is a float64 scalar (float32 on JAX) in `[-1, 1]`; NaN
        without pairs.

    Raises:
        ValueError: If `protocol` is no such dict.

    Example:

    >>> ssim = keras_comic.metrics.StructuralSimilarity()
    >>> photos = np.random.uniform(-1, 1, (2, 32, 32, 3)).astype("float32")
    >>> ssim.update_state(photos, photos)
    >>> round(float(ssim.result()), 5)
    1.0

    Reference:
        - [Wang et al., 2004](https://doi.org/10.1109/TIP.2003.819861); the
          same numbers as `tf.image.ssim`.
    """

    def sample_values(self, photos, fake_comics):
        check_pairs(photos, fake_comics)
        return layers.structural_similarity(photos, fake_comics)
