import ml_dtypes
import numpy as np
from keras import ops

from keras_comic.metrics.features import check_images
from keras_comic.metrics.features import check_pairs
from keras_comic.metrics.features import layer_features
from keras_comic.metrics.features import pooled_features
from keras_comic.models import FeatureNetwork
from tests.test_case import TestCase
from tests.test_case import noise
from tests.test_case import photos


class PooledFeaturesTest(TestCase):
    def test_features_that_the_caller_gives(self):
        given = noise(3, 5)
        self.assertAllEqual(pooled_features(given, None, None, "x"), given)
        maps = noise(3, 4, 6, 5)
        pooled = pooled_features(maps, None, None, "x")
        self.assertAllClose(pooled, maps.mean((1, 2)))
        self.assertDType(pooled, "float32")

    def test_dtypes(self):
        for dtype, expected in (
            ("float16", "float32"),
            (ml_dtypes.bfloat16, "float32"),
            ("float64", "float64"),
            ("int32", "float32"),
        ):
            given = np.ones((3, 5), dtype)
            found = pooled_features(given, None, None, "x")
            self.assertDType(found, expected)
            self.assertAllEqual(found, np.ones((3, 5)))

    def test_networks(self):
        network = FeatureNetwork((1, 1), (2, 3))
        images = noise(2, 8, 8, 3)
        expected = self.numpy(network(images)["relu2_1"]).mean((1, 2))
        found = pooled_features(images, network, "relu2_1", "x")
        self.assertAllClose(found, expected)
        self.assertAllClose(
            pooled_features(images, lambda x: network(x)["relu2_1"], None, "x"),
            expected,
        )
        # A dict of one needs no name.
        self.assertAllClose(
            pooled_features(
                images, lambda x: network(x, layers=["relu2_1"]), None, "x"
            ),
            expected,
        )

    def test_errors(self):
        network = FeatureNetwork((1, 1), (2, 3))
        with self.assertRaisesRegex(ValueError, "layer=None, with .'relu1_1'"):
            pooled_features(noise(1, 8, 8, 3), network, None, "comics")
        with self.assertRaisesRegex(ValueError, r"comics with .* \(2, 3, 4\)"):
            pooled_features(noise(2, 3, 4), None, None, "comics")
        with self.assertRaisesRegex(TypeError, "comics.dtype=uint8"):
            pooled_features(photos(1, 8, 8, 3), network, "relu1_1", "comics")


class LayerFeaturesTest(TestCase):
    def test_forms(self):
        network = FeatureNetwork((1, 1), (2, 3))
        images = noise(2, 8, 8, 3)
        names = ["relu2_1", "relu1_1"]
        activations = network(images)
        for inputs, used in (
            (images, network),
            (activations, None),
            ([activations[name] for name in names], None),
        ):
            found = layer_features(inputs, used, names, "photos")
            self.assertEqual([v.shape[-1] for v in found], [3, 2])
        self.assertEqual(
            len(layer_features(images, network, None, "photos")), 2
        )

    def test_errors(self):
        maps = noise(1, 4, 4, 2)
        for inputs, layers, message in (
            ({"a": maps}, ["b"], r"must have the layers \['b'\].*\['a'\]"),
            (maps, None, "must be a list or a dict"),
            ([], None, "must be a list or a dict"),
            ([maps], ["a", "b"], "one entry for each of .*Received: 1"),
            ([maps[0]], None, r"photos\[0\].shape=\(4, 4, 2\)"),
        ):
            with self.assertRaisesRegex(ValueError, message):
                layer_features(inputs, None, layers, "photos")


class ChecksTest(TestCase):
    def test_images(self):
        check_images(noise(1, 8, 8, 3), "photos")
        check_images(ops.cast(noise(1, 8, 8, 3), "bfloat16"), "photos")
        with self.assertRaisesRegex(ValueError, r"photos.shape=\(8, 8, 3\)"):
            check_images(noise(8, 8, 3), "photos")
        with self.assertRaisesRegex(TypeError, "photos.dtype=.*uint8"):
            check_images(ops.cast(noise(1, 8, 8, 3), "uint8"), "photos")

    def test_pairs(self):
        check_pairs(noise(1, 8, 8, 3), noise(1, 8, 8, 3))
        with self.assertRaisesRegex(
            ValueError, r"photos.shape=\(1, 8, 8, 3\), fake_comics.shape=\(1, 9"
        ):
            check_pairs(noise(1, 8, 8, 3), noise(1, 9, 8, 3))
