"""Means and variances of feature maps."""

from keras import ops

from keras_comic.layers.shared_statistics import picture_moments


def channel_moments(features, epsilon=1e-5):
    """Returns mean and standard deviation of each channel over the positions.

    Computed in float32 whatever the compute dtype is: under `mixed_float16` the
    squares of VGG features overflow.

    Args:
        features: Float `(batch, height, width, channels)`, any range.
        epsilon: Float > 0. Added to the variance before the square root.
            Defaults to `1e-5`.

    Returns:
        Two float32 tensors `(batch, channels)`: mean and standard deviation
        (population variance, not the unbiased estimate).

    Example:

    >>> features = np.random.normal(size=(2, 32, 32, 4)).astype("float32")
    >>> mean, deviation = keras_comic.layers.channel_moments(features)
    >>> tuple(mean.shape)
    (2, 4)
    """
    mean, variance = picture_moments(features)
    return mean[:, 0, 0], ops.sqrt(variance[:, 0, 0] + epsilon)
