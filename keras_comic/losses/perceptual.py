"""Content and style losses on the features of a network.

The losses take features, never the network: which layers of which network they
come from, and the conversion from `[-1, 1]` to the network's own range, belong
to the `FeatureNetwork` that computed them.
"""

from keras import ops

from keras_comic.layers import channel_moments
from keras_comic.losses.samples import check_lists
from keras_comic.losses.samples import check_same_shape
from keras_comic.losses.samples import float32
from keras_comic.losses.samples import sample_mean


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
    """
    check_same_shape(features, target_features, "features", "target_features")
    difference = _normalize(features) - _normalize(target_features)
    return ops.mean(ops.square(difference), axis=[1, 2, 3])


def feature_loss(features, target_features, squared=False):
    """Mean absolute (or squared) difference of features, as they are.

    `mean(|features - target_features|)`. Unlike `content_loss` it sees
    contrast and tone. The content loss of CartoonGAN and AnimeGAN (the layer
    before the last activation of VGG-19's fourth block, `conv4_4`), squared
    that of AdaIN; against the features of `fill_regions` of the same comics it
    is the structure loss of White-box cartoonisation.

    Args:
        features: Float `(batch, height, width, channels)`, any range.
        target_features: Float, of the shape of `features`.
        squared: Boolean. Takes the square instead of the absolute value.
            Defaults to `False`.

    Returns:
        Float32 `(batch,)`, at least 0, in the features' unit (squared).

    Reference:
        - [Johnson et al., 2016](https://arxiv.org/abs/1603.08155), equation 2,
          for the square.
        - [Chen et al., 2018](https://doi.org/10.1109/CVPR.2018.00986), the
          content loss of CartoonGAN, for the absolute value; with the mean
          instead of the sum.
    """
    check_same_shape(features, target_features, "features", "target_features")
    difference = float32(features) - float32(target_features)
    if squared:
        return sample_mean(ops.square(difference))
    return sample_mean(ops.abs(difference))


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

    Reference:
        - [Huang and Belongie, 2017](https://arxiv.org/abs/1703.06868),
          equation 13, with means over channels instead of norms.
    """
    check_lists(features_list, target_list)
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

    Reference:
        - [Johnson et al., 2016](https://arxiv.org/abs/1603.08155),
          equation 3.
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

    Reference:
        - [Johnson et al., 2016](https://arxiv.org/abs/1603.08155),
          equation 4, with the mean over the matrix instead of the sum.
    """
    check_lists(features_list, target_list)
    total = 0.0
    for features, target in zip(features_list, target_list):
        difference = gram_matrix(features) - gram_matrix(target)
        total += ops.mean(ops.square(difference), axis=[1, 2])
    return total


def _normalize(features):
    mean, deviation = channel_moments(features)
    features = ops.cast(features, "float32")
    return (features - mean[:, None, None]) / deviation[:, None, None]
