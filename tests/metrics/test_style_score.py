import importlib.util

import numpy as np

from keras_comic.metrics import StyleScore
from keras_comic.metrics import content_distance
from keras_comic.metrics import style_distance
from keras_comic.models import FeatureNetwork
from tests.test_case import SHARED
from tests.test_case import TestCase
from tests.test_case import noise
from tests.test_case import requires_tensorflow
from tests.test_case import shared

LAYERS = ["relu1_1", "relu2_1", "relu3_1", "relu3_3"]


def column(*values):
    """Features of one channel: one sample, one column of positions."""
    return np.float32(values).reshape(1, -1, 1, 1)


def small_network():
    return FeatureNetwork((1, 1, 3), (4, 6, 8))


def numpy_moments(features):
    return features.mean((1, 2)), np.sqrt(features.var((1, 2)) + 1e-5)


class DistancesTest(TestCase):
    def test_style_by_hand(self):
        # Mean 2, deviation 1 against mean 5, deviation 5: 9 + 16, in each of
        # three layers.
        features = {name: column(1, 3) for name in LAYERS}
        drawn = {name: column(0, 10) for name in LAYERS[:3]}
        self.assertAllClose(style_distance(features, drawn), [75.0], atol=1e-3)

    def test_content_by_hand(self):
        # Normalised -1, 1 and 1, -1.
        features = {"relu3_3": column(1, 3)}
        photo = {"relu3_3": column(5, 1)}
        self.assertAllClose(content_distance(features, photo), [4.0], atol=1e-3)

    def test_numpy_agrees(self):
        network = small_network()
        one = network(noise(2, 32, 40, 3))
        other = network(noise(2, 32, 40, 3, seed=1))
        expected = 0.0
        for name in LAYERS[:3]:
            for a, b in zip(
                numpy_moments(self.numpy(one[name])),
                numpy_moments(self.numpy(other[name])),
                strict=True,
            ):
                expected += ((a - b) ** 2).mean(-1)
        self.assertAllClose(style_distance(one, other), expected, rtol=3e-5)

        def normalised(features):
            mean, deviation = numpy_moments(features)
            return (features - mean[:, None, None]) / deviation[:, None, None]

        difference = normalised(self.numpy(one["relu3_3"])) - normalised(
            self.numpy(other["relu3_3"])
        )
        self.assertAllClose(
            content_distance(one, other),
            (difference**2).mean((1, 2, 3)),
            rtol=1e-4,
        )

    def test_errors(self):
        features = {name: column(1, 3) for name in LAYERS[:2]}
        with self.assertRaisesRegex(
            ValueError,
            r"`features` must hold \['relu1_1', 'relu2_1', 'relu3_1'\]. "
            r"Received: features with \['relu1_1', 'relu2_1'\]",
        ):
            style_distance(features, features)
        with self.assertRaisesRegex(
            ValueError, "`target_features` must hold .*relu3_3"
        ):
            content_distance({"relu3_3": column(1, 3)}, features)


class StyleScoreTest(TestCase):
    def test_untouched_photos(self):
        score = StyleScore(small_network())
        photos, drawings = noise(2, 32, 32, 3), noise(2, 36, 28, 3, seed=1)
        score.update_state(photos, photos, drawings)
        result = {key: float(v) for key, v in score.result().items()}
        self.assertEqual(
            sorted(result), ["content", "photo_style", "ratio", "ssim", "style"]
        )
        self.assertAllClose(result["ratio"], 1.0)
        self.assertAllClose(result["content"], 0.0)
        self.assertAllClose(result["ssim"], 1.0, atol=1e-4)
        self.assertGreater(result["style"], 0.0)

    def test_means_over_all_pairs(self):
        network = small_network()
        outputs, photos = noise(3, 32, 32, 3), noise(3, 32, 32, 3, seed=1)
        drawings = 0.5 * noise(3, 32, 32, 3, seed=2)
        score = StyleScore(network)
        score.update_state(outputs[:2], photos[:2], drawings[:2])
        score.update_state(outputs[2:], photos[2:], drawings[2:])
        drawn = network(drawings)
        style = self.numpy(style_distance(network(outputs), drawn))
        photo_style = self.numpy(style_distance(network(photos), drawn))
        result = score.result()
        self.assertAllClose(result["style"], style.mean(), rtol=1e-4)
        self.assertAllClose(
            result["photo_style"], photo_style.mean(), rtol=1e-4
        )
        # The ratio of the means, not the mean of the ratios.
        self.assertAllClose(
            result["ratio"], style.mean() / photo_style.mean(), rtol=1e-4
        )
        score.reset_state()
        score.update_state(outputs[:1], photos[:1], drawings[:1])
        self.assertAllClose(score.result()["style"], style[0], rtol=1e-4)

    def test_one_photo_and_one_drawing_for_all_outputs(self):
        network = small_network()
        outputs = noise(3, 32, 32, 3)
        photo, drawing = (
            noise(1, 32, 32, 3, seed=1),
            noise(1, 40, 32, 3, seed=2),
        )
        short, long = StyleScore(network), StyleScore(network)
        short.update_state(outputs, photo, drawing)
        long.update_state(
            outputs, photo.repeat(3, axis=0), drawing.repeat(3, axis=0)
        )
        short, long = short.result(), long.result()
        for key, value in long.items():
            self.assertAllClose(short[key], value, rtol=1e-4)

    def test_report(self):
        stated = {"resize": "none", "crop": "none"}
        score = StyleScore(small_network(), protocol=stated)
        with self.assertRaisesRegex(ValueError, "Received: 0 pairs"):
            score.report()
        score.update_state(
            noise(2, 32, 32, 3),
            noise(2, 32, 32, 3, seed=1),
            noise(1, 32, 32, 3),
        )
        report = score.report()
        for key, value in score.result().items():
            self.assertAllClose(report[key].value, value, rtol=1e-5)
        protocol = report["ratio"].protocol
        self.assertEqual(protocol["metric"], "StyleScore.ratio")
        self.assertEqual(protocol["pairs"], 2)
        self.assertEqual(protocol["network"], "FeatureNetwork")
        self.assertTrue(report["ssim"] == score.report()["ssim"])

    @shared
    @requires_tensorflow
    def test_agrees_with_the_tool_that_scores_presets(self):
        tool = load_tool()
        photos = sorted((SHARED / "data/photos/eval").iterdir())[:4:2]
        drawings = [
            sorted((SHARED / f"data/drawings/{name}/eval").iterdir())[0]
            for name in ("denslow", "neill")
        ]

        def output_of(photo, drawing):
            blend = 0.4 * tool.load(photo) + 0.6 * tool.load(drawing)[:, ::-1]
            return np.rint(blend).astype("float32")

        expected, _ = tool.score(photos, drawings, output_of)
        score = StyleScore(
            FeatureNetwork.from_weights(
                str(SHARED / "data/weights/vgg19_blocks1to3.npz")
            )
        )
        for photo in photos:
            outputs = [output_of(photo, drawing) for drawing in drawings]
            score.update_state(
                as_images(outputs),
                as_images([tool.load(photo)]),
                as_images([tool.load(drawing) for drawing in drawings]),
            )
        result = score.result()
        for key in ("ratio", "content", "ssim"):
            self.assertAllClose(result[key], expected[key], atol=1e-4, rtol=0)
        for key in ("style", "photo_style"):
            self.assertAllClose(result[key], expected[key], atol=0, rtol=1e-4)


def load_tool():
    specification = importlib.util.spec_from_file_location(
        "style_score_tool", SHARED / "tools/style_score.py"
    )
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


def as_images(pictures):
    """Pictures in [0, 255] to a batch in [-1, 1]."""
    return (np.stack(pictures) / 127.5 - 1.0).astype("float32")
