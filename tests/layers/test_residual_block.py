import numpy as np

from keras_comic.layers import ResidualBlock
from tests.test_case import TestCase
from tests.test_case import noise


class ResidualBlockTest(TestCase):
    def test_instance(self):
        self.run_layer_test(
            ResidualBlock,
            {"filters": 4},
            (noise(2, 8, 8, 4),),
            (2, 8, 8, 4),
            odd_inputs=(noise(1, 5, 7, 4),),
            odd_shape=(1, 5, 7, 4),
            num_trainable=6,
        )

    def test_conditional(self):
        style = noise(2, 5, seed=1)
        self.run_layer_test(
            ResidualBlock,
            {
                "filters": 4,
                "kernel_size": 5,
                "normalization": "conditional",
                "activation": "silu",
            },
            (noise(2, 8, 8, 4), style),
            (2, 8, 8, 4),
            odd_inputs=(noise(2, 5, 7, 4), style),
            odd_shape=(2, 5, 7, 4),
            num_trainable=6,
        )

    def test_kernels_of_zeros_leave_the_input(self):
        block = ResidualBlock(4, normalization=None)
        features = noise(1, 6, 6, 4)
        block(features)
        weights = block.get_weights()
        block.set_weights([np.zeros_like(w) for w in weights])
        self.assertAllEqual(block(features), features)
        # No activation after the sum: a negative bias passes.
        weights = [np.zeros_like(w) for w in weights]
        weights[-1] -= 5.0
        block.set_weights(weights)
        self.assertAllClose(block(features), features - 5.0)

    def test_errors(self):
        with self.assertRaisesRegex(
            ValueError, "Received: filters=4, input channels=3"
        ):
            ResidualBlock(4)(noise(1, 8, 8, 3))
