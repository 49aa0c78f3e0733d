import math

import numpy as np

from keras_comic import losses
from tests.test_case import TestCase
from tests.test_case import input_gradient
from tests.test_case import noise


class AdversarialTest(TestCase):
    def test_least_squares_by_hand(self):
        self.run_loss_test(
            losses.least_squares_generator_loss,
            (np.float32([[0, 2], [1, 3]]),),
            # (1 + 1) / 2, (0 + 4) / 2.
            [1.0, 2.0],
        )
        self.run_loss_test(
            losses.least_squares_discriminator_loss,
            (np.float32([[1, 0], [2, 1]]), np.float32([[0, 1], [2, -2]])),
            # (0 + 1) / 2 + (0 + 1) / 2, (1 + 0) / 2 + (4 + 4) / 2.
            [1.0, 4.5],
        )

    def test_hinge_by_hand(self):
        self.run_loss_test(
            losses.hinge_generator_loss,
            (np.float32([[1, 3], [-2, 0]]),),
            [-2.0, 1.0],
        )
        self.run_loss_test(
            losses.hinge_discriminator_loss,
            (np.float32([[2, 0], [1, -1]]), np.float32([[-2, 0], [1, -1]])),
            # (0 + 1) / 2 + (0 + 1) / 2, (0 + 2) / 2 + (2 + 0) / 2.
            [1.0, 2.0],
        )

    def test_cross_entropy_by_hand(self):
        # sigmoid(ln 3) = 3/4 and sigmoid(0) = 1/2.
        three = math.log(3.0)
        self.run_loss_test(
            losses.cross_entropy_generator_loss,
            (np.float32([[0, three], [-three, -three]]),),
            [(math.log(2.0) + math.log(4.0 / 3.0)) / 2.0, math.log(4.0)],
        )
        self.run_loss_test(
            losses.cross_entropy_discriminator_loss,
            (
                np.float32([[three, three], [0, 0]]),
                np.float32([[-three, -three], [0, 0]]),
            ),
            [2.0 * math.log(4.0 / 3.0), 2.0 * math.log(2.0)],
        )

    def test_least_squares_with_smoothed_targets_by_hand(self):
        self.run_loss_test(
            lambda fake: losses.least_squares_generator_loss(fake, target=0.9),
            (np.float32([[0.9, 0.4], [1.9, -0.1]]),),
            # (0 + 0.25) / 2, (1 + 1) / 2.
            [0.125, 1.0],
        )
        self.run_loss_test(
            lambda real, fake: losses.least_squares_discriminator_loss(
                real, fake, real_target=0.9, fake_target=0.1
            ),
            (
                np.float32([[0.9, -0.1], [1.9, 0.4]]),
                np.float32([[0.1, 1.1], [0.6, -0.4]]),
            ),
            # (0 + 1) / 2 + (0 + 1) / 2, (1 + 0.25) / 2 + (0.25 + 0.25) / 2.
            [1.0, 0.875],
        )

    def test_minimax_by_hand(self):
        three = math.log(3.0)
        self.run_loss_test(
            losses.minimax_generator_loss,
            (np.float32([[0, three], [-three, -three]]),),
            # log(1 - 1/2) and log(1 - 3/4), log(1 - 1/4).
            [(math.log(1 / 2) + math.log(1 / 4)) / 2.0, math.log(3 / 4)],
        )
        real, fake = noise(3, 8), noise(3, 8, seed=1)
        for smoothing in (0.0, 0.1):
            self.assertAllEqual(
                losses.minimax_discriminator_loss(real, fake, smoothing),
                losses.cross_entropy_discriminator_loss(real, fake, smoothing),
            )

    def test_wasserstein_by_hand(self):
        self.run_loss_test(
            losses.wasserstein_generator_loss,
            (np.float32([[1, 3], [-2, 0]]),),
            [-2.0, 1.0],
        )
        self.run_loss_test(
            losses.wasserstein_discriminator_loss,
            (np.float32([[2, 0], [1, -1]]), np.float32([[-2, 0], [3, -1]])),
            # -1 - 1, 1 - 0.
            [-2.0, 1.0],
        )

    def test_label_smoothing_by_hand(self):
        three = math.log(3.0)
        self.run_loss_test(
            lambda real, fake: losses.cross_entropy_discriminator_loss(
                real, fake, label_smoothing=0.1
            ),
            (
                np.float32([[three, three], [0, 0]]),
                np.float32([[-three, -three], [0, 0]]),
            ),
            [
                -0.9 * math.log(3 / 4)
                - 0.1 * math.log(1 / 4)
                - math.log(3 / 4),
                2.0 * math.log(2.0),
            ],
        )

    def test_cross_entropy_is_finite_for_every_logit(self):
        logits = np.float32([[-1e4, 1e4]])
        self.assertAllClose(losses.cross_entropy_generator_loss(logits), [5e3])
        self.assertAllClose(
            losses.cross_entropy_discriminator_loss(logits, logits), [1e4]
        )
        self.assertAllClose(
            losses.cross_entropy_discriminator_loss(logits, logits, 0.1), [1e4]
        )
        self.assertAllClose(losses.minimax_generator_loss(logits), [-5e3])
        gradient = input_gradient(losses.cross_entropy_generator_loss, logits)
        self.assertAllClose(gradient, [[-0.5, 0.0]])

    def test_pairs_take_logits_of_every_rank(self):
        real, fake = noise(3, 8), noise(3, 8, seed=1)
        for name, pair in losses.ADVERSARIAL_LOSSES.items():
            generator_loss, discriminator_loss = pair
            with self.subTest(name=name):
                expected = discriminator_loss(real, fake)
                for shape in ((3, 2, 4), (3, 2, 2, 2), (3, 4, 2, 1)):
                    self.assertAllClose(
                        discriminator_loss(
                            real.reshape(shape), fake.reshape(shape)
                        ),
                        expected,
                    )
                    self.assertAllClose(
                        generator_loss(fake.reshape(shape)),
                        generator_loss(fake),
                    )
                # One logit a sample.
                self.assertShape(
                    discriminator_loss(real[:, 0], fake[:, 0]), (3,)
                )
                self.assertShape(generator_loss(fake[:, 0]), (3,))
                # Two scales of a discriminator need not have one size.
                self.assertShape(discriminator_loss(real, fake[:, :4]), (3,))

    def test_errors(self):
        real, fake = noise(1, 2), noise(1, 2)
        with self.assertRaisesRegex(
            ValueError,
            "`real_target` must be greater than `fake_target`. "
            "Received: real_target=0.0, fake_target=1.0",
        ):
            losses.least_squares_discriminator_loss(real, fake, 0.0, 1.0)
        for loss in (
            losses.cross_entropy_discriminator_loss,
            losses.minimax_discriminator_loss,
        ):
            for value in (-0.1, 0.5):
                with self.assertRaisesRegex(
                    ValueError,
                    r"`label_smoothing` must be in \[0, 0.5\). "
                    f"Received: label_smoothing={value}",
                ):
                    loss(real, fake, value)
