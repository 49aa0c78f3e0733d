"""Channel statistics of feature maps."""

from keras import ops


def channel_moments(features, epsilon=1e-5):
    """Mean and standard deviation of each channel over the positions.

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
    mean, variance = spatial_moments(features)
    return mean, ops.sqrt(variance + epsilon)


def spatial_moments(features):
    """Mean and variance of each channel over the positions."""
    features = ops.cast(features, "float32")
    mean = _spatial_mean(features)
    deviations = features - mean[:, None, None]
    return mean, _spatial_mean(ops.square(deviations))


def _spatial_mean(features):
    return ops.mean(ops.mean(features, axis=2), axis=1)
