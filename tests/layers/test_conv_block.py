import numpy as np
from keras import ops

from keras_comic.layers import ConvBlock
from keras_comic.layers import ReflectionConv2D
from keras_comic.layers import channel_moments
from tests.test_case import TestCase
from tests.test_case import noise


class ConvBlockTest(TestCase):
    def test_instance(self):
        self.run_layer_test(
            ConvBlock,
            {"filters": 6, "kernel_size": 3, "strides": 2},
            (noise(2, 16, 16, 3),),
            (2, 8, 8, 6),
            odd_inputs=(noise(1, 15, 17, 3),),
            odd_shape=(1, 8, 9, 6),
            # Kernel, scale, shift.
            num_trainable=3,
        )

    def test_conditional_with_upsampling(self):
        style = noise(2, 5, seed=1)
        self.run_layer_test(
            ConvBlock,
            {
                "filters": 4,
                "kernel_size": 1,
                "normalization": "conditional",
                "activation": "leaky_relu",
                "upsample": True,
            },
            (noise(2, 8, 8, 3), style),
            (2, 16, 16, 4),
            odd_inputs=(noise(2, 7, 5, 3), style),
            odd_shape=(2, 14, 10, 4),
            num_trainable=3,
        )

    def test_without_normalization(self):
        self.run_layer_test(
            ConvBlock,
            {"filters": 4, "normalization": None, "activation": "tanh"},
            (noise(2, 8, 8, 3),),
            (2, 8, 8, 4),
            # Without a normalisation there is a bias.
            num_trainable=2,
        )

    def test_order_is_convolution_normalization_activation(self):
        images = noise(1, 9, 9, 3)
        block = ConvBlock(4)
        outputs = self.numpy(block(images))
        features = block.convolution(images)
        self.assertIsInstance(block.convolution, ReflectionConv2D)
        mean, deviation = channel_moments(features)
        normalized = (features - mean[:, None, None]) / deviation[:, None, None]
        self.assertAllClose(outputs, ops.relu(normalized), atol=1e-5)
        self.assertEqual(outputs.min(), 0.0)

    def test_upsampling_repeats_pixels(self):
        block = ConvBlock(
            1, kernel_size=1, normalization=None, activation=None, upsample=True
        )
        images = np.array([[1, 2], [3, 4]], "float32").reshape(1, 2, 2, 1)
        block(images)
        block.convolution.set_weights([np.ones((1, 1, 1, 1)), np.zeros(1)])
        self.assertAllClose(
            block(images)[0, :, :, 0],
            [[1, 1, 2, 2], [1, 1, 2, 2], [3, 3, 4, 4], [3, 3, 4, 4]],
        )

    def test_errors(self):
        with self.assertRaisesRegex(
            ValueError,
            r"`normalization` must be one of \['conditional', 'instance', "
            r"None\]. Received: normalization='batch'",
        ):
            ConvBlock(4, normalization="batch")
        with self.assertRaisesRegex(
            ValueError,
            "`filters` must be a positive integer. Received: filters=-3",
        ):
            ConvBlock(-3)
