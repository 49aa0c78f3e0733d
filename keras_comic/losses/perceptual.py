"""Content and style losses on the features of a network.

The losses take features, never the network: which layers of which network they
come from, and the conversion from `[-1, 1]` to the network's own range, belong
to the `FeatureNetwork` that computed them.
"""

from keras import ops

from keras_comic.layers import channel_moments


def content_loss(features, target_features):
    """Mean squared difference of features with each channel normalised.

    Each channel of each sample is brought to mean 0 and deviation 1 first, so
    that a change of contrast or tone, which is style, costs nothing. Made for
    a layer such as relu3_3 of VGG-19.

    Args:
        features: Float `(batch, height, width, channels)`, any range.
        target_features: Float `(batch, height, width, channels)`, any range.

    Returns:
        Float32 `(batch,)`; 0 for equal features, about 2 for unrelated ones.

    Raises:
        ValueError: If the shapes differ.

    Example:

    >>> features = np.random.normal(size=(2, 32, 32, 4)).astype("float32")
    >>> loss = keras_comic.losses.content_loss(features, 2 * features + 1)
    >>> bool(np.all(np.asarray(loss) < 1e-5))
    True
    """
    shape, target_shape = tuple(features.shape), tuple(target_features.shape)
    if len(shape) != len(target_shape) or any(
        None not in sides and sides[0] != sides[1]
        for sides in zip(shape, target_shape)
    ):
        raise ValueError(
            "`features` and `target_features` must have the same shape. "
            f"Received: features.shape={shape}, "
            f"target_features.shape={target_shape}"
        )
    difference = _normalize(features) - _normalize(target_features)
    return ops.mean(ops.square(difference), axis=[1, 2, 3])


def moments_style_loss(features_list, target_list):
    """Squared differences of channel means and deviations, summed over layers.

    `sum over layers of mean((mean - mean_t)^2) + mean((dev - dev_t)^2)`, means
    over channels. Positions are forgotten, so that the two sides may differ
    in height and width. Made for layers such as relu1_1, relu2_1, relu3_1 of
    VGG-19.

    Args:
        features_list: List of float `(batch, height, width, channels)`, any
            range, one entry a layer.
        target_list: List of float `(batch, any height, any width, channels)`,
            as many entries.

    Returns:
        Float32 `(batch,)`, at least 0, in the features' unit squared.

    Raises:
        ValueError: If the lists are empty or differ in length.

    Example:

    >>> features = np.random.normal(size=(2, 32, 32, 4)).astype("float32")
    >>> flipped = features[:, :, ::-1]
    >>> loss = keras_comic.losses.moments_style_loss([features], [flipped])
    >>> bool(np.all(np.asarray(loss) < 1e-5))
    True

    Reference:
        - [Huang and Belongie, 2017](https://arxiv.org/abs/1703.06868),
          equation 13, with means over channels instead of norms.
    """
    _check_lists(features_list, target_list)
    total = 0.0
    for features, target in zip(features_list, target_list):
        mean, deviation = channel_moments(features)
        target_mean, target_deviation = channel_moments(target)
        total += ops.mean(ops.square(mean - target_mean), axis=-1)
        total += ops.mean(ops.square(deviation - target_deviation), axis=-1)
    return total


def gram_matrix(features):
    """Products of all pairs of channels, averaged over the positions.

    `sum over positions of f_i * f_j / (height * width * channels)`: dividing
    by positions and channels makes layers and image sizes comparable.

    Args:
        features: Float `(batch, height, width, channels)`, any range.

    Returns:
        Float32 `(batch, channels, channels)`, symmetric.

    Example:

    >>> ones = np.ones((1, 32, 32, 4), "float32")
    >>> float(keras_comic.losses.gram_matrix(ones)[0, 1, 2])
    0.25

    Reference:
        - [Johnson et al., 2016](https://arxiv.org/abs/1603.08155),
          equation 3; no differences.
    """
    features = ops.cast(features, "float32")
    batch, height, width, channels = ops.shape(features)
    # The divisor goes in first: products of large features stay in range.
    features = ops.reshape(features, (batch, height * width, channels))
    count = ops.cast(height * width * channels, "float32")
    scaled = features / count
    return ops.matmul(ops.transpose(features, (0, 2, 1)), scaled)


def gram_style_loss(features_list, target_list):
    """Mean squared difference of Gram matrices, summed over layers.

    Unlike `moments_style_loss` it also compares how channels go together
    (hatching with outline, say). The two sides may differ in height and width.

    Args:
        features_list: List of float `(batch, height, width, channels)`, any
            range, one entry a layer.
        target_list: List of float `(batch, any height, any width, channels)`,
            as many entries.

    Returns:
        Float32 `(batch,)`, at least 0.

    Raises:
        ValueError: If the lists are empty or differ in length.

    Example:

    >>> features = np.random.normal(size=(2, 32, 32, 4)).astype("float32")
    >>> loss = keras_comic.losses.gram_style_loss([features], [features])
    >>> float(loss[0])
    0.0

    Reference:
        - [Johnson et al., 2016](https://arxiv.org/abs/1603.08155),
          equation 4, with the mean over the matrix instead of the sum.
    """
    _check_lists(features_list, target_list)
    total = 0.0
    for features, target in zip(features_list, target_list):
        difference = gram_matrix(features) - gram_matrix(target)
        total += ops.mean(ops.square(difference), axis=[1, 2])
    return total


def _normalize(features):
    mean, deviation = channel_moments(features)
    features = ops.cast(features, "float32")
    return (features - mean[:, None, None]) / deviation[:, None, None]


def _check_lists(features_list, target_list):
    if not features_list or len(features_list) != len(target_list):
        raise ValueError(
            "`features_list` and `target_list` must hold the same layers, at "
            f"least one. Received: {len(features_list)} and "
            f"{len(target_list)} entries"
        )
