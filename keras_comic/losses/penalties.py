"""Penalties on a discriminator's gradients, and clipping of its weights.

The penalties take gradients of the discriminator's output by its input, as
`GAN.input_gradients` computes them on every backend, and return float32
`(batch,)`. None of them holds its weight: that stands in `loss_weights`.

    points = interpolate_samples(comics, fake_comics, seed=self.seed_generator)
    gradients = self.input_gradients(
        lambda images: self.discriminator(images, training=False), points
    )
    values["penalty"] = gradient_penalty(gradients)

A sample's output is a number. `input_gradients` sums the logits of a patch
discriminator; for the gradient of their mean, which does not grow with the
size of the images, let the function return `ops.mean(logits, axis=(1, 2, 3))`.
Nothing that mixes the samples of a batch (batch normalisation) may stand in
such a discriminator, since each sample has its own penalty.
"""

import keras
from keras import ops

from keras_comic.losses.samples import check_same_shape
from keras_comic.losses.samples import float32
from keras_comic.losses.samples import sample_axes


def gradient_penalty(gradients, target_norm=1.0):
    """Draws the norm of the critic's gradient to 1, from both sides (WGAN-GP).

    `(||gradient|| - target_norm)^2`, the norm over all values of a sample, at
    points of `interpolate_samples`. Weight in the paper: 10.

    Common bug: the norm over one axis only, or over the whole batch at once.

    Args:
        gradients: Float `(batch, ...)`, any range; of the critic's output by
            the points.
        target_norm: Float >= 0. The norm that costs nothing. Defaults to
            `1.0`.

    Returns:
        Float32 `(batch,)`, at least 0.

    Example:

    >>> gradients = np.array([[3.0, 4.0], [0.6, 0.8]])
    >>> penalty = keras_comic.losses.gradient_penalty(gradients)
    >>> [round(float(value), 4) for value in penalty]
    [16.0, 0.0]

    Reference:
        - [Gulrajani et al., 2017](https://arxiv.org/abs/1704.00028), equation
          3, without the weight.
    """
    _check_target_norm(target_norm)
    return ops.square(_norms(gradients) - target_norm)


def lipschitz_penalty(gradients, target_norm=1.0):
    """Draws the norm of the critic's gradient below 1 (WGAN-LP).

    `relu(||gradient|| - target_norm)^2`. Unlike `gradient_penalty` it leaves a
    critic alone that is flat somewhere, as a Lipschitz function may be; less
    sensitive to its weight. At points of `interpolate_samples` or
    `perturb_samples`.

    Common bug: the hinge around the square, which is the two-sided
    penalty again.

    Args:
        gradients: Float `(batch, ...)`, any range; of the critic's output by
            the points.
        target_norm: Float >= 0. The largest norm that costs nothing. Defaults
            to `1.0`.

    Returns:
        Float32 `(batch,)`, at least 0.

    Reference:
        - [Petzka et al., 2018](https://arxiv.org/abs/1709.08894), the
          one-sided penalty, without the weight.
    """
    _check_target_norm(target_norm)
    return ops.square(ops.relu(_norms(gradients) - target_norm))


def r1_penalty(gradients):
    """Draws the discriminator's gradient to 0 at real samples (R1).

    `||gradient||^2 / 2`, the sum of the squares of a sample's values. The
    weight in `loss_weights` is the paper's gamma; since it is a sum, gamma
    depends on the size of the images. Usually computed every 16th step, in a
    `Phase` with `every=16`, with 16 times the weight.

    Common bug: leaving out the 1/2 (gamma counts twice then), a mean over the
    pixels, or interpolated samples.

    Args:
        gradients: Float `(batch, ...)`, any range; of the discriminator's
            output by the real samples.

    Returns:
        Float32 `(batch,)`, at least 0.

    Reference:
        - [Mescheder et al., 2018](https://arxiv.org/abs/1801.04406), equation
          9, without gamma.
    """
    gradients = float32(gradients)
    return 0.5 * ops.sum(ops.square(gradients), axis=sample_axes(gradients))


def r2_penalty(gradients):
    """Draws the discriminator's gradient to 0 at fake samples (R2).

    `||gradient||^2 / 2`: `r1_penalty`, at the generator's samples. Cut them
    out of the generator's gradient (`ops.stop_gradient`) before the
    discriminator sees them.

    Common bug: leaving out the 1/2.

    Args:
        gradients: Float `(batch, ...)`, any range; of the discriminator's
            output by the fake samples.

    Returns:
        Float32 `(batch,)`, at least 0.

    Reference:
        - [Mescheder et al., 2018](https://arxiv.org/abs/1801.04406), equation
          10, without gamma.
    """
    return r1_penalty(gradients)


def dragan_penalty(gradients, target_norm=1.0):
    """Draws the norm of the gradient to 1 around real samples (DRAGAN).

    `(||gradient|| - target_norm)^2`: `gradient_penalty`, at points of
    `perturb_samples`. For any adversarial loss, cross-entropy in the paper.
    Weight in the paper: 10.

    Common bug: gradients taken at the real samples themselves, or at samples
    perturbed by one number each.

    Args:
        gradients: Float `(batch, ...)`, any range; of the discriminator's
            output by the points.
        target_norm: Float >= 0. The norm that costs nothing (`k` in the
            paper). Defaults to `1.0`.

    Returns:
        Float32 `(batch,)`, at least 0.

    Reference:
        - [Kodali et al., 2017](https://arxiv.org/abs/1705.07215), the penalty
          of the DRAGAN scheme, without the weight.
    """
    return gradient_penalty(gradients, target_norm)


def interpolate_samples(real, fake, alpha=None, seed=None):
    """Points on the lines between real and fake samples, one for each pair.

    `real + alpha * (fake - real)`, where each sample has one `alpha`, drawn
    uniformly from `[0, 1)`. No gradient flows back through the points.

    Common bug: a number for every pixel, one for the whole batch, or `alpha`
    from a normal distribution, which puts half of the points beyond the real
    samples.

    Args:
        real: Float `(batch, ...)`, any range.
        fake: Float, of the shape of `real`.
        alpha: Float `(batch,)` in `[0, 1]`, 0 at the real samples; or `None`
            to draw it. Defaults to `None`.
        seed: Integer (the same points at every call), `None`, or, as within a
            `GAN`, a `keras.random.SeedGenerator` that is an attribute of it.
            Defaults to `None`.

    Returns:
        Float32, of the shape of `real`.

    Example:

    >>> real, fake = np.zeros((2, 4, 4, 3)), np.ones((2, 4, 4, 3))
    >>> points = keras_comic.losses.interpolate_samples(
    ...     real, fake, alpha=np.array([0.25, 1.0]))
    >>> [float(value) for value in points[:, 0, 0, 0]]
    [0.25, 1.0]

    Reference:
        - [Gulrajani et al., 2017](https://arxiv.org/abs/1704.00028),
          algorithm 1, lines 4 to 6; alpha counts from the real samples here.
    """
    real, fake = float32(real), float32(fake)
    check_same_shape(real, fake, "real", "fake")
    if alpha is None:
        alpha = keras.random.uniform((ops.shape(real)[0],), seed=seed)
    alpha = _per_sample(alpha, real)
    return ops.stop_gradient(real + alpha * (fake - real))


def perturb_samples(real, scale=0.5, seed=None):
    """Points around real samples, as DRAGAN perturbs them.

    `real + alpha * scale * deviation * noise`: the noise of each value is
    uniform in `[0, 1)`, `deviation` is the standard deviation of all values of
    the batch, and each sample has one `alpha`, uniform in `[0, 1)`. No
    gradient flows back through the points.

    Args:
        real: Float `(batch, ...)`, any range.
        scale: Float >= 0. Size of the noise, in standard deviations. Defaults
            to `0.5`.
        seed: Integer (the same points at every call), `None`, or, as within a
            `GAN`, a `keras.random.SeedGenerator` that is an attribute of it.
            Defaults to `None`.

    Returns:
        Float32, of the shape of `real`.

    Example:

    >>> real = np.random.uniform(-1, 1, (2, 32, 32, 3)).astype("float32")
    >>> points = keras_comic.losses.perturb_samples(real, seed=1)
    >>> bool(np.abs(points - real).max() < 0.5 * real.std())
    True

    Reference:
        - [Kodali et al., 2017](https://arxiv.org/abs/1705.07215), section 2;
          the noise is that of the authors' published code.
    """
    if not scale >= 0.0:
        raise ValueError(f"`scale` must be at least 0. Received: scale={scale}")
    real = float32(real)
    shape = ops.shape(real)
    # An integer would give the two draws the same numbers.
    second_seed = seed + 1 if isinstance(seed, int) else seed
    noise = keras.random.uniform(shape, seed=seed)
    alpha = keras.random.uniform((shape[0],), seed=second_seed)
    step = scale * ops.std(real) * noise
    return ops.stop_gradient(real + _per_sample(alpha, real) * step)


@keras.saving.register_keras_serializable(package="keras_comic")
class WeightClipping(keras.constraints.Constraint):
    """Keeps every weight within `[-limit, limit]` (the first WGAN).

    A Keras constraint: what it is set for is clipped by the optimizer after
    each of its updates, on every backend. `clip_weights` sets it for the
    variables of a whole critic.

    Args:
        limit: Float > 0. Defaults to `0.01`.

    Example:

    >>> constraint = keras_comic.losses.WeightClipping(0.25)
    >>> [float(x) for x in constraint(np.array([-1.0, 0.125, 1.0]))]
    [-0.25, 0.125, 0.25]

    Reference:
        - [Arjovsky et al., 2017](https://arxiv.org/abs/1701.07875), algorithm
          1, line 7.
    """

    def __init__(self, limit=0.01):
        if not limit > 0.0:
            raise ValueError(
                f"`limit` must be positive. Received: limit={limit}"
            )
        self.limit = limit

    def __call__(self, w):
        return ops.clip(w, -self.limit, self.limit)

    def get_config(self):
        return {"limit": self.limit}


def clip_weights(variables, limit=0.01):
    """Clips weights now and after every update of an optimizer.

    Sets `WeightClipping(limit)` as the constraint of each variable, in the
    place of another one. Constraints set this way are not part of a model's
    config: a family that clips calls this in its constructor. A gradient or
    Lipschitz penalty trains better critics; this one costs nothing.

    Common bug: clipping before the optimizer's update, which leaves the weights
    outside the limits.

    Args:
        variables: List of `keras.Variable`, such as
            `discriminator.trainable_variables`.
        limit: Float > 0. Defaults to `0.01`.

    Example:

    >>> critic = keras.layers.Dense(1)
    >>> critic.build((None, 32))
    >>> keras_comic.losses.clip_weights(critic.trainable_variables)
    >>> float(abs(critic.get_weights()[0]).max()) <= 0.01
    True

    Reference:
        - [Arjovsky et al., 2017](https://arxiv.org/abs/1701.07875), algorithm
          1, line 7.
    """
    constraint = WeightClipping(limit)
    for variable in variables:
        variable.constraint = constraint
        variable.assign(constraint(variable.value))


def _norms(gradients):
    gradients = float32(gradients)
    squares = ops.sum(ops.square(gradients), axis=sample_axes(gradients))
    # The derivative of a root has no value at 0.
    return ops.sqrt(squares + 1e-12)


def _per_sample(numbers, samples):
    shape = (-1,) + (1,) * (len(samples.shape) - 1)
    return ops.reshape(float32(numbers), shape)


def _check_target_norm(target_norm):
    if not target_norm >= 0.0:
        raise ValueError(
            "`target_norm` must be at least 0. "
            f"Received: target_norm={target_norm}"
        )
