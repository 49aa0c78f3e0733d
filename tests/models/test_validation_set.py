import keras
import numpy as np

import keras_comic
from keras_comic.metrics import KernelDistance
from keras_comic.models import ValidationSet
from tests.test_case import TestCase
from tests.test_case import photos
from tests.tiny_families import TinyCodes
from tests.tiny_families import TinyComic
from tests.tiny_families import TinyPainter


def as_float(pictures):
    return np.stack(pictures).astype("float32") / 127.5 - 1.0


class ValidationSetTest(TestCase):
    def setUp(self):
        keras.utils.set_random_seed(0)
        self.network = keras_comic.FeatureNetwork((1, 1), (4, 4))
        self.photos = list(photos(3, 32, 32, 3))
        self.drawings = list(photos(2, 32, 32, 3, seed=1))

    def test_kid_is_that_of_the_metric(self):
        inputs = as_float(self.photos)
        drawn = as_float([self.drawings[i] for i in (0, 1, 0)])
        painter, codes = TinyPainter(), TinyCodes()
        for model, fakes in (
            (TinyComic(), TinyComic()({"photos": inputs})),
            (
                painter,
                painter(
                    {"photos": inputs, "style": painter.encode_style(drawn)}
                ),
            ),
            (codes, None),
        ):
            own = [] if fakes is None else self.photos
            if fakes is None:
                fakes = codes({"codes": codes.sample_codes(2, 0)})
            validation = ValidationSet(own, self.drawings, self.network)
            metric = KernelDistance(self.network, "relu2_1")
            metric.update_state(as_float(self.drawings), fakes)
            result = validation.evaluate(model)
            self.assertAllClose(result.value, metric.result(), 1e-5, 1e-4)
            # Measuring again gives the same.
            self.assertEqual(validation.evaluate(model).value, result.value)

    def test_style_loss(self):
        validation = ValidationSet(
            self.photos, self.drawings, self.network, "style_loss"
        )
        result = validation.evaluate(TinyPainter())
        self.assertEqual(result.metric, "StyleLoss")
        self.assertGreater(result.value, 0.0)

    def test_errors(self):
        with self.assertRaisesRegex(ValueError, "'fid'"):
            ValidationSet(self.photos, self.drawings, self.network, "fid")
        for own, drawings in ((self.photos[:1], self.drawings), ([], [])):
            with self.assertRaisesRegex(ValueError, "at least 2"):
                ValidationSet(own, drawings, self.network)
