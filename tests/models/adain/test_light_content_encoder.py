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

    def test_errors(self):
        for filters in ((4,), (4, 0), (4, 6, 8)):
            with self.assertRaisesRegex(
                ValueError,
                "`filters` must be two positive integers. Received: filters",
            ):
                LightContentEncoder(filters)
