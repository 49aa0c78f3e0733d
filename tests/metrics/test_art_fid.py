import numpy as np

from keras_comic.metrics import ArtFID
from keras_comic.metrics import Diversity
from keras_comic.metrics import FrechetDistance
from keras_comic.metrics import PerceptualDistance
from keras_comic.models import FeatureNetwork
from tests.test_case import TestCase
from tests.test_case import noise


def make_metric(network):
    stated = {"resize": "none", "crop": "none"}
    return ArtFID(
        PerceptualDistance(network, ["relu1_1"], protocol=stated),
        FrechetDistance(network, "relu2_1", stated),
    )


class ArtFIDTest(TestCase):
    def test_product(self):
        network = FeatureNetwork((1, 1), (4, 5))
        photos, fake_comics = noise(6, 8, 8, 3), noise(6, 8, 8, 3, seed=1)
        comics = noise(5, 12, 8, 3, seed=2)
        metric = make_metric(network)
        metric.update_state(photos[:4], comics, fake_comics[:4])
        metric.update_state(photos[4:], fake_comics=fake_comics[4:])
        content = PerceptualDistance(network, ["relu1_1"])
        content.update_state(photos, fake_comics)
        style = FrechetDistance(network, "relu2_1")
        style.update_state(comics, fake_comics)
        expected = (1.0 + float(content.result())) * (1.0 + style.result())
        self.assertAllClose(metric.result(), expected, rtol=1e-4)
        self.assertAllClose(metric.report().value, expected, rtol=1e-4)
        metric.reset_state()
        self.assertTrue(np.isnan(metric.result()))

    def test_protocol(self):
        network = FeatureNetwork((1, 1), (4, 5))
        metric = make_metric(network)
        images = noise(3, 8, 8, 3)
        metric.update_state(images, images, images)
        report = metric.report()
        protocol = report.protocol
        self.assertEqual(protocol["metric"], "ArtFID")
        self.assertEqual(protocol["resize"], "none")
        self.assertEqual(protocol["network"], "FeatureNetwork")
        self.assertEqual(protocol["content_layers"], "relu1_1")
        self.assertEqual(protocol["style_layer"], "relu2_1")
        self.assertTrue(report == metric.report())
        other = ArtFID(
            PerceptualDistance(network, ["relu1_1"]),
            FrechetDistance(FeatureNetwork((1,), (4,)), "relu1_1"),
        )
        other.update_state(images, images, images)
        with self.assertRaisesRegex(ValueError, "differ in: .*resize"):
            report < other.report()  # noqa: B015

    def test_errors(self):
        with self.assertRaisesRegex(TypeError, "must be a FrechetDistance"):
            ArtFID(PerceptualDistance(), Diversity())
        with self.assertRaisesRegex(TypeError, "must be a PerceptualDistance"):
            ArtFID(Diversity(), FrechetDistance())
        metric = make_metric(FeatureNetwork((1, 1), (4, 5)))
        with self.assertRaisesRegex(ValueError, "belong together.*only photos"):
            metric.update_state(photos=noise(1, 8, 8, 3))
