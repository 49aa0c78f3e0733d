import numpy as np
from PIL import Image

import keras_comic
from keras_comic import metrics
from keras_comic.models.adain.validation_set import ValidationSet
from keras_comic.models.adain.validation_set import pair
from keras_comic.models.adain.validation_set import read_squares
from tests.test_case import TestCase
from tests.test_case import noise


def feature_network():
    return keras_comic.FeatureNetwork((1, 1, 3), (4, 4, 4))


class FirstDrawing:
    """A generator that gives its style image back."""

    def __call__(self, inputs, training=False):
        return inputs["style"]


class ValidationSetTest(TestCase):
    def setUp(self):
        self.photos = list(noise(5, 32, 32, 3))
        self.drawings = list(noise(2, 32, 32, 3, seed=1))

    def test_drawings_in_turn(self):
        inputs = pair(self.photos, self.drawings)
        self.assertShape(inputs["photos"], (5, 32, 32, 3))
        for i, style in enumerate(inputs["style"]):
            self.assertAllEqual(style, self.drawings[i % 2])

    def test_style_loss(self):
        validation = ValidationSet(
            self.photos, self.drawings, feature_network(), "style_loss"
        )
        self.assertAllClose(float(validation.evaluate(FirstDrawing())), 0.0)
        result = validation.evaluate(lambda inputs, training: inputs["photos"])
        self.assertGreater(result.value, 0.0)
        self.assertEqual(result.metric, "StyleLoss")

    def test_kid(self):
        network = feature_network()
        validation = ValidationSet(self.photos, self.drawings, network)
        result = validation.evaluate(lambda inputs, training: inputs["photos"])
        expected = metrics.KernelDistance(network, network.layer_names[-1])
        expected.update_state(comics=np.stack(self.drawings))
        expected.update_state(fake_comics=np.stack(self.photos))
        self.assertAllClose(result.value, expected.result())

    def test_a_generator_in_ruins(self):
        for objective in ("kid", "style_loss"):
            validation = ValidationSet(
                self.photos, self.drawings, feature_network(), objective
            )
            value = validation.evaluate(
                lambda inputs, training: inputs["photos"] * np.nan
            )
            value = value if isinstance(value, float) else [*value.values()][0]
            self.assertTrue(np.isnan(value))

    def test_errors(self):
        with self.assertRaisesRegex(
            ValueError, r"one of \['kid', 'style_loss'\]. Received: .*'fid'"
        ):
            ValidationSet(self.photos, self.drawings, feature_network(), "fid")
        with self.assertRaisesRegex(
            ValueError, "at least 2 photos and 2 .* 5 photos, 1 drawings"
        ):
            ValidationSet(self.photos, self.drawings[:1], feature_network())


class ReadSquaresTest(TestCase):
    def test_evenly(self):
        folder = self.temporary_folder()
        for i in range(5):
            picture = np.full((20, 30, 3), 60 * i, "uint8")
            Image.fromarray(picture).save(folder / f"{i}.png")
        found = read_squares(folder, 16, 3)
        self.assertEqual([p.shape for p in found], 3 * [(16, 16, 3)])
        self.assertAllClose(
            [p[0, 0, 0] for p in found],
            [-1.0, 120 / 127.5 - 1.0, 240 / 127.5 - 1.0],
        )
        self.assertEqual(len(read_squares([folder, folder], 16)), 10)
        self.assertEqual(len(read_squares({"ink": folder}, 16)), 5)

    def test_in_the_middle(self):
        folder = self.temporary_folder()
        picture = np.zeros((16, 48, 3), "uint8")
        picture[:, 16:32] = 255
        Image.fromarray(picture).save(folder / "wide.png")
        (folder / "broken.jpg").write_bytes(b"no picture")
        (found,) = read_squares(folder, 16)
        self.assertAllClose(found, np.ones((16, 16, 3)))
