"""Relativistic average losses: is a sample more real than the others' average?

Both losses of a pair take `(real_logits, fake_logits)`: the generator is
rewarded for fakes above the average real sample and for real samples below the
average fake one, so that half of its gradient comes through the term of the
real samples. A family calls `generator_loss(real_logits, fake_logits)` for a
name in `RELATIVISTIC_LOSSES`, `generator_loss(fake_logits)` for one in
`ADVERSARIAL_LOSSES`.

The averages are taken over the whole batch (over the part of it that a replica
sees), patches and all, so that here alone a sample's value depends on the
others. Gradients flow through them.
"""

from keras import ops

from keras_comic.losses.samples import float32
from keras_comic.losses.samples import sample_mean


def relativistic_cross_entropy_generator_loss(real_logits, fake_logits):
    """Relativistic average cross-entropy of the generator.

    `mean(softplus(-(fake - E real))) + mean(softplus(real - E fake))`, where
    `E` is the average over the batch: the discriminator's loss with real and
    fake exchanged.

    Expect to meet it without the term of the real samples, which takes away
    half of the generator's gradient, or with the averages cut out of the
    gradient.

    Args:
        real_logits: Float `(batch, ...)`, any rank, any range; of the batch
            of real samples that the discriminator's phase has seen.
        fake_logits: Float `(batch, ...)`, any rank, any range.

    Returns:
        Float32 `(batch,)`, at least 0.

    Example:

    >>> from keras_comic import losses
    >>> zeros = np.zeros((2, 4, 4))
    >>> loss = losses.relativistic_cross_entropy_generator_loss(zeros, zeros)
    >>> round(float(loss[0]), 4)
    1.3863

    Reference:
        - [Jolicoeur-Martineau, 2019](https://arxiv.org/abs/1807.00734),
          section 4, RaSGAN; written out in [Wang et al., 2018](
          https://arxiv.org/abs/1809.00219), equation 2; no differences.
    """
    return relativistic_cross_entropy_discriminator_loss(
        fake_logits, real_logits
    )


def relativistic_cross_entropy_discriminator_loss(real_logits, fake_logits):
    """Relativistic average cross-entropy of the discriminator.

    `mean(softplus(-(real - E fake))) + mean(softplus(fake - E real))`, where
    `E` is the average over the batch.

    Expect to meet it with the difference of paired samples in the place of the
    difference to an average (another loss of the same paper), or with the
    average taken within each sample.

    Args:
        real_logits: Float `(batch, ...)`, any rank, any range.
        fake_logits: Float `(batch, ...)`, any rank, any range.

    Returns:
        Float32 `(batch,)`, at least 0.

    Example:

    >>> from keras_comic import losses
    >>> zeros = np.zeros((2, 4, 4))
    >>> loss = losses.relativistic_cross_entropy_discriminator_loss(
    ...     zeros, zeros)
    >>> round(float(loss[0]), 4)
    1.3863

    Reference:
        - [Jolicoeur-Martineau, 2019](https://arxiv.org/abs/1807.00734),
          section 4, RaSGAN; written out in [Wang et al., 2018](
          https://arxiv.org/abs/1809.00219), equation 1; no differences.
    """
    real, fake = _relative(real_logits, fake_logits)
    return sample_mean(ops.softplus(-real)) + sample_mean(ops.softplus(fake))


def relativistic_least_squares_generator_loss(real_logits, fake_logits):
    """Relativistic average least squares of the generator.

    `mean((fake - E real - 1)^2) + mean((real - E fake + 1)^2)`, where `E` is
    the average over the batch: the discriminator's loss with real and fake
    exchanged.

    Expect to meet it without the term of the real samples.

    Args:
        real_logits: Float `(batch, ...)`, any rank, any range; of the batch
            of real samples that the discriminator's phase has seen.
        fake_logits: Float `(batch, ...)`, any rank, any range.

    Returns:
        Float32 `(batch,)`, at least 0.

    Example:

    >>> from keras_comic import losses
    >>> zeros = np.zeros((2, 4, 4))
    >>> loss = losses.relativistic_least_squares_generator_loss(zeros, zeros)
    >>> float(loss[0])
    2.0

    Reference:
        - [Jolicoeur-Martineau, 2019](https://arxiv.org/abs/1807.00734),
          section 4, RaLSGAN; no differences.
    """
    return relativistic_least_squares_discriminator_loss(
        fake_logits, real_logits
    )


def relativistic_least_squares_discriminator_loss(real_logits, fake_logits):
    """Relativistic average least squares of the discriminator.

    `mean((real - E fake - 1)^2) + mean((fake - E real + 1)^2)`, where `E` is
    the average over the batch.

    Expect to meet it with the plain least squares' fake target of 0 in the
    place of -1: here the targets lie on both sides of the average.

    Args:
        real_logits: Float `(batch, ...)`, any rank, any range.
        fake_logits: Float `(batch, ...)`, any rank, any range.

    Returns:
        Float32 `(batch,)`, at least 0.

    Example:

    >>> from keras_comic import losses
    >>> ones = np.ones((2, 4, 4))
    >>> loss = losses.relativistic_least_squares_discriminator_loss(
    ...     ones, 0 * ones)
    >>> float(loss[0])
    0.0

    Reference:
        - [Jolicoeur-Martineau, 2019](https://arxiv.org/abs/1807.00734),
          section 4, RaLSGAN; no differences.
    """
    real, fake = _relative(real_logits, fake_logits)
    return sample_mean(ops.square(real - 1.0)) + sample_mean(
        ops.square(fake + 1.0)
    )


def relativistic_hinge_generator_loss(real_logits, fake_logits):
    """Relativistic average hinge of the generator.

    `mean(relu(1 - (fake - E real))) + mean(relu(1 + (real - E fake)))`, where
    `E` is the average over the batch: the discriminator's loss with real and
    fake exchanged. Unlike `hinge_generator_loss` it has a margin.

    Expect to meet it without the term of the real samples.

    Args:
        real_logits: Float `(batch, ...)`, any rank, any range; of the batch
            of real samples that the discriminator's phase has seen.
        fake_logits: Float `(batch, ...)`, any rank, any range.

    Returns:
        Float32 `(batch,)`, at least 0.

    Example:

    >>> from keras_comic import losses
    >>> zeros = np.zeros((2, 4, 4))
    >>> loss = losses.relativistic_hinge_generator_loss(zeros, zeros)
    >>> float(loss[0])
    2.0

    Reference:
        - [Jolicoeur-Martineau, 2019](https://arxiv.org/abs/1807.00734),
          section 4, RaHingeGAN; no differences.
    """
    return relativistic_hinge_discriminator_loss(fake_logits, real_logits)


def relativistic_hinge_discriminator_loss(real_logits, fake_logits):
    """Relativistic average hinge of the discriminator.

    `mean(relu(1 - (real - E fake))) + mean(relu(1 + (fake - E real)))`, where
    `E` is the average over the batch.

    Expect to meet it with the hinge around the logits and the average
    subtracted afterwards.

    Args:
        real_logits: Float `(batch, ...)`, any rank, any range.
        fake_logits: Float `(batch, ...)`, any rank, any range.

    Returns:
        Float32 `(batch,)`, at least 0.

    Example:

    >>> from keras_comic import losses
    >>> ones = np.ones((2, 4, 4))
    >>> loss = losses.relativistic_hinge_discriminator_loss(ones, 0 * ones)
    >>> float(loss[0])
    0.0

    Reference:
        - [Jolicoeur-Martineau, 2019](https://arxiv.org/abs/1807.00734),
          section 4, RaHingeGAN; no differences.
    """
    real, fake = _relative(real_logits, fake_logits)
    return sample_mean(ops.relu(1.0 - real)) + sample_mean(ops.relu(1.0 + fake))


# Pairs whose generator's loss takes (real_logits, fake_logits).
RELATIVISTIC_LOSSES = {
    "relativistic_cross_entropy": (
        relativistic_cross_entropy_generator_loss,
        relativistic_cross_entropy_discriminator_loss,
    ),
    "relativistic_least_squares": (
        relativistic_least_squares_generator_loss,
        relativistic_least_squares_discriminator_loss,
    ),
    "relativistic_hinge": (
        relativistic_hinge_generator_loss,
        relativistic_hinge_discriminator_loss,
    ),
}


def _relative(real_logits, fake_logits):
    """Each logit less the average of the other side."""
    real, fake = float32(real_logits), float32(fake_logits)
    return real - ops.mean(fake), fake - ops.mean(real)
