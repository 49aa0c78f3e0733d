"""Penalties against hand-made numbers and numerical differentiation."""

import keras
import numpy as np
import pytest

from keras_comic import losses
from keras_comic.training import GAN
from tests.test_case import BACKEND
from tests.test_case import Batches
from tests.test_case import TestCase
from tests.test_case import gradients
from tests.test_case import noise

trains = pytest.mark.skipif(
    BACKEND not in ("tensorflow", "jax"), reason="this backend does not train"
)

# Norms 5 (a sample of two pixels), 0.5 and 0.
GRADIENTS = np.float32([[3, 4], [0.3, 0.4], [0, 0]]).reshape(3, 1, 2, 1)


def make_critic():
    """Two convolutions: kernel (2, 2, 2, 3), tanh, one logit a patch."""
    critic = keras.Sequential(
        [
            keras.Input((4, 4, 2)),
            keras.layers.Conv2D(3, 2, activation="tanh"),
            keras.layers.Conv2D(1, 1, use_bias=False),
        ]
    )
    shapes = [v.shape for v in critic.get_weights()]
    critic.set_weights([2 * noise(*s, seed=3) for s in shapes])
    return critic


def logits_of(weights, images):
    """Sums of the critic's logits, by NumPy in float64."""
    kernel, bias, head = weights
    maps = bias
    for y in range(2):
        for x in range(2):
            maps = maps + images[:, y : y + 3, x : x + 3] @ kernel[y, x]
    return (np.tanh(maps) @ head[0, 0]).sum((1, 2, 3))


def differences(function, values, step):
    """Central differences of a function by each entry of an array."""
    found = []
    for index in np.ndindex(values.shape):
        shift = np.zeros_like(values)
        shift[index] = step
        found.append(
            (function(values + shift) - function(values - shift)) / (2 * step)
        )
    return np.stack(found)


def numerical_input_gradients(weights, images):
    """Returns the gradients of each sample by its own values."""
    columns = differences(
        lambda shift: logits_of(weights, images + shift),
        np.zeros(images.shape[1:]),
        1e-5,
    )
    return columns.T.reshape(images.shape)


# The definitions once more, in NumPy.
def norms(values):
    return np.sqrt((values**2).sum((1, 2, 3)))


PENALTIES = {
    losses.gradient_penalty: lambda g: (norms(g) - 1.0) ** 2,
    losses.lipschitz_penalty: lambda g: np.maximum(norms(g) - 1.0, 0.0) ** 2,
    losses.r1_penalty: lambda g: norms(g) ** 2 / 2.0,
    losses.r2_penalty: lambda g: norms(g) ** 2 / 2.0,
    losses.dragan_penalty: lambda g: (norms(g) - 1.0) ** 2,
}


@keras.saving.register_keras_serializable(package="keras_comic_tests")
class PenalizedGAN(GAN):
    """A discriminator of a penalty alone."""

    default_loss_weights = {"penalty": 1.0}

    def generator_losses(self, batch):
        return {}

    def discriminator_losses(self, batch):
        gradients = self.input_gradients(
            lambda x: self.discriminator(x, training=False), batch
        )
        return {"penalty": losses.r1_penalty(gradients)}


class PenaltiesTest(TestCase):
    def test_by_hand(self):
        for penalty, expected in (
            (losses.gradient_penalty, [16.0, 0.25, 1.0]),
            (losses.lipschitz_penalty, [16.0, 0.0, 0.0]),
            (losses.r1_penalty, [12.5, 0.125, 0.0]),
            (losses.r2_penalty, [12.5, 0.125, 0.0]),
            (losses.dragan_penalty, [16.0, 0.25, 1.0]),
        ):
            with self.subTest(penalty=penalty.__name__):
                self.run_loss_test(penalty, (GRADIENTS,), expected)
                # The norm is over all values of a sample, whatever the rank.
                self.assertAllClose(
                    penalty(GRADIENTS.reshape(3, 2)), expected, atol=1e-5
                )
        for penalty in (losses.gradient_penalty, losses.dragan_penalty):
            self.assertAllClose(
                penalty(GRADIENTS, target_norm=0.5), [20.25, 0.0, 0.25], 1e-5
            )
        self.assertAllClose(
            losses.lipschitz_penalty(GRADIENTS, target_norm=4.0), [1.0, 0, 0]
        )

    def test_low_precision_does_not_overflow(self):
        large = np.full((1, 8, 8, 1), 300.0, "float16")
        self.assertAllClose(losses.r1_penalty(large), [32.0 * 9e4])
        self.assertAllClose(losses.gradient_penalty(large), [2399.0**2])

    @trains
    def test_against_numerical_differentiation(self):
        critic = make_critic()
        gan = GAN(make_critic(), critic)
        images = noise(2, 4, 4, 2)
        weights = [value.astype("float64") for value in critic.get_weights()]
        expected = numerical_input_gradients(weights, images)
        found = gan.input_gradients(critic, images)
        self.assertAllClose(found, expected, atol=1e-5, rtol=1e-5)
        for penalty, definition in PENALTIES.items():
            with self.subTest(penalty=penalty.__name__):
                self.assertAllClose(
                    penalty(found), definition(expected), atol=1e-4, rtol=1e-4
                )
                # Once more by the weights: what an optimizer gets.
                by_weights = gradients(
                    lambda penalty=penalty: penalty(
                        gan.input_gradients(critic, images)
                    ),
                    critic.trainable_variables,
                )
                for i in range(3):
                    numbers = differences(
                        lambda value, i=i, definition=definition: definition(
                            numerical_input_gradients(
                                [*weights[:i], value, *weights[i + 1 :]],
                                images,
                            )
                        ).sum(),
                        weights[i],
                        1e-4,
                    ).reshape(weights[i].shape)
                    self.assertGreater(np.abs(numbers).max(), 0.1)
                    self.assertAllClose(
                        by_weights[i], numbers, atol=1e-3, rtol=1e-3
                    )

    def test_errors(self):
        for penalty in (
            losses.gradient_penalty,
            losses.lipschitz_penalty,
            losses.dragan_penalty,
        ):
            with self.assertRaisesRegex(
                ValueError,
                "`target_norm` must be at least 0. Received: target_norm=-1",
            ):
                penalty(GRADIENTS, target_norm=-1.0)


class PointsTest(TestCase):
    def test_interpolation_by_hand(self):
        real, fake = noise(3, 4, 4, 3), noise(3, 4, 4, 3, seed=1)
        alpha = np.float32([0.0, 0.25, 1.0])
        points = losses.interpolate_samples(real, fake, alpha)
        self.assertDType(points, "float32")
        self.assertAllClose(points[0], real[0])
        self.assertAllClose(points[1], 0.75 * real[1] + 0.25 * fake[1])
        self.assertAllClose(points[2], fake[2])
        self.assertAllClose(
            losses.interpolate_samples(
                real[:, 0, 0, 0], fake[:, 0, 0, 0], alpha
            )[1],
            0.75 * real[1, 0, 0, 0] + 0.25 * fake[1, 0, 0, 0],
        )

    def test_perturbation(self):
        real = 3.0 * noise(512, 4, 4, 1)
        points = self.numpy(losses.perturb_samples(real, seed=1))
        # In units of half a standard deviation.
        steps = (points - real) / (0.5 * real.std())
        self.assertGreaterEqual(steps.min(), -1e-5)
        self.assertLess(steps.max(), 1.0)
        # The product of two uniform numbers.
        self.assertAllClose(steps.mean(), 0.25, atol=0.02)
        # One number a sample bounds its values: they go together.
        largest = steps.max((1, 2, 3))
        self.assertGreater(np.corrcoef(largest, steps[:, 0, 0, 0])[0, 1], 0.4)
        # The noise itself is one for each value.
        noises = steps / largest[:, None, None, None]
        self.assertGreater(noises.std(axis=(1, 2, 3)).mean(), 0.2)
        self.assertAllClose(
            losses.perturb_samples(real, scale=0.0, seed=1), real
        )

    def test_errors(self):
        with self.assertRaisesRegex(
            ValueError,
            "`real` and `fake` must have the same shape. Received: "
            r"real.shape=\(2, 8\), fake.shape=\(2, 7\)",
        ):
            losses.interpolate_samples(noise(2, 8), noise(2, 7))
        with self.assertRaisesRegex(
            ValueError, "`scale` must be at least 0. Received: scale=-1"
        ):
            losses.perturb_samples(noise(2, 8), scale=-1)


class ClippingTest(TestCase):
    def test_constraint_by_hand(self):
        constraint = losses.WeightClipping(0.1)
        self.assertAllClose(
            constraint(np.float32([-1.0, -0.1, 0.05, 2.0])),
            [-0.1, -0.1, 0.05, 0.1],
        )
        layer = keras.layers.Dense(
            2, kernel_constraint=constraint, bias_constraint=constraint
        )
        revived = self.run_config_test(layer)
        self.assertIsInstance(revived.kernel_constraint, losses.WeightClipping)
        self.assertEqual(revived.kernel_constraint.limit, 0.1)

    def test_now(self):
        critic = make_critic()
        before = critic.get_weights()
        losses.clip_weights(critic.trainable_variables, 0.3)
        for new, old in zip(critic.get_weights(), before, strict=True):
            self.assertAllClose(new, np.clip(old, -0.3, 0.3))

    @trains
    def test_after_every_step(self):
        gan = PenalizedGAN(make_critic(), make_critic())
        losses.clip_weights(gan.discriminator.trainable_variables)
        gan.compile(
            # A rate that moves the weights past any limit.
            {"discriminator": keras.optimizers.SGD(1e6)},
        )
        gan.fit(Batches(noise(2, 4, 4, 2), 3), verbose=0)
        for values in gan.discriminator.get_weights():
            self.assertAllClose(np.abs(values).max(), 0.01)

    def test_errors(self):
        for make in (
            losses.WeightClipping,
            lambda limit: losses.clip_weights([], limit),
        ):
            with self.assertRaisesRegex(
                ValueError, "`limit` must be positive. Received: limit=0"
            ):
                make(0)
