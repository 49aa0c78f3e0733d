import numpy as np

from keras_comic.layers import ReflectionConv2D
from tests.test_case import TestCase
from tests.test_case import noise


class ReflectionConv2DTest(TestCase):
    def test_layer(self):
        self.run_layer_test(
            ReflectionConv2D,
            {
                "filters": 4,
                "kernel_size": 5,
                "strides": 2,
                "activation": "tanh",
                "kernel_initializer": "glorot_normal",
            },
            (noise(2, 12, 12, 3),),
            (2, 6, 6, 4),
            odd_inputs=(noise(1, 13, 9, 3),),
            odd_shape=(1, 7, 5, 4),
            num_trainable=2,
        )

    def test_pointwise_without_bias(self):
        self.run_layer_test(
            ReflectionConv2D,
            {"filters": 4, "kernel_size": 1, "use_bias": False},
            (noise(2, 8, 8, 3),),
            (2, 8, 8, 4),
            num_trainable=1,
        )

    def test_numpy_agrees(self):
        images = noise(1, 6, 7, 2)
        for kernel_size, strides in ((3, 1), (3, 2), (5, 1), (5, 3)):
            layer = ReflectionConv2D(3, kernel_size, strides)
            outputs = self.numpy(layer(images))
            kernel, bias = layer.get_weights()
            margin = kernel_size // 2
            borders = ((0, 0), (margin, margin), (margin, margin), (0, 0))
            padded = np.pad(images, borders, mode="reflect")
            expected = np.zeros_like(outputs)
            for y in range(outputs.shape[1]):
                for x in range(outputs.shape[2]):
                    top, left = y * strides, x * strides
                    patch = padded[
                        0, top : top + kernel_size, left : left + kernel_size
                    ]
                    expected[0, y, x] = np.tensordot(patch, kernel, 3) + bias
            self.assertAllClose(outputs, expected, atol=1e-5)

    def test_a_flat_image_has_no_dark_frame(self):
        layer = ReflectionConv2D(1, 7, kernel_initializer="ones")
        outputs = layer(np.full((1, 9, 9, 1), 2.0, "float32"))
        self.assertAllClose(outputs, np.full((1, 9, 9, 1), 98.0))

    def test_errors(self):
        for arguments, message in (
            (
                {"filters": 0},
                "`filters` must be a positive integer. Received: filters=0",
            ),
            (
                {"filters": 4, "kernel_size": 4},
                "`kernel_size` must be a positive odd integer. "
                "Received: kernel_size=4",
            ),
            (
                {"filters": 4, "strides": 0},
                "`strides` must be a positive integer. Received: strides=0",
            ),
        ):
            with self.assertRaisesRegex(ValueError, message):
                ReflectionConv2D(**arguments)
