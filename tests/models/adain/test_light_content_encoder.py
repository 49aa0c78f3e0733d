from keras_comic.models import LightContentEncoder
from tests.test_case import TestCase
from tests.test_case import noise


class LightContentEncoderTest(TestCase):
    def test_layers(self):
        encoder = LightContentEncoder((4, 6))
        images = noise(2, 32, 36, 3)
        outputs = encoder(images)
        shapes = [(2, 32, 36, 3), (2, 16, 18, 4), (2, 8, 9, 6)]
        self.assertEqual([tuple(x.shape) for x in outputs], shapes)
        self.assertEqual(encoder.compute_output_shape((2, 32, 36, 3)), shapes)
        self.assertAllEqual(outputs[0], images)
        for features in outputs[1:]:
            self.assertGreaterEqual(self.numpy(features).min(), 0.0)
        self.assertGradientsReach(
            lambda: encoder(images)[2] ** 2, encoder.trainable_variables
        )

    def test_config(self):
        encoder = LightContentEncoder((4, 6))
        self.run_config_test(encoder)
        encoder(noise(1, 32, 32, 3))
        revived = self.run_config_test(encoder)
        self.assertEqual(revived.filters, (4, 6))

    def test_mixed_precision(self):
        for policy in ("mixed_float16", "mixed_bfloat16"):
            outputs = LightContentEncoder((4, 6), dtype=policy)(
                noise(1, 32, 32, 3)
            )
            self.assertFinite(self.numpy(outputs[2]).astype("float32"))
            self.assertDType(outputs[2], policy[len("mixed_") :])

    def test_errors(self):
        for filters in ((4,), (4, 0), (4, 6, 8)):
            with self.assertRaisesRegex(
                ValueError,
                "`filters` must be two positive integers. Received: filters",
            ):
                LightContentEncoder(filters)
