import numpy as np

from keras_comic import losses
from keras_comic.models import FeatureNetwork
from keras_comic.models.features.squeeze_net_features import SqueezeNetFeatures
from tests.test_case import SHARED
from tests.test_case import TestCase
from tests.test_case import noise
from tests.test_case import shared

WEIGHTS = SHARED / "data" / "weights"
HEADS = WEIGHTS / "lpips_v01_linear_heads.npz"


def layer(*positions):
    """One sample, a row of positions."""
    return np.float32(positions)[None, None]


class PerceptualDistanceTest(TestCase):
    def test_by_hand(self):
        # Directions (0.6, 0.8) and (1, 0) at the first position, the same at
        # the second: 0.16 + 0.64 there, the mean 0.4.
        features = np.concatenate([layer([3, 4], [5, 0])] * 2)
        targets = np.concatenate([layer([2, 0], [1, 0]), layer([6, 8], [1, 0])])
        self.run_loss_test(
            losses.perceptual_distance, ([features], [targets]), [0.4, 0.0]
        )
        # Layers are added.
        self.run_loss_test(
            losses.perceptual_distance,
            ([features, features], [targets, targets]),
            [0.8, 0.0],
        )
        # With heads: (10 * 0.16 + 0.5 * 0.64) / 2, then once more by 2.
        heads = [np.float32([10, 0.5]), np.float32([20, 1])]
        self.run_loss_test(
            lambda x, y: losses.perceptual_distance(x, y, heads),
            ([features, features], [targets, targets]),
            [0.96 + 1.92, 0.0],
        )

    def test_errors(self):
        features = [noise(1, 4, 4, 2), noise(1, 2, 2, 3)]
        with self.assertRaisesRegex(ValueError, "Received: 2 and 1 entries"):
            losses.perceptual_distance(features, features[:1])
        with self.assertRaisesRegex(
            ValueError,
            r"`features_list\[1\]` and `target_list\[1\]` must have the same",
        ):
            losses.perceptual_distance(features, features[:1] * 2)
        with self.assertRaisesRegex(
            ValueError, "one entry for each layer. Received: 1 heads for 2"
        ):
            losses.perceptual_distance(features, features, [np.ones(2)])
        with self.assertRaisesRegex(
            ValueError,
            r"`heads\[1\]` must have a number for each of the 3 channels of "
            r"its layer. Received: heads\[1\].shape=\(2,\)",
        ):
            losses.perceptual_distance(features, features, [np.ones(2)] * 2)


class HeadsTest(TestCase):
    def test_file(self):
        path = self.temporary_folder() / "heads.npz"
        # As PyTorch has them, too.
        arrays = {
            "vgg/lin0": np.ones(4, "float32"),
            "vgg/lin1": np.arange(6.0).reshape(1, 6, 1, 1),
            "squeeze/lin0": np.zeros(2),
            "alone/lin1": np.zeros(2),
            "wrong/lin0": np.float32([1, -1]),
        }
        np.savez(path, **arrays)
        heads = losses.load_perceptual_heads(path)
        self.assertEqual(len(heads), 2)
        self.assertAllEqual(heads[0], np.ones(4))
        self.assertAllEqual(heads[1], np.arange(6.0))
        self.assertDType(heads[1], "float32")
        self.assertEqual(
            len(losses.load_perceptual_heads(str(path), "squeeze")), 1
        )
        with self.assertRaisesRegex(
            ValueError,
            "arrays named `<network>/lin0` and on. Received: network='alone', "
            r"path='.*heads.npz' with \['alone/lin1', 'squeeze/lin0'",
        ):
            losses.load_perceptual_heads(path, "alone")
        with self.assertRaisesRegex(
            ValueError, "must be at least 0. Received: .*'wrong' are not"
        ):
            losses.load_perceptual_heads(path, "wrong")

    def test_errors(self):
        with self.assertRaisesRegex(
            FileNotFoundError, "that exists. Received: path='nowhere.npz'"
        ):
            losses.load_perceptual_heads("nowhere.npz")
        path = self.temporary_folder() / "text.npz"
        path.write_text("no arrays")
        with self.assertRaisesRegex(
            ValueError, "must be an `.npz` file of arrays. Received: path='.*"
        ):
            losses.load_perceptual_heads(path)

    @shared
    def test_published_heads(self):
        for name, channels in (
            ("vgg", [64, 128, 256, 512, 512]),
            ("squeeze", [64, 128, 256, 384, 384, 512, 512]),
        ):
            heads = losses.load_perceptual_heads(HEADS, name)
            self.assertEqual([len(head) for head in heads], channels)
            self.assertEqual(len(losses.PERCEPTUAL_LAYERS[name]), len(channels))

    @shared
    def test_grows_with_the_damage(self):
        """On real networks, heads and a photo."""
        from PIL import Image

        path = sorted((SHARED / "data" / "photos" / "eval").glob("*.jpg"))[0]
        with Image.open(path) as photo:
            pixels = np.asarray(photo.convert("RGB").resize((64, 64)))
        images = (pixels[None] / 127.5 - 1.0).astype("float32")
        vgg = FeatureNetwork.from_weights(WEIGHTS / "vgg19_blocks1to3.npz")
        squeeze = SqueezeNetFeatures.from_weights(
            WEIGHTS / "squeezenet_v11_notop.h5"
        )
        for network, name, count in ((vgg, "vgg", 3), (squeeze, "squeeze", 7)):
            layers = losses.PERCEPTUAL_LAYERS[name][:count]
            heads = losses.load_perceptual_heads(HEADS, name)[:count]

            def features_of(pictures, network=network, layers=layers):
                found = network(pictures, layers=layers)
                return [found[layer] for layer in layers]

            targets = features_of(images)
            values = [
                float(
                    self.numpy(
                        losses.perceptual_distance(
                            features_of(images + scale * noise(*images.shape)),
                            targets,
                            heads,
                        )
                    )[0]
                )
                for scale in (0.0, 0.1, 0.8)
            ]
            self.assertEqual(values, sorted(values))
            self.assertAllClose(values[0], 0.0)
            self.assertGreater(values[-1], 3.0 * values[1])
