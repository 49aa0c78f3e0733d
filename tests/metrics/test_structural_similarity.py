import numpy as np
from skimage import metrics

from keras_comic.metrics import StructuralSimilarity
from tests.metrics import make_golden
from tests.metrics.golden import golden
from tests.test_case import TestCase
from tests.test_case import noise

# Float32 loses 1e-7 of squares up to 4; what is left is over at least 0.0036.
SSIM_ERROR = 1e-4


def pairs():
    names = ("photos", "comics")
    return [make_golden.images(name, 2, 40, 52) for name in names]


def as_inputs(pictures):
    return (pictures / 127.5 - 1.0).astype("float32")


def measured(photos, fake_comics):
    metric = StructuralSimilarity()
    metric.update_state(as_inputs(photos), as_inputs(fake_comics))
    return metric.report().value


class StructuralSimilarityTest(TestCase):
    def test_scikit_image(self):
        photos, comics = pairs()
        # Alike, and unlike.
        for other in (comics, photos // 2 + comics // 8):
            expected = np.mean(
                [
                    metrics.structural_similarity(
                        *(
                            picture.astype("float64") @ [0.299, 0.587, 0.114]
                            for picture in pair
                        ),
                        gaussian_weights=True,
                        sigma=1.5,
                        use_sample_covariance=False,
                        data_range=255.0,
                    )
                    for pair in zip(photos, other)
                ]
            )
            self.assertAllClose(
                measured(photos, other), expected, atol=SSIM_ERROR, rtol=0
            )

    def test_another_project(self):
        expected = golden()["structural_similarity"]["torchmetrics"]
        self.assertAllClose(
            measured(*pairs()), expected, atol=SSIM_ERROR, rtol=0
        )

    def test_batches(self):
        photos, comics = map(as_inputs, pairs())
        whole, parts = StructuralSimilarity(), StructuralSimilarity()
        whole.update_state(photos, comics)
        for i in range(2):
            parts.update_state(photos[i : i + 1], comics[i : i + 1])
        self.assertAllClose(parts.result(), whole.result(), atol=SSIM_ERROR)
        half = StructuralSimilarity()
        half.update_state(photos.astype("float16"), comics.astype("float16"))
        self.assertAllClose(half.result(), whole.result(), atol=2e-3)

    def test_report(self):
        metric = StructuralSimilarity({"resize": "none", "crop": "none"})
        metric.update_state(noise(2, 16, 16, 3), noise(2, 16, 16, 3))
        report = metric.report()
        self.assertEqual(
            report.protocol,
            {
                "metric": "StructuralSimilarity",
                "pairs": 2,
                "resize": "none",
                "crop": "none",
            },
        )
        self.assertTrue(report == metric.report())

    def test_errors(self):
        with self.assertRaisesRegex(ValueError, "must have one shape"):
            measured(noise(1, 16, 16, 3), noise(1, 16, 18, 3))
        with self.assertRaisesRegex(ValueError, "at least 11 pixels"):
            measured(noise(1, 16, 8, 3), noise(1, 16, 8, 3))
