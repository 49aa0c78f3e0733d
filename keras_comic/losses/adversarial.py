"""Adversarial losses: pairs for generator and discriminator.

All take logits of any rank, `(batch,)` to `(batch, height, width, channels)`,
average them within a sample and return float32 `(batch,)`. The discriminator's
losses are the sum of the term of the real and the term of the fake samples,
without the factor 1/2 that some papers put before it.

`ADVERSARIAL_LOSSES` holds the pairs whose generator's loss takes `fake_logits`
alone, `RELATIVISTIC_LOSSES` (in `relativistic.py`) those whose generator's loss
takes `(real_logits, fake_logits)`: the table that a name is in tells how to
call its pair.
"""

from keras import ops

from keras_comic.losses.samples import float32
from keras_comic.losses.samples import sample_mean


def least_squares_generator_loss(fake_logits, target=1.0):
    """Least squares: the generator wants its logits at the real target.

    `mean((fake - target)^2)`. The steadiest choice for patch discriminators.

    Common bug: the discriminator's fake target in the place of `target`,
    `mean(fake^2)`: that generator is trained to be recognised.

    Args:
        fake_logits: Float `(batch, ...)`, any rank, any range.
        target: Float, where the generator wants its logits (`c` in the
            paper); the discriminator's `real_target`, or a value between its
            two targets. Defaults to `1.0`.

    Reference:
        - [Mao et al., 2017](https://arxiv.org/abs/1611.04076), equation 2,
          and equation 9 for the defaults a = 0, b = c = 1; without the factor
          1/2.
    """
    return sample_mean(ops.square(float32(fake_logits) - target))


def least_squares_discriminator_loss(
    real_logits, fake_logits, real_target=1.0, fake_target=0.0
):
    """Least squares: real logits at one target, fake ones at another.

    `mean((real - real_target)^2) + mean((fake - fake_target)^2)`. Smoothed
    targets, such as 0.9 and 0.1, keep the discriminator from being certain.

    Common bug: the two targets are exchanged in one of the terms.

    Args:
        real_logits: Float `(batch, ...)`, any rank, any range.
        fake_logits: Float `(batch, ...)`, any rank, any range.
        real_target: Float, where real logits belong (`b` in the paper).
            Defaults to `1.0`.
        fake_target: Float, less than `real_target`, where fake logits belong
            (`a` in the paper). Defaults to `0.0`.

    Reference:
        - [Mao et al., 2017](https://arxiv.org/abs/1611.04076), equation 2,
          and equation 9 for the defaults a = 0, b = c = 1; without the factor
          1/2.
    """
    if not real_target > fake_target:
        raise ValueError(
            "`real_target` must be greater than `fake_target`. "
            f"Received: real_target={real_target}, fake_target={fake_target}"
        )
    real = sample_mean(ops.square(float32(real_logits) - real_target))
    return real + sample_mean(ops.square(float32(fake_logits) - fake_target))


def hinge_generator_loss(fake_logits):
    """Hinge: the generator wants its logits high.

    `-mean(fake)`.

    Common bug: the discriminator's hinge around it, `mean(relu(1 - fake))`;
    that generator learns nothing from samples that pass already.

    Args:
        fake_logits: Float `(batch, ...)`, any rank, any range.

    Reference:
        - [Lim and Ye, 2017](https://arxiv.org/abs/1705.02894), and
          [Miyato et al., 2018](https://arxiv.org/abs/1802.05957), equation
          17.
    """
    return -sample_mean(float32(fake_logits))


def hinge_discriminator_loss(real_logits, fake_logits):
    """Hinge: real logits above 1, fake ones below -1, and no further.

    `mean(relu(1 - real)) + mean(relu(1 + fake))`.

    Common bug: one sign inside the hinge turned, so that real logits go to -1.

    Args:
        real_logits: Float `(batch, ...)`, any rank, any range.
        fake_logits: Float `(batch, ...)`, any rank, any range.

    Reference:
        - [Lim and Ye, 2017](https://arxiv.org/abs/1705.02894), and
          [Miyato et al., 2018](https://arxiv.org/abs/1802.05957), equation
          16 with the sign turned.
    """
    real = sample_mean(ops.relu(1.0 - float32(real_logits)))
    return real + sample_mean(ops.relu(1.0 + float32(fake_logits)))


def cross_entropy_generator_loss(fake_logits):
    """Non-saturating cross-entropy of the generator.

    `mean(softplus(-fake)) = -mean(log(sigmoid(fake)))`, finite for every
    logit. Its gradient is largest where the discriminator is sure of the fake;
    that of `minimax_generator_loss` vanishes there.

    Common bug: it is written as the discriminator's whole loss with the labels
    exchanged: the term of the real samples has no gradient for the generator,
    and what is logged means nothing.

    Args:
        fake_logits: Float `(batch, ...)`, any rank, any range.

    Reference:
        - [Goodfellow et al., 2014](https://arxiv.org/abs/1406.2661), section
          3, the form with stronger gradients early in training.
    """
    return sample_mean(ops.softplus(-float32(fake_logits)))


def cross_entropy_discriminator_loss(
    real_logits, fake_logits, label_smoothing=0.0
):
    """Cross-entropy of the discriminator: real is 1, fake is 0.

    `mean(softplus(-real)) + mean(softplus(fake))`, finite for every logit.
    With label smoothing `s` the real samples' label is `1 - s`, and their term
    `mean((1 - s) * softplus(-real) + s * softplus(real))`.

    The smoothing is one-sided. Common bug: it is on both sides; with a label
    above 0 for the fake samples, the best discriminator draws the generator
    towards what it makes already.

    Args:
        real_logits: Float `(batch, ...)`, any rank, any range.
        fake_logits: Float `(batch, ...)`, any rank, any range.
        label_smoothing: Float in `[0, 0.5)`. What is taken from the label of
            the real samples. Defaults to `0.0`.

    Reference:
        - [Goodfellow et al., 2014](https://arxiv.org/abs/1406.2661),
          equation 1 with the sign turned.
        - [Salimans et al., 2016](https://arxiv.org/abs/1606.03498), section
          3.4, for the smoothing.
    """
    if not 0.0 <= label_smoothing < 0.5:
        raise ValueError(
            "`label_smoothing` must be in [0, 0.5). "
            f"Received: label_smoothing={label_smoothing}"
        )
    real_logits = float32(real_logits)
    # softplus(x) is softplus(-x) + x.
    real = ops.softplus(-real_logits) + label_smoothing * real_logits
    return sample_mean(real) + sample_mean(ops.softplus(float32(fake_logits)))


def minimax_generator_loss(fake_logits):
    """The generator's side of the minimax game; it saturates.

    `mean(log(1 - sigmoid(fake))) = -mean(softplus(fake))`. Its gradient
    vanishes where the discriminator is sure of the fake, at the start of
    training above all; `cross_entropy_generator_loss` has the same fixed point
    and a gradient there. For comparisons and theory.

    Common bug: both of minimax's terms, `mean(log(sigmoid(real)))` too; or,
    more often, the sign turned, which makes samples that are rejected.

    Args:
        fake_logits: Float `(batch, ...)`, any rank, any range.

    Reference:
        - [Goodfellow et al., 2014](https://arxiv.org/abs/1406.2661),
          equation 1, the term that the generator has a part in.
    """
    return -sample_mean(ops.softplus(float32(fake_logits)))


def minimax_discriminator_loss(real_logits, fake_logits, label_smoothing=0.0):
    """The discriminator's side of the minimax game.

    The same as `cross_entropy_discriminator_loss`: the two pairs differ in the
    generator.

    Args:
        real_logits: Float `(batch, ...)`, any rank, any range.
        fake_logits: Float `(batch, ...)`, any rank, any range.
        label_smoothing: Float in `[0, 0.5)`. What is taken from the label of
            the real samples. Defaults to `0.0`.

    Reference:
        - [Goodfellow et al., 2014](https://arxiv.org/abs/1406.2661),
          equation 1 with the sign turned.
    """
    return cross_entropy_discriminator_loss(
        real_logits, fake_logits, label_smoothing
    )


def wasserstein_generator_loss(fake_logits):
    """Wasserstein: the generator wants the critic's scores high.

    `-mean(fake)`.

    Common bug: the sign turned, or the critic's whole loss in its place.

    Args:
        fake_logits: Float `(batch, ...)`, any rank, any range; the scores of
            a critic that something keeps Lipschitz: `gradient_penalty`,
            `lipschitz_penalty`, `clip_weights` or spectral normalisation.

    Reference:
        - [Arjovsky et al., 2017](https://arxiv.org/abs/1701.07875), algorithm
          1, line 10.
    """
    return -sample_mean(float32(fake_logits))


def wasserstein_discriminator_loss(real_logits, fake_logits):
    """Wasserstein: the critic wants real scores above fake ones.

    `mean(fake) - mean(real)`, minus the estimate of the distance (times the
    critic's Lipschitz constant).

    Common bug: the sum of both expectations, `mean(real) + mean(fake)`, which
    a constant minimises without looking at a sample; or the difference turned,
    which trains the critic to prefer fakes.

    Args:
        real_logits: Float `(batch, ...)`, any rank, any range; the scores of
            a critic that something keeps Lipschitz.
        fake_logits: Float `(batch, ...)`, any rank, any range.

    Returns:
        Float32 `(batch,)`, any sign; without a bound if nothing keeps the
        critic Lipschitz.

    Reference:
        - [Arjovsky et al., 2017](https://arxiv.org/abs/1701.07875), equation
          3 with the sign turned.
    """
    return sample_mean(float32(fake_logits)) - sample_mean(float32(real_logits))


# Pairs whose generator's loss takes the fake logits alone.
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
    "minimax": (minimax_generator_loss, minimax_discriminator_loss),
    "wasserstein": (
        wasserstein_generator_loss,
        wasserstein_discriminator_loss,
    ),
}
