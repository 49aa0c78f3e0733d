import numpy as np

from keras_comic.models import LightStyleEncoder
from tests.test_case import TestCase
from tests.test_case import noise


class LightStyleEncoderTest(TestCase):
    def test_layer(self):
        encoder = LightStyleEncoder((4, 6), style_dim=5, hidden_dim=8)
        images = noise(2, 32, 40, 3)
        outputs = encoder(images)
        self.assertShape(outputs, (2, 5))
        self.assertDType(outputs, "float32")
        self.assertShape(encoder(noise(2, 33, 47, 3)), (2, 5))
        self.assertEqual(
            encoder.compute_output_shape((None, None, None, 3)), (None, 5)
        )
        # Means and deviations of the pixels and of both levels.
        self.assertShape(encoder.hidden.kernel, (2 * (3 + 4 + 6), 8))
        self.assertGradientsReach(
            lambda: encoder(images) ** 2, encoder.trainable_variables
        )

    def test_a_drawing_twice_is_the_same_style(self):
        # Statistics do not change when the picture is repeated.
        encoder = LightStyleEncoder((4,), style_dim=5, hidden_dim=8)
        tile = noise(1, 32, 32, 3)
        mirrored = np.concatenate([tile, tile[:, ::-1]], axis=1)
        self.assertShape(encoder(mirrored), (1, 5))
        difference = np.abs(encoder(mirrored) - encoder(tile)).max()
        other = np.abs(encoder(0.2 * tile) - encoder(tile)).max()
        self.assertLess(difference, 0.2 * other)

    def test_errors(self):
        for kwargs in (
            {"filters": ()},
            {"filters": (4, 0)},
            {"style_dim": 0},
            {"hidden_dim": -1},
        ):
            with self.assertRaisesRegex(
                ValueError,
                "`filters`, `style_dim` and `hidden_dim` must be positive. "
                "Received: filters=",
            ):
                LightStyleEncoder(**kwargs)
