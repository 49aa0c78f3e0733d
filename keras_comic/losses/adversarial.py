"""Adversarial losses: pairs for generator and discriminator.

All take logits of any rank, `(batch,)` to `(batch, height, width, channels)`,
average them within a sample and return float32 `(batch,)`. The discriminator's
losses are the sum of the term of the real and the term of the fake samples,
without the factor 1/2 that some papers put before it.
"""

from keras import ops


def least_squares_generator_loss(fake_logits):
    """Least squares: the generator wants its logits at 1.

    `mean((fake - 1)^2)`. The steadiest choice for patch discriminators.

    Args:
        fake_logits: Float `(batch, ...)`, any rank, any range.

    Returns:
        Float32 `(batch,)`, at least 0.

    Example:

    >>> from keras_comic.losses import least_squares_generator_loss
    >>> [float(x) for x in least_squares_generator_loss(np.zeros((2, 4, 4)))]
    [1.0, 1.0]

    Reference:
        - [Mao et al., 2017](https://arxiv.org/abs/1611.04076), equation 9
          with a = 0, b = c = 1; without the factor 1/2.
    """
    return _sample_mean(ops.square(_float32(fake_logits) - 1.0))


def least_squares_discriminator_loss(real_logits, fake_logits):
    """Least squares: real logits at 1, fake ones at 0.

    `mean((real - 1)^2) + mean(fake^2)`.

    Args:
        real_logits: Float `(batch, ...)`, any rank, any range.
        fake_logits: Float `(batch, ...)`, any rank, any range.

    Returns:
        Float32 `(batch,)`, at least 0.

    Example:

    >>> from keras_comic.losses import least_squares_discriminator_loss
    >>> zeros = np.zeros((1, 4, 4, 1))
    >>> float(least_squares_discriminator_loss(zeros, zeros)[0])
    1.0

    Reference:
        - [Mao et al., 2017](https://arxiv.org/abs/1611.04076), equation 9
          with a = 0, b = c = 1; without the factor 1/2.
    """
    real = _sample_mean(ops.square(_float32(real_logits) - 1.0))
    return real + _sample_mean(ops.square(_float32(fake_logits)))


def hinge_generator_loss(fake_logits):
    """Hinge: the generator wants its logits high.

    `-mean(fake)`.

    Args:
        fake_logits: Float `(batch, ...)`, any rank, any range.

    Returns:
        Float32 `(batch,)`, any sign.

    Example:

    >>> from keras_comic.losses import hinge_generator_loss
    >>> float(hinge_generator_loss(np.ones((1, 4, 4, 1)))[0])
    -1.0

    Reference:
        - [Lim and Ye, 2017](https://arxiv.org/abs/1705.02894); no differences.
    """
    return -_sample_mean(_float32(fake_logits))


def hinge_discriminator_loss(real_logits, fake_logits):
    """Hinge: real logits above 1, fake ones below -1, and no further.

    `mean(relu(1 - real)) + mean(relu(1 + fake))`.

    Args:
        real_logits: Float `(batch, ...)`, any rank, any range.
        fake_logits: Float `(batch, ...)`, any rank, any range.

    Returns:
        Float32 `(batch,)`, at least 0.

    Example:

    >>> from keras_comic.losses import hinge_discriminator_loss
    >>> zeros = np.zeros((1, 4, 4, 1))
    >>> float(hinge_discriminator_loss(zeros, zeros)[0])
    2.0

    Reference:
        - [Lim and Ye, 2017](https://arxiv.org/abs/1705.02894); no differences.
    """
    real = _sample_mean(ops.relu(1.0 - _float32(real_logits)))
    return real + _sample_mean(ops.relu(1.0 + _float32(fake_logits)))


def cross_entropy_generator_loss(fake_logits):
    """Non-saturating cross-entropy of the generator.

    `mean(softplus(-fake)) = -mean(log(sigmoid(fake)))`, finite for every
    logit.

    Args:
        fake_logits: Float `(batch, ...)`, any rank, any range.

    Returns:
        Float32 `(batch,)`, at least 0.

    Example:

    >>> from keras_comic.losses import cross_entropy_generator_loss
    >>> round(float(cross_entropy_generator_loss(np.zeros((1, 4, 4)))[0]), 4)
    0.6931

    Reference:
        - [Goodfellow et al., 2014](https://arxiv.org/abs/1406.2661), section
          3, the form with stronger gradients early in training.
    """
    return _sample_mean(ops.softplus(-_float32(fake_logits)))


def cross_entropy_discriminator_loss(real_logits, fake_logits):
    """Cross-entropy of the discriminator: real is 1, fake is 0.

    `mean(softplus(-real)) + mean(softplus(fake))`, finite for every logit.

    Args:
        real_logits: Float `(batch, ...)`, any rank, any range.
        fake_logits: Float `(batch, ...)`, any rank, any range.

    Returns:
        Float32 `(batch,)`, at least 0.

    Example:

    >>> from keras_comic.losses import cross_entropy_discriminator_loss
    >>> zeros = np.zeros((1, 4, 4))
    >>> loss = cross_entropy_discriminator_loss(zeros, zeros)
    >>> round(float(loss[0]), 4)
    1.3863

    Reference:
        - [Goodfellow et al., 2014](https://arxiv.org/abs/1406.2661),
          equation 1 with the sign turned; no differences.
    """
    real = _sample_mean(ops.softplus(-_float32(real_logits)))
    return real + _sample_mean(ops.softplus(_float32(fake_logits)))


ADVERSARIAL_LOSSES = {
    "least_squares": (
        least_squares_generator_loss,
        least_squares_discriminator_loss,
    ),
    "hinge": (hinge_generator_loss, hinge_discriminator_loss),
    "cross_entropy": (
        cross_entropy_generator_loss,
        cross_entropy_discriminator_loss,
    ),
}


def _float32(logits):
    return ops.cast(logits, "float32")


def _sample_mean(values):
    return ops.mean(values, axis=list(range(1, len(values.shape))))
