"""The edges of a photo that a comic keeps."""

import keras
import numpy as np
from keras import ops

from keras_comic.layers.color_spaces import luminance
from keras_comic.metrics.features import check_pairs
from keras_comic.metrics.sample_mean import SampleMean

# Deviations of the gradient below it, on [-1, 1], are those of flat images.
FLAT = 1e-5


@keras.saving.register_keras_serializable(package="keras_comic")
class EdgePreservation(SampleMean):
    """Mean correlation of the edges of pairs.

    The correlation coefficient, over all positions, of the sizes of the Sobel
    gradients of the luminances; edges keep it whether a line is drawn darker
    or lighter than what it separates. 1 where all edges are kept in
    proportion, about 0 where edges are unrelated. If both images are flat it
    is 1; if one is, 0.

    Works in `compile(metrics=[...])` on every backend.

    Args:
        protocol: Dict or `None`, see `StructuralSimilarity`. Defaults to
            `None`.
        name: String or `None`. Defaults to `None`, `"edge_preservation"`.
        **kwargs: Keyword arguments of `keras.metrics.Metric`.

    Returns:
        `result()` is a float64 scalar (float32 on JAX) in `[-1, 1]`; NaN
        without pairs.

    Raises:
        ValueError: If `protocol` is no such dict.

    Example:

    >>> edges = keras_comic.metrics.EdgePreservation()
    >>> photos = np.random.uniform(-1, 1, (2, 32, 32, 3)).astype("float32")
    >>> edges.update_state(photos, -0.5 * photos)  # paler, and a negative
    >>> round(float(edges.result()), 5)
    1.0

    Reference:
        - [Sattar et al., 1997](https://doi.org/10.1109/83.585239), the edge
          preservation index; differs from it in: the size of the Sobel
          gradient instead of the Laplacian.
    """

    def sample_values(self, photos, fake_comics):
        check_pairs(photos, fake_comics)
        sides = [side for side in photos.shape[1:3] if side is not None]
        if any(side < 3 for side in sides):
            raise ValueError(
                "Images must have sides of at least 3 pixels. "
                f"Received: photos.shape={tuple(photos.shape)}"
            )
        first, second = _gradient_sizes(photos), _gradient_sizes(fake_comics)
        first = first - ops.mean(first, axis=[1, 2], keepdims=True)
        second = second - ops.mean(second, axis=[1, 2], keepdims=True)
        deviation = ops.sqrt(ops.mean(ops.square(first), axis=[1, 2]))
        other = ops.sqrt(ops.mean(ops.square(second), axis=[1, 2]))
        covariance = ops.mean(first * second, axis=[1, 2])
        both_flat = ops.logical_and(deviation < FLAT, other < FLAT)
        one_flat = ops.logical_or(deviation < FLAT, other < FLAT)
        correlation = covariance / ops.maximum(deviation * other, FLAT**2)
        return ops.where(
            both_flat,
            ops.ones_like(correlation),
            ops.where(one_flat, ops.zeros_like(correlation), correlation),
        )


def _gradient_sizes(images):
    across = np.outer([1.0, 2.0, 1.0], [-1.0, 0.0, 1.0]) / 8.0
    kernel = np.stack([across, across.T], axis=-1)[:, :, None]
    gradient = ops.conv(
        luminance(images),
        ops.convert_to_tensor(kernel.astype("float32")),
        padding="valid",
        data_format="channels_last",
    )
    return ops.sqrt(ops.sum(ops.square(gradient), axis=-1))
