import numpy as np

from keras_comic.models import VGGEncoder
from tests.test_case import TestCase
from tests.test_case import noise


class VGGEncoderTest(TestCase):
    def test_layers(self):
        encoder = VGGEncoder((2, 3, 4, 5))
        images = noise(2, 32, 40, 3)
        outputs = encoder(images)
        self.assertEqual(len(outputs), 1)
        self.assertShape(outputs[0], (2, 4, 5, 5))
        self.assertGreaterEqual(self.numpy(outputs[0]).min(), 0.0)
        self.assertEqual(
            encoder.compute_output_shape((2, 32, 40, 3)), [(2, 4, 5, 5)]
        )
        self.assertEqual(
            encoder.compute_output_shape((None, None, None, 3)),
            [(None, None, None, 5)],
        )
        self.assertEqual(
            [layer.name for layer in encoder.convolutions],
            [
                "conv1_1",
                "conv1_2",
                "conv2_1",
                "conv2_2",
                "conv3_1",
                "conv3_2",
                "conv3_3",
                "conv3_4",
                "conv4_1",
            ],
        )
        # The kernels and biases of ten convolutions.
        self.assertEqual(len(encoder.trainable_variables), 20)
        self.assertGradientsReach(
            lambda: encoder(images)[0], encoder.trainable_variables
        )

    def test_parameters_of_the_published_network(self):
        encoder = VGGEncoder()
        encoder.build((None, None, None, 3))
        self.assertEqual(encoder.count_params(), 3_505_740)

    def test_range_and_reflection(self):
        # Each convolution passes the pixel to the lower right of its middle.
        encoder = VGGEncoder((3, 3, 3, 3))
        encoder.build((None, None, None, 3))
        kernel = np.zeros((3, 3, 3, 3))
        kernel[2, 2] = np.eye(3)
        encoder.color.convolution.kernel.assign(np.eye(3)[None, None])
        for layer in encoder.convolutions:
            layer.convolution.kernel.assign(kernel)
        images = noise(1, 32, 32, 3)
        unit = (images + 1.0) / 2.0
        expected = self.numpy(unit)
        for count in (2, 2, 4, 1):
            for _ in range(count):
                expected = np.pad(
                    expected, [(0, 0), (1, 1), (1, 1), (0, 0)], mode="reflect"
                )[:, 2:, 2:]
            if count == 1:
                break
            batch, height, width, channels = expected.shape
            blocks = expected.reshape(
                batch, height // 2, 2, width // 2, 2, channels
            )
            expected = blocks.max(axis=(2, 4))
        self.assertAllClose(encoder(images)[0], expected, atol=1e-5)

    def test_errors(self):
        for filters in ((2, 3, 4), (2, 3, 4, 0)):
            with self.assertRaisesRegex(
                ValueError,
                "`filters` must be four positive integers. "
                rf"Received: filters=\({filters[0]}, ",
            ):
                VGGEncoder(filters)
