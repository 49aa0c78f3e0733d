import numpy as np

from keras_comic.models import LightDecoder
from tests.test_case import TestCase
from tests.test_case import noise


class LightDecoderTest(TestCase):
    def setUp(self):
        self.decoder = LightDecoder((6, 5, 4), 2)
        self.features = [
            noise(2, 32, 36, 3),
            np.abs(noise(2, 16, 18, 4)),
            np.abs(noise(2, 8, 9, 6)),
        ]
        self.style = noise(2, 7, seed=1)

    def test_layers(self):
        outputs = self.decoder(self.features, self.style)
        self.assertShape(outputs, (2, 32, 36, 3))
        self.assertDType(outputs, "float32")
        self.assertLessEqual(np.abs(self.numpy(outputs)).max(), 1.0)
        self.assertGradientsReach(
            lambda: self.decoder(self.features, self.style) ** 2,
            self.decoder.trainable_variables,
        )

    def test_style_is_injected_at_three_scales(self):
        self.decoder(self.features, self.style)
        injections = [
            v.path for v in self.decoder.variables if "moments/kernel" in v.path
        ]
        # Two in each residual block, one at half, one at the skip from the
        # encoder, one at full resolution.
        self.assertEqual(len(injections), 2 * 2 + 3)
        outputs = self.decoder(self.features, self.style)
        for variable in self.decoder.variables:
            if "moments/kernel" in variable.path:
                kernel = self.numpy(variable)
                variable.assign(kernel + 0.1)
                self.assertNotAllClose(
                    self.decoder(self.features, self.style), outputs, atol=1e-4
                )
                variable.assign(kernel)

    def test_every_feature_map_matters(self):
        outputs = self.decoder(self.features, self.style)
        for i, features in enumerate(self.features):
            changed = list(self.features)
            changed[i] = features[:, ::-1]
            self.assertNotAllClose(
                self.decoder(changed, self.style), outputs, atol=1e-3
            )

    def test_no_residual_block(self):
        decoder = LightDecoder((6, 5, 4), 0)
        self.assertShape(decoder(self.features, self.style), (2, 32, 36, 3))

    def test_errors(self):
        for filters in ((6, 5), (6, 5, 0)):
            with self.assertRaisesRegex(
                ValueError,
                "`filters` must be three positive integers. Received: filters",
            ):
                LightDecoder(filters)
        with self.assertRaisesRegex(
            ValueError,
            "`num_residual_blocks` must be at least 0. "
            "Received: num_residual_blocks=-1",
        ):
            LightDecoder(num_residual_blocks=-1)
