import math

import numpy as np
from keras import ops

from keras_comic import losses
from tests.test_case import TestCase
from tests.test_case import compiled
from tests.test_case import noise

THREE = math.log(3.0)


def column(*values):
    """One logit a sample."""
    return np.float32(values)[:, None]


class RelativisticTest(TestCase):
    def check(self, name, real, fake, generator, discriminator):
        for loss, expected in zip(
            losses.RELATIVISTIC_LOSSES[name],
            (generator, discriminator),
            strict=True,
        ):
            values = loss(real, fake)
            self.assertShape(values, (len(expected),))
            self.assertDType(values, "float32")
            self.assertAllClose(values, expected, atol=1e-5)
            self.assertAllClose(
                compiled(lambda *arrays, loss=loss: loss(*arrays))(real, fake),
                expected,
                atol=1e-5,
            )
            for dtype in ("float16", "bfloat16"):
                low = loss(ops.cast(real, dtype), ops.cast(fake, dtype))
                self.assertDType(low, "float32")
                self.assertAllClose(low, expected, atol=0.1)

    def test_cross_entropy_by_hand(self):
        # Both averages are 0; sigmoid(log 3) = 3/4.
        self.check(
            "relativistic_cross_entropy",
            column(THREE, -THREE),
            column(0, 0),
            [math.log(2) + math.log(4), math.log(2) + math.log(4 / 3)],
            [math.log(4 / 3) + math.log(2), math.log(4) + math.log(2)],
        )

    def test_least_squares_by_hand(self):
        # Real less the average fake: 2, 4; fake less the average real: -2, -4.
        self.check(
            "relativistic_least_squares",
            column(1, 3),
            column(0, -2),
            # (-2 - 1)^2 + (2 + 1)^2, (-4 - 1)^2 + (4 + 1)^2.
            [18.0, 50.0],
            # (2 - 1)^2 + (-2 + 1)^2, (4 - 1)^2 + (-4 + 1)^2.
            [2.0, 18.0],
        )

    def test_hinge_by_hand(self):
        # Real less the average fake: 0.5, -0.5; the fake ones -0.5, 0.5.
        self.check(
            "relativistic_hinge",
            column(1, 0),
            column(0, 1),
            [1.5 + 1.5, 0.5 + 0.5],
            [0.5 + 0.5, 1.5 + 1.5],
        )

    def test_patches_have_the_average_of_the_batch(self):
        real, fake = noise(3, 8), noise(3, 8, seed=1)
        for name, pair in losses.RELATIVISTIC_LOSSES.items():
            for loss in pair:
                with self.subTest(name=name):
                    expected = loss(real, fake)
                    self.assertShape(expected, (3,))
                    for shape in ((3, 2, 4), (3, 4, 2, 1)):
                        self.assertAllClose(
                            loss(real.reshape(shape), fake.reshape(shape)),
                            expected,
                        )
                    self.assertShape(loss(real[:, 0], fake[:, 0]), (3,))
                    # The mean over patches is that over as many samples.
                    self.assertAllClose(
                        np.mean(
                            self.numpy(
                                loss(real.reshape(24, 1), fake.reshape(24, 1))
                            )
                        ),
                        np.mean(self.numpy(expected)),
                    )
