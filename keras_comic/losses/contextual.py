"""Losses that match each patch of features with the nearest one of a target."""

from keras import ops

from keras_comic.losses.samples import float32


def contextual_loss(features, target_features, bandwidth=0.5):
    """Measures how much of the target's features is not found again.

    With `x_i` and `y_j` the features of the positions of both sides, less the
    mean of all `y`, and `d_ij` one minus their cosine:

        similarity_ij = softmax over j of (-d_ij / (min_j d_ij + 1e-5) / h)
        loss = -log(mean over j of max over i of similarity_ij)

    A feature of the images is similar to one of the target only if it is
    clearly nearer to that one than to the others. Positions do not count, the
    two sides may differ in height and width: for drawings that are not of the
    photo. It holds a number for every pair of positions (64 MiB a sample for
    features of 64x64 on both sides, several times that in training): take a
    deep layer, such as relu4_1, or features averaged over cells.

    Args:
        features: Float `(batch, height, width, channels)`, any range.
        target_features: Float `(batch, any height, any width, channels)`.
        bandwidth: Float > 0, `h`. The smaller, the more one nearest feature
            stands out. Defaults to `0.5`.

    Returns:
        Float32 `(batch,)`, at least 0; 0 if each feature of the target has its
        own likeness, at most the logarithm of the target's positions.

    Example:

    >>> features = np.random.normal(size=(1, 8, 8, 16)).astype("float32")
    >>> flipped = features[:, :, ::-1]
    >>> loss = keras_comic.losses.contextual_loss(features, flipped)
    >>> float(loss[0]) < 1e-3
    True

    Reference:
        - [Mechrez et al., 2018](https://arxiv.org/abs/1803.02077), equations 1
          to 5.
    """
    if not bandwidth > 0.0:
        raise ValueError(
            f"`bandwidth` must be positive. Received: bandwidth={bandwidth}"
        )
    _check_channels(features, target_features)
    features = _positions(features)
    targets = _positions(target_features)
    center = ops.mean(targets, axis=1, keepdims=True)
    cosines = ops.matmul(
        _unit(features - center),
        ops.transpose(_unit(targets - center), (0, 2, 1)),
    )
    # Rounding may put a cosine above 1.
    distances = ops.maximum(1.0 - cosines, 0.0)
    nearest = ops.min(distances, axis=2, keepdims=True)
    similarities = ops.softmax(
        -distances / (nearest + 1e-5) / bandwidth, axis=2
    )
    return -ops.log(ops.mean(ops.max(similarities, axis=1), axis=1))


def patch_style_loss(features, target_features, patch_size=3):
    """Difference of each patch of features to the target's most similar one.

    For each patch of the images the patch of the target of highest normalised
    cross-correlation (cosine) is found, and the mean squared difference to it
    taken. Unlike `contextual_loss`, some of the target may be used often and
    some never. Keeps small motifs (hatching, an eye) whole that Gram matrices
    mix. The two sides may differ in height and width; the memory is that of a
    number for every pair of patches.

    Args:
        features: Float `(batch, height, width, channels)`, any range; sides
            of at least `patch_size`.
        target_features: Float `(batch, any height, any width, channels)`.
        patch_size: Integer > 0. Side of the patches, in positions of the
            features. Defaults to `3`.

    Returns:
        Float32 `(batch,)`, at least 0, in the features' unit squared.

    Example:

    >>> features = np.random.normal(size=(1, 8, 8, 4)).astype("float32")
    >>> larger = np.concatenate([features, features + 1], axis=1)
    >>> float(keras_comic.losses.patch_style_loss(features, larger)[0])
    0.0

    Reference:
        - [Li and Wand, 2016](https://arxiv.org/abs/1601.04589), equations 2
          and 3, with the mean instead of the sum.
    """
    if patch_size < 1:
        raise ValueError(
            "`patch_size` must be a positive integer. "
            f"Received: patch_size={patch_size}"
        )
    _check_channels(features, target_features)
    patches = _patches(float32(features), patch_size)
    targets = _patches(float32(target_features), patch_size)
    # The norm of an image's patch does not change which target is nearest.
    scores = ops.matmul(
        ops.stop_gradient(patches),
        ops.transpose(_unit(ops.stop_gradient(targets)), (0, 2, 1)),
    )
    nearest = ops.argmax(scores, axis=2)[..., None]
    matched = ops.take_along_axis(targets, nearest, axis=1)
    return ops.mean(ops.square(patches - matched), axis=[1, 2])


def _positions(features):
    features = float32(features)
    batch, height, width, channels = ops.shape(features)
    return ops.reshape(features, (batch, height * width, channels))


def _patches(features, size):
    height, width = ops.shape(features)[1:3]
    shifted = [
        features[:, y : height - size + 1 + y, x : width - size + 1 + x]
        for y in range(size)
        for x in range(size)
    ]
    return _positions(ops.concatenate(shifted, axis=-1))


def _unit(vectors):
    squares = ops.sum(ops.square(vectors), axis=-1, keepdims=True)
    return vectors / ops.sqrt(squares + 1e-12)


def _check_channels(features, target_features):
    shape, target_shape = tuple(features.shape), tuple(target_features.shape)
    if (
        len(shape) != 4
        or len(target_shape) != 4
        or shape[-1] != target_shape[-1]
    ):
        raise ValueError(
            "`features` and `target_features` must have the same channels, "
            "(batch, height, width, channels). "
            f"Received: features.shape={shape}, "
            f"target_features.shape={target_shape}"
        )
