"""Relativistic average losses: is a sample more real than the others' average?

Both losses of a pair take `(real_logits, fake_logits)`, float of any rank and
range, and return float32 `(batch,)`. The generator is rewarded for fakes above
the average real sample and for real samples below the average fake one: its
loss is the discriminator's with real and fake exchanged, and half of its
gradient comes through the term of the real samples. A family calls
`generator_loss(real_logits, fake_logits)` for a name in `RELATIVISTIC_LOSSES`,
`generator_loss(fake_logits)` for one in `ADVERSARIAL_LOSSES`.

The averages `E` are taken over the whole batch (over the part of it that a
replica sees), patches and all, so that here alone a sample's value depends on
the others. Gradients flow through them.

Common bug: the generator's loss lacks the term of the real samples, the
averages are cut out of the gradient or taken within each sample, or samples
are compared in pairs (another loss of the same paper).

Reference:
    - [Jolicoeur-Martineau, 2019](https://arxiv.org/abs/1807.00734), section
      4; the first pair is written out in [Wang et al., 2018](
      https://arxiv.org/abs/1809.00219), equations 1 and 2.
"""

from keras import ops

from keras_comic.losses.samples import float32
from keras_comic.losses.samples import sample_mean


def relativistic_cross_entropy_generator_loss(real_logits, fake_logits):
    """Computes the generator's relativistic average cross-entropy.

    `mean(softplus(-(fake - E real))) + mean(softplus(real - E fake))`.

    Args:
        real_logits: Float `(batch, ...)`, any rank, any range.
        fake_logits: Float `(batch, ...)`, any rank, any range.
    """
    return relativistic_cross_entropy_discriminator_loss(
        fake_logits, real_logits
    )


def relativistic_cross_entropy_discriminator_loss(real_logits, fake_logits):
    """Computes the discriminator's relativistic average cross-entropy.

    `mean(softplus(-(real - E fake))) + mean(softplus(fake - E real))`.

    Args:
        real_logits: Float `(batch, ...)`, any rank, any range.
        fake_logits: Float `(batch, ...)`, any rank, any range.
    """
    real, fake = _relative(real_logits, fake_logits)
    return sample_mean(ops.softplus(-real)) + sample_mean(ops.softplus(fake))


def relativistic_least_squares_generator_loss(real_logits, fake_logits):
    """Computes the generator's relativistic average least squares.

    `mean((fake - E real - 1)^2) + mean((real - E fake + 1)^2)`.

    Args:
        real_logits: Float `(batch, ...)`, any rank, any range.
        fake_logits: Float `(batch, ...)`, any rank, any range.
    """
    return relativistic_least_squares_discriminator_loss(
        fake_logits, real_logits
    )


def relativistic_least_squares_discriminator_loss(real_logits, fake_logits):
    """Computes the discriminator's relativistic average least squares.

    `mean((real - E fake - 1)^2) + mean((fake - E real + 1)^2)`. Common bug:
    the target of the fakes is 0 instead of -1; here the targets lie on both
    sides of the average.

    Args:
        real_logits: Float `(batch, ...)`, any rank, any range.
        fake_logits: Float `(batch, ...)`, any rank, any range.
    """
    real, fake = _relative(real_logits, fake_logits)
    return sample_mean(ops.square(real - 1.0)) + sample_mean(
        ops.square(fake + 1.0)
    )


def relativistic_hinge_generator_loss(real_logits, fake_logits):
    """Computes the generator's relativistic average hinge.

    `mean(relu(1 - (fake - E real))) + mean(relu(1 + (real - E fake)))`. Unlike
    `hinge_generator_loss` it has a margin.

    Args:
        real_logits: Float `(batch, ...)`, any rank, any range.
        fake_logits: Float `(batch, ...)`, any rank, any range.
    """
    return relativistic_hinge_discriminator_loss(fake_logits, real_logits)


def relativistic_hinge_discriminator_loss(real_logits, fake_logits):
    """Computes the discriminator's relativistic average hinge.

    `mean(relu(1 - (real - E fake))) + mean(relu(1 + (fake - E real)))`. Common
    bug: the hinge is around the logits, and the average subtracted afterwards.

    Args:
        real_logits: Float `(batch, ...)`, any rank, any range.
        fake_logits: Float `(batch, ...)`, any rank, any range.
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
    """Subtracts from each logit the average of the other side."""
    real, fake = float32(real_logits), float32(fake_logits)
    return real - ops.mean(fake), fake - ops.mean(real)
