import numpy as np

from keras_comic.layers import channel_moments
from keras_comic.models import VGGDecoder
from tests.test_case import TestCase
from tests.test_case import noise


class VGGDecoderTest(TestCase):
    def setUp(self):
        self.decoder = VGGDecoder((2, 3, 4, 5))
        self.features = [np.abs(noise(2, 4, 5, 5))]
        self.style = np.abs(noise(2, 10, seed=1))

    def test_layers(self):
        outputs = self.decoder(self.features, self.style)
        self.assertShape(outputs, (2, 32, 40, 3))
        self.assertDType(outputs, "float32")
        self.assertFinite(outputs)
        self.assertEqual(
            [(c.name, c.filters) for c in self.decoder.convolutions],
            [
                ("conv4_1", 4),
                ("conv3_4", 4),
                ("conv3_3", 4),
                ("conv3_2", 4),
                ("conv3_1", 3),
                ("conv2_2", 3),
                ("conv2_1", 2),
                ("conv1_2", 2),
                ("conv1_1", 3),
            ],
        )
        self.assertGradientsReach(
            lambda: self.decoder(self.features, self.style) ** 2,
            self.decoder.trainable_variables,
        )

    def test_style_is_injected(self):
        # What the first convolution sees has the style's moments.
        found = self.decoder.adain(self.features[0], self.style)
        mean, deviation = channel_moments(found)
        self.assertAllClose(mean, self.style[:, :5], atol=1e-4)
        self.assertAllClose(deviation, self.style[:, 5:], atol=1e-3, rtol=1e-3)
        outputs = self.decoder(self.features, self.style)
        self.assertNotAllClose(
            self.decoder(self.features, 2.0 * self.style), outputs, atol=1e-3
        )

    def test_range(self):
        # The last convolution gives RGB in [0, 1].
        self.decoder(self.features, self.style)
        last = self.decoder.convolutions[-1].convolution
        last.kernel.assign(np.zeros(last.kernel.shape))
        last.bias.assign([0.0, 0.5, 1.0])
        outputs = self.numpy(self.decoder(self.features, self.style))
        self.assertAllClose(
            outputs, np.broadcast_to([-1.0, 0.0, 1.0], outputs.shape)
        )

    def test_parameters_of_the_published_network(self):
        decoder = VGGDecoder()
        decoder.build([(None, None, None, 512)], (None, 1024))
        self.assertEqual(decoder.count_params(), 3_505_219)

    def test_errors(self):
        with self.assertRaisesRegex(
            ValueError,
            r"`filters` must be four positive integers. "
            r"Received: filters=\(2, 3\)",
        ):
            VGGDecoder((2, 3))
        with self.assertRaisesRegex(
            ValueError, "`style_moments` must hold a mean and a deviation"
        ):
            self.decoder(self.features, self.style[:, :8])
